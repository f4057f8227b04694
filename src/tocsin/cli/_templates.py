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

sources:                        # where to listen
  bluesky: {{type: jetstream}}    # all of Bluesky, live, without a key; only what a watch might match is kept
  inbox: {{type: webhook, port: 8322}}    # send posts to http://127.0.0.1:8322/events
  # news: {{type: rss, feeds: ["https://example.com/feed.xml"]}}
  # archive: {{type: file, path: posts.csv, fields: {{id: id, text: text, created_at: created_at}}}}
  # practice: {{type: scenario}}          # posts that Tocsin invents, with an incident among them

categories:                     # what a post may be about, in plain words; `match` adds what surely belongs
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
    categories: dict[str, tuple[str, str]]
    """Name -> what belongs to it in plain words, and a rule for what surely does."""
    bucket: str
    budget: str


TEMPLATES = {
    "brand": Template(
        {
            "praise": ("People love it, say thanks, recommend it.", '"thank you" OR thanks OR "love it" OR awesome'),
            "complaint": (
                "Anger and disappointment: it is broken, of bad quality, a bad experience.",
                'terrible OR awful OR worst OR "never again"',
            ),
            "price": ("Prices, fees, discounts, too expensive or cheap.", 'price OR prices OR expensive OR "too much"'),
            "service": (
                "Customer service: nobody answers, waiting on hold, refunds, replies.",
                '"customer service" OR refund OR "no answer"',
            ),
        },
        bucket="5m",
        budget="1 per day",
    ),
    "incident": Template(
        {
            "outage": ("The service is down or unreachable for many.", 'outage OR "is down" OR unreachable'),
            "login": ("People cannot log in, or are locked out.", '"log in" OR login OR "sign in" OR "locked out"'),
            "slow": ("Everything is slow, lags or times out.", 'slow OR lag OR timeout OR "takes forever"'),
            "payment": ("Payments fail, cards are declined or charged twice.", '"card declined" OR "charged twice"'),
        },
        bucket="1m",
        budget="1 per day",
    ),
    "news": Template(
        {
            "business": ("Companies, earnings, shares, mergers, layoffs.", "earnings OR merger OR takeover OR layoffs"),
            "law": ("Courts, lawsuits, fines, investigations.", "court OR lawsuit OR regulator OR investigation"),
            "safety": ("Accidents, fires, recalls, injured people.", "accident OR fire OR injured OR evacuated"),
            "people": ("Who is appointed, resigns, is interviewed or dies.", "ceo OR resigns OR appointed"),
        },
        bucket="15m",
        budget="3 per week",
    ),
}


def render(name: str, term: str) -> str:
    """The config of a template for a term, as YAML."""
    template = TEMPLATES[name]
    categories = "".join(
        f"  - name: {category}\n    description: {_quoted(words)}\n    match: {_quoted(rule)}\n"
        for category, (words, rule) in template.categories.items()
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
