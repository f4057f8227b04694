"""What live sources share: reading ahead, the ear, and the ids of what was taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_source_jetstream import NOW

from tocsin import rules
from tocsin.clock import SystemClock
from tocsin.component import Context
from tocsin.enrichers.watches import Watch
from tocsin.errors import Transient
from tocsin.model import Author, Post
from tocsin.rules import Document
from tocsin.sources._ear import Ear
from tocsin.sources._gather import gather
from tocsin.sources._kept import Kept

CONTEXT = Context("feed", Path())


async def numbers(count: int, fault: Exception | None = None) -> AsyncGenerator[int, None]:
    for number in range(count):
        yield number
        await asyncio.sleep(0)
    if fault is not None:
        raise fault


async def test_everything_comes_in_order_before_the_error() -> None:
    found: list[int] = []
    lists = gather(numbers(1200, Transient("cut")), SystemClock(), most=500)
    while len(found) < 1200:
        found += await anext(lists)
    with pytest.raises(Transient, match="cut"):
        await anext(lists)
    assert found == list(range(1200))


async def test_a_silence_is_an_empty_list_and_closing_leaves_no_task() -> None:
    async def silent() -> AsyncGenerator[int, None]:
        await asyncio.sleep(60)
        yield 1

    before = asyncio.all_tasks()
    lists = gather(silent(), SystemClock(), every=0.01)
    assert await anext(lists) == []
    await lists.aclose()
    assert asyncio.all_tasks() <= before


def test_what_was_taken_is_known_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "sources" / "feed.db"
    with Kept(file) as kept:
        kept.add([(str(number), f"a{number % 3}") for number in range(2000)], 100)
        kept.add([("late", "z")], 200)
    with Kept(file) as kept:
        assert kept.posts(map(str, range(1990, 2010))) == {str(number) for number in range(1990, 2000)}
        assert kept.authors(["a1", "b", "z"]) == {"a1", "z"}
        assert kept.since(150) == ["late"]


WORDS = st.sampled_from(["acme", "rail", "Łódź", "late", "東京", "train", "C++"])
TERMS = st.one_of(
    WORDS.filter(lambda word: word != "C++"),
    WORDS.filter(str.isalpha).map("#{}".format),
    st.sampled_from(['"acme rail"', "@acme", "$acme", "from:sam", "lang:en", "has:links", "url:acme", "-late"]),
)
RULES = st.lists(TERMS, min_size=1, max_size=4).map(" ".join) | st.lists(TERMS, min_size=2, max_size=4).map(" OR ".join)


@given(
    rule=RULES,
    words=st.lists(WORDS, max_size=6),
    tags=st.lists(WORDS.filter(str.isalpha), max_size=2),
    sam=st.booleans(),
)
def test_the_ear_misses_nothing_that_the_rule_matches(rule: str, words: list[str], tags: list[str], sam: bool) -> None:
    try:
        parsed = rules.parse(rule)
    except rules.RuleError:
        return
    handle, link = "sam" if sam else None, ("https://acme.example",)
    post = Post(
        uid="feed:1", source="feed", id="1", text=" ".join(words), received_at=NOW, hashtags=tuple(tags), urls=link,
        author=Author(id="did:1", handle=handle),
    )  # fmt: skip
    seen = Document(post.text, hashtags=tags, author_id="did:1", author_handle=handle, language="en", urls=link)
    if parsed.matches(seen):
        assert Ear([Watch(name="w", match=rule)], "feed").wants(post)


def test_a_watch_for_other_sources_opens_no_ear() -> None:
    post = Post(uid="feed:1", source="feed", id="1", text="acme", received_at=NOW)
    theirs = Watch(name="theirs", match="acme", sources=("other",))
    assert not Ear([theirs, Watch(name="ours", match="globex")], "feed").wants(post)
    assert Ear([Watch(name="ours", match="ACME", sources=("feed",))], "feed").wants(post)
