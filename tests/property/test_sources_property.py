"""One watch gives the same posts on every platform: each hears, or is asked for, all that the watch matches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.helpers.faults import by_length

from tocsin import load
from tocsin.component import Context, Source
from tocsin.enrichers.markup import Config as MarkupConfig
from tocsin.enrichers.markup import Markup
from tocsin.enrichers.watches import Config as WatchesConfig
from tocsin.enrichers.watches import Watches
from tocsin.errors import ConfigError
from tocsin.model import Post
from tocsin.records import SCHEMA, complete, post_row, to_batch
from tocsin.rules import RuleError, parse
from tocsin.rules_x import translate
from tocsin.simulators import hackernews, jetstream, mastodon, rss, x
from tocsin.simulators._simulator import Simulator

EXAMPLES = by_length(40, 300, 2000)
WORDS = [
    "acme",
    "Bell",
    "the",
    "down",
    "café",
    "電車",
    "👍",
    "don't",
    "Straße",
    "#acme",
    "@bell",
    "https://acme.example/bell",
]
TERMS = [
    "acme",
    "bell",
    "down",
    "café",
    "電車",
    "👍",
    "strasse",
    '"the bell"',
    '"acme the"',
    "#acme",
    "@bell",
    "url:acme.example",
]
END = "omega"
"""The word of the last post: whoever has heard it has heard everything."""

texts = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join), min_size=1, max_size=12, unique=True
)
terms = st.sampled_from(TERMS)
branches = st.lists(st.one_of(terms, terms.map("-{}".format)), min_size=1, max_size=3).map(" ".join)
rules = st.lists(branches, min_size=1, max_size=3).map(" OR ".join)
watches = st.lists(rules, min_size=1, max_size=3)

Stage = Callable[[Sequence[str]], tuple[Simulator, dict[str, Any]]]


def on_jetstream(told: Sequence[str]) -> tuple[Simulator, dict[str, Any]]:
    start = jetstream.START
    posts = [
        jetstream.Told(
            start + 1000 * number, f"did:plc:{number:024d}", "create", jetstream.tid(start + 1000 * number),
            {"$type": jetstream.POSTS, "text": text, "createdAt": "2026-03-01T12:00:00Z", "langs": ["en"]},
        )
        for number, text in enumerate(told)
    ]  # fmt: skip
    return jetstream.Jetstream(posts), {"type": "jetstream", "hosts": ["URL"]}


def on_x(told: Sequence[str]) -> tuple[Simulator, dict[str, Any]]:
    server = x.X([x.Told(text) for text in told])
    return server, {"type": "x", "url": "URL", "token": "t", "max_cost_per_day": 100, "refuse": False}


def on_mastodon(told: Sequence[str]) -> tuple[Simulator, dict[str, Any]]:
    server = mastodon.Mastodon([mastodon.Told(text) for text in told])
    return server, {"type": "mastodon", "url": "URL", "token": mastodon.TOKEN, "streams": ["public"]}


def on_rss(told: Sequence[str]) -> tuple[Simulator, dict[str, Any]]:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    items = [
        rss.Told(f"item-{number}", "", f"<p>{escape(text)}</p>", start + timedelta(minutes=number))
        for number, text in enumerate(told)
    ]
    return rss.Rss(items, first=len(items)), {"type": "rss", "feeds": ["URL/feed.xml"]}


def on_hackernews(told: Sequence[str]) -> tuple[Simulator, dict[str, Any]]:
    items = [
        {
            "id": hackernews.FIRST + number,
            "type": "comment",
            "by": "sam",
            "time": hackernews.START,
            "text": escape(text),
        }
        for number, text in enumerate(told)
    ]
    return hackernews.Hackernews(items, first=len(items)), {"type": "hackernews", "url": "URL", "history": len(items)}


STAGES: list[Stage] = [on_jetstream, on_x, on_mastodon, on_rss, on_hackernews]


async def hear(stage: Stage, told: Sequence[str], asked: list[dict[str, Any]]) -> list[Post]:
    """What a source brings until the last post has come."""
    server, block = stage(told)
    async with server:
        options = {key: _with(value, server.url) for key, value in block.items() if key != "type"}
        loaded = load.component("sources", block["type"])
        if "watches" in loaded.config_class.model_fields:
            options["watches"] = asked
        with TemporaryDirectory() as folder:
            source: Source = loaded.component_class(
                loaded.config_class.model_validate(options), Context("feed", Path(folder))
            )
            found: list[Post] = []
            async with asyncio.timeout(20), aclosing(source.read(None)) as batches:
                async for batch in batches:
                    found += [event for event in batch.events if isinstance(event, Post)]
                    if any(END in post.text for post in found):
                        break
    return found


def _with(value: Any, url: str) -> Any:
    if isinstance(value, list):
        return [_with(one, url) for one in value]
    return value.replace("URL", url) if isinstance(value, str) else value


def matched(posts: Sequence[Post], asked: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The watches of each post that any matches, by its text, as a run decides them."""
    table = complete(to_batch([post_row(number, post) for number, post in enumerate(posts)]))
    batch = table.combine_chunks().to_batches()[0]
    marked = Markup(MarkupConfig(), Context("markup", Path())).enrich(batch)
    for name, column in marked.items():
        batch = batch.set_column(batch.schema.get_field_index(name), SCHEMA.field(name), column)
    config = WatchesConfig.model_validate({"watches": asked})
    names = Watches(config, Context("watches", Path())).enrich(batch)["watches"].to_pylist()
    return {post.text: tuple(found) for post, found in zip(posts, names, strict=True) if found}


@pytest.mark.parametrize("stage", STAGES)
@given(rules=watches, texts=texts)
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_watch_gives_the_same_posts_on_every_platform(stage: Stage, rules: list[str], texts: list[str]) -> None:
    asked = [{"name": f"w{number}", "match": rule} for number, rule in enumerate(rules)]
    asked.append({"name": "end", "match": END})
    try:
        translate([parse(watch["match"]) for watch in asked])
    except (RuleError, ConfigError):
        assume(False)
    told = [*(f"{text} n{number}" for number, text in enumerate(texts)), END]
    plain = [
        Post(uid=f"p:{number}", source="p", id=str(number), text=text, received_at=datetime(2026, 3, 1, tzinfo=UTC))
        for number, text in enumerate(told)
    ]
    assert matched(asyncio.run(hear(stage, told, asked)), asked) == matched(plain, asked)
