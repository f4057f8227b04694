"""The configs that `tocsin init` writes: one text, and what differs between a brand, a service and a newsroom."""

from __future__ import annotations

from dataclasses import dataclass

TEXT = """\
# yaml-language-server: $schema=./tocsin.schema.json
# Written by `tocsin init --template {name}`. `tocsin check` reads it over, `tocsin run` works with it.
# docs/reference/config.md describes every key.

data_dir: ./tocsin-data         # the queue, the lake and the state

watches:                        # what to listen for
  - name: {term}
    match: {match}

sources:                        # where to listen: this version reads what is sent to it, and files
  inbox: {{type: webhook, port: 8322}}    # send posts to http://127.0.0.1:8322/events
  # archive: {{type: file, path: posts.csv, fields: {{id: id, text: text, created_at: created_at}}}}
  # practice: {{type: scenario}}          # posts that Tocsin invents, with an incident among them

categories:                     # what a post may be about; one that is in none is kept as `other`
{categories}
alerts:
  budget: {budget}             # how many alerts are welcome
  policies:
    - name: volume              # the number of posts, for each watch and category
      measure: mentions
      by: [watch, category]
      bucket: {bucket}
      sensitivity: balanced     # balanced, quiet or strict
  destinations:
    - {{name: log, type: log}}  # alerts.jsonl in data_dir
    # - {{name: hook, type: webhook, url: "https://example.com/hook", secret: "${{env:HOOK_SECRET}}"}}

server: {{host: 127.0.0.1, port: 8321}}
"""


@dataclass(frozen=True)
class Template:
    categories: dict[str, str]
    bucket: str
    budget: str


TEMPLATES = {
    "brand": Template(
        {
            "praise": 'love OR "thank you" OR thanks OR great OR awesome',
            "complaint": 'terrible OR awful OR worst OR "never again" OR disappointed',
            "price": 'price OR prices OR expensive OR cheap OR "too much"',
            "service": 'support OR "customer service" OR refund OR "no answer"',
        },
        bucket="5m",
        budget="1 per day",
    ),
    "incident": Template(
        {
            "outage": 'down OR outage OR offline OR "not working" OR unreachable',
            "login": '"log in" OR login OR "sign in" OR password OR "locked out"',
            "slow": 'slow OR lag OR timeout OR "takes forever"',
            "payment": 'payment OR "card declined" OR "charged twice" OR invoice',
        },
        bucket="1m",
        budget="1 per day",
    ),
    "news": Template(
        {
            "business": "earnings OR shares OR merger OR takeover OR layoffs",
            "law": "court OR lawsuit OR fine OR regulator OR investigation",
            "safety": "accident OR fire OR recall OR injured OR evacuated",
            "people": "ceo OR resigns OR appointed OR interview",
        },
        bucket="15m",
        budget="3 per week",
    ),
}


def render(name: str, term: str) -> str:
    """The config of a template for a term, as YAML."""
    template = TEMPLATES[name]
    categories = "".join(
        f"  - name: {category}\n    match: {_quoted(rule)}\n" for category, rule in template.categories.items()
    )
    return TEXT.format(
        name=name, term=_quoted(term), match=_quoted(rule_for(term)), categories=categories,
        bucket=template.bucket, budget=template.budget,
    )  # fmt: skip


def rule_for(term: str) -> str:
    """A rule that finds the term as it stands, or as a hashtag, and no mere reposts."""
    words = term.split()
    phrase = term if len(words) == 1 else f'"{" ".join(words)}"'
    hashtag = "".join(words)
    tag = f" OR #{hashtag}" if hashtag.isalnum() else ""
    return f"({phrase}{tag}) -is:repost"


def _quoted(text: str) -> str:
    """A YAML scalar in single quotes, in which only the quote itself is special."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
