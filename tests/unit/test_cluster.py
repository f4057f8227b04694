"""The near-duplicate enricher, post by post."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from tocsin import records
from tocsin.component import Context
from tocsin.enrichers import _near_copies
from tocsin.enrichers.cluster import Cluster, Config
from tocsin.model import Post, Ref

START = datetime(2026, 3, 1, tzinfo=UTC)
LONG = "The Acme tram stopped between two stations this morning and nobody told us anything about the reason."
OTHER = "Borealis sent me a parcel with three left shoes in it, and the box was full of sand from the beach."

Answer = tuple[str, str | None]


def cluster(**options: Any) -> Cluster:
    return Cluster(Config(**options), Context("cluster", Path()))


class Stream:
    """Posts given to an enricher one after the other; each is named by its number."""

    def __init__(self, **options: Any) -> None:
        self.enricher = cluster(**options)
        self.seq = 0

    def say(self, text: str, *, days: float = 0.0, repost_of: str | None = None, uid: str | None = None) -> Answer:
        """The cluster of a post and what it is a copy of."""
        self.seq += 1
        filled = self.enricher.enrich(rows((self.seq, text, days, repost_of, uid)))
        return filled["cluster_id"][0].as_py(), filled["duplicate_of"][0].as_py()


def rows(*said: tuple[int, str, float, str | None, str | None]) -> pa.RecordBatch:
    made = []
    for seq, text, days, repost_of, uid in said:
        refs = () if repost_of is None else (Ref(type="repost", id=repost_of),)
        post = Post(uid=uid or f"p{seq}", source="s", id=str(seq), text=text, received_at=START, refs=refs)
        made.append(records.post_row(seq, _at(post, days)))
    return records.to_batch(made)


def _at(post: Post, days: float) -> Post:
    return Post(**{name: getattr(post, name) for name in post.__struct_fields__} | {
        "created_at": START + timedelta(days=days)
    })  # fmt: skip


def test_the_first_post_leads_and_an_equal_one_is_its_copy() -> None:
    """Defect 9 of the guidance: near-duplicates were counted twice."""
    stream = Stream()
    assert stream.say(LONG) == ("p1", None)
    assert stream.say(OTHER) == ("p2", None)
    assert stream.say(LONG) == ("p1", "p1")


@pytest.mark.parametrize(
    "copy",
    [
        f"RT @someone: {LONG}",
        f"  rt  @Some.One@server.example {LONG}",
        f"@acme @tram_{LONG[:0]}fan {LONG}",
        f"{LONG} https://example.com/a?b=c#d",
        f"{LONG} WWW.example.com/x",
        f"{LONG} 😡🔥👩‍👩‍👧",
        LONG.upper(),
        LONG.replace(" ", "\n\t "),
        LONG.replace("a", "ａ"),
        LONG.replace("i", "i\u200b"),
        f"“{LONG}” — !!!",
    ],
)
def test_what_copies_add_or_change_does_not_hide_them(copy: str) -> None:
    stream = Stream(similarity=1)
    stream.say(LONG)
    assert stream.say(copy) == ("p1", "p1")


@pytest.mark.parametrize(
    "copy",
    [
        LONG.replace("morning", "mornin"),
        f"{LONG} Same here!",
        LONG.replace("nobody", "no one"),
        LONG[: len(LONG) * 4 // 5] + "…",
    ],
)
def test_a_small_edit_is_still_a_copy(copy: str) -> None:
    stream = Stream()
    stream.say(LONG)
    assert stream.say(copy) == ("p1", "p1")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Thank you for the information", "Thanks for the information!"),
        ("this is awful customer service", "wow, awful customer service"),
        ("my flight is delayed again today", "my flight is cancelled again today"),
        ("I love Acme", "I hate Acme"),
        ("电车又停了怎么办", "电车又开了怎么办"),
        ("Acme down", "Acme is down"),
    ],
)
def test_short_posts_that_differ_are_not_copies(one: str, two: str) -> None:
    stream = Stream()
    assert [stream.say(one), stream.say(two)] == [("p1", None), ("p2", None)]


def test_short_posts_that_are_equal_are() -> None:
    stream = Stream()
    stream.say("acme down")
    assert stream.say("@acme Acme DOWN!! 😡") == ("p1", "p1")


@pytest.mark.parametrize("empty", ["", "   ", "👍", "https://example.com/1", "@acme @tram", "!?!", "RT @acme"])
def test_posts_without_words_stand_alone(empty: str) -> None:
    stream = Stream()
    assert [stream.say(empty), stream.say(empty)] == [("p1", None), ("p2", None)]


def test_a_repost_joins_what_it_repeats_whatever_it_says() -> None:
    stream = Stream()
    stream.say(LONG)
    assert stream.say("", repost_of="p1") == ("p1", "p1")
    assert stream.say(LONG) == ("p1", "p1")
    assert stream.say(OTHER, repost_of="p3") == ("p1", "p1"), "a repost of a copy"


def test_reposts_of_a_post_never_seen_are_of_one_cluster_named_after_it() -> None:
    stream = Stream()
    assert stream.say(LONG, repost_of="gone") == ("gone", "gone")
    assert stream.say("", repost_of="gone") == ("gone", "gone")
    assert stream.say(LONG) == ("gone", "gone")
    assert stream.say(LONG, uid="gone") == ("gone", None), "it comes after all"


def test_a_repost_of_a_post_never_seen_joins_by_its_words() -> None:
    stream = Stream()
    stream.say(LONG)
    assert stream.say(f"RT @x: {LONG}", repost_of="gone") == ("p1", "p1")


def test_copies_are_compared_with_first_posts_only_so_clusters_do_not_drift() -> None:
    words = [f"word{number}x" for number in range(30)]
    stream = Stream()
    clusters = [stream.say(" ".join(words[step : step + 15]))[0] for step in range(15)]
    assert clusters[1] == "p1"
    assert clusters[14] != "p1"
    assert len(set(clusters)) > 2


def test_the_earliest_first_post_wins() -> None:
    head, middle, tail = (
        "alpha bravo charlie delta echo " * 3,
        "golf hotel india juliett kilo ",
        "lima mike november oscar ",
    )
    stream = Stream(similarity=0.5)
    assert stream.say(head + middle)[1] is None
    assert stream.say(tail + "papa quebec romeo sierra tango uniform")[1] is None
    assert stream.say(tail + middle + "papa quebec romeo sierra tango uniform")[0] in {"p2", "p3"}
    assert stream.say(head + middle) == ("p1", "p1")


def test_an_edit_stays_in_its_posts_cluster_and_leads_nobody_new() -> None:
    stream = Stream()
    stream.say(LONG)
    assert stream.say(OTHER, uid="p1") == ("p1", None)
    assert stream.say(OTHER) == ("p3", None)
    assert stream.say(LONG) == ("p1", "p1")


def test_copies_are_looked_for_within_the_window_of_event_time() -> None:
    stream = Stream(window="3d")
    stream.say(LONG, days=10)
    assert stream.say(LONG, days=12.9) == ("p1", "p1")
    assert stream.say(LONG, days=13.1) == ("p3", None), "the window begins at the first post, not at the last copy"
    assert stream.say(LONG, days=15) == ("p3", "p3"), "and the new first post has taken the place of the old one"
    assert stream.say(LONG, days=6.9) == ("p5", None), "as far back as ahead"


def test_posts_are_forgotten_after_so_many_rows() -> None:
    stream = Stream(posts=16)
    stream.say(LONG)
    for number in range(14):
        stream.say(f"filler number {number * 7919} says {number * 104729} nothing at all")
    assert stream.say(LONG) == ("p1", "p1")
    assert stream.say(LONG) == ("p17", None)
    assert stream.say("", repost_of="p1") == ("p1", "p1"), "unknown by now, so named after it"
    assert stream.say("", repost_of="p17") == ("p17", "p17")


def test_memory_does_not_grow_with_the_stream_even_where_offsets_are_skipped() -> None:
    enricher = cluster(posts=64)
    for start in range(1, 1500, 10):
        step = 1 + start % 3
        said = [(start * 3 + n * step, f"post {start} {n}", 0.0, None, f"u{(start + n) % 700}") for n in range(10)]
        enricher.enrich(rows(*said))
    assert len(enricher._members._seqs) <= 64


def test_a_batch_that_is_done_again_gets_the_same_answers_and_changes_nothing() -> None:
    texts = [LONG, OTHER, LONG, "acme down", "acme down", f"{OTHER} really", ""]
    batch = rows(*((seq, text, 0.0, None, None) for seq, text in enumerate(texts, 1)))
    after = rows((8, LONG, 0.0, None, None), (9, OTHER, 0.0, None, None), (10, "acme down", 0.0, None, None))
    once, twice = cluster(), cluster()
    first = once.enrich(batch)
    assert twice.enrich(batch) == first
    assert twice.enrich(batch) == first
    assert twice.enrich(after) == once.enrich(after)


def test_only_first_posts_are_signed() -> None:
    batch = rows(*((seq, text, 0.0, None, None) for seq, text in enumerate([LONG, LONG, "", OTHER], 1)))
    signed = cluster().enrich(batch)["signature"].to_pylist()
    assert [mark is not None and len(mark) for mark in signed] == [64, False, False, 64]


def test_recalled_rows_need_not_be_ours() -> None:
    """Rows from before this enricher was configured, or signed by another version of it."""
    columns = {
        "seq": [1, 2, 3], "uid": ["p1", "p2", None], "event_time": [START] * 3,
        "cluster_id": [None, "p2", None], "signature": [None, b"short", None],
    }  # fmt: skip
    lake = pa.RecordBatch.from_pydict(columns, schema=pa.schema([records.SCHEMA.field(name) for name in columns]))
    enricher = cluster()
    enricher.recall(lake)
    filled = enricher.enrich(rows((4, LONG, 0, None, None), (5, "", 0, "p2", None), (6, "", 0, "p1", None)))
    assert filled["cluster_id"].to_pylist() == ["p4", "p2", "p1"]


def test_a_storm_of_copies_is_one_cluster() -> None:
    said = [f"@user{n} {LONG} https://example.com/{n}" for n in range(3000)]
    batch = rows(*((seq, text, 0.0, None, None) for seq, text in enumerate(said, 1)))
    assert set(cluster().enrich(batch)["cluster_id"].to_pylist()) == {"p1"}


def test_streams_of_different_ages_may_be_mixed() -> None:
    """An archive read beside a live source: each finds its own copies."""
    lines = [LONG, OTHER, LONG[::-1], OTHER[::-1]]
    texts = [lines[n % 4] for n in range(20)]
    batch = rows(*((seq, text, 400.0 * (seq % 2), None, None) for seq, text in enumerate(texts, 1)))
    clusters = cluster().enrich(batch)["cluster_id"].to_pylist()
    assert clusters == [f"p{n % 4 + 1}" for n in range(20)]


def test_title_and_text_count_together() -> None:
    story = Post(uid="p1", source="s", id="1", text="The rest.", title=LONG, received_at=START)
    batch = records.to_batch([records.post_row(1, story)])
    enricher = cluster()
    enricher.enrich(batch)
    assert enricher.enrich(rows((2, f"{LONG} The rest.", 0, None, None)))["duplicate_of"].to_pylist() == ["p1"]


@pytest.mark.parametrize("options", [{"similarity": 0}, {"similarity": 1.1}, {"posts": 4}, {"window": "soon"}])
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config(**options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", " hello world "),
        ("  RT @me.too: don't  stop ", " dont stop "),
        ("mail me@home.example or ｇｏ to HTTPS://x.example/ä now", " mail me or go to ä now "),
        ("#Acme_Down…100%", " acme down 100 "),
        ("ÉCOLE Straße İstanbul", " école straße i̇stanbul "),
        ("電車が、止まった。", " 電車が 止まった "),
        ("👍🏽 \u202e!", " "),
        ("", " "),
    ],
)
def test_text_is_reduced_to_its_words(text: str, words: str) -> None:
    codes, lengths = _near_copies.normalise(["before", text, "after"])
    assert codes.tobytes().decode("utf-32-le") == f" before {words} after "
    assert lengths.tolist() == [8, len(words), 7]


def test_signatures_estimate_the_similarity_of_texts() -> None:
    random = np.random.default_rng(3)
    words = np.array([f"{word:05x}" for word in random.integers(1 << 16, 1 << 20, 600)])
    errors = []
    for _ in range(200):
        shared, apart = random.choice(words, random.integers(4, 20)), random.choice(words, random.integers(2, 16))
        texts = [" ".join([*shared, *part]) for part in np.array_split(apart, 2)]
        pieces = [{f" {text} "[at : at + 5] for at in range(len(text) - 2)} for text in texts]
        marks, _ = _near_copies.signatures(texts)
        errors.append(float((marks[0] == marks[1]).mean()) - len(pieces[0] & pieces[1]) / len(pieces[0] | pieces[1]))
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 0.08


def test_a_signature_does_not_depend_on_its_neighbours() -> None:
    texts = ["", "a b c d", LONG, "acme down", "日本語の文章がここにあります。とても長い文章です。", "👍", OTHER]
    together, characters = _near_copies.signatures(texts)
    for text, mark, count in zip(texts, together, characters, strict=True):
        alone, counted = _near_copies.signatures([text])
        assert (alone[0] == mark).all()
        assert counted[0] == count


@pytest.mark.real_data
def test_few_real_posts_are_taken_for_copies() -> None:
    path = Path(__file__).parents[2].parent / "shared" / "data" / "airline" / "tweets.csv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    with path.open(encoding="utf-8", newline="") as file:
        texts = {row["tweet_id"]: row["text"] for row in csv.DictReader(file)}
    said = [(seq, text, 0.0, None, uid) for seq, (uid, text) in enumerate(texts.items(), 1)]
    filled = cluster().enrich(rows(*said))
    words = [_near_copies.normalise([text])[0].tobytes() for text in texts.values()]
    leaders = dict(zip(texts, words, strict=True))
    copies = [(leaders[of], word) for of, word in zip(filled["duplicate_of"].to_pylist(), words, strict=True) if of]
    edited = [one != two for one, two in copies]
    assert 300 < len(copies) < 380
    assert 20 < sum(edited) < 45
