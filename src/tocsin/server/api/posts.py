"""Panels of posts, all with the same filters: how many, when, of what kind, new words, where, and the posts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
from starlette.requests import Request

from tocsin.alerts.explain.phrases import surprise
from tocsin.search import Filters, Index
from tocsin.search.fields import Found
from tocsin.search.filters import quoted, stamp
from tocsin.server.api.answers import Panel, Wrong
from tocsin.server.api.asked import DAY, filters, index_of, one_of, whole
from tocsin.server.api.steps import POINTS, step_of
from tocsin.server.app import Site

FEW = ("watch", "category", "source", "language", "sentiment", "country")
"""What is of few values, to be drawn side by side."""
KINDS = (*FEW, "place", "author", "phrase", "entity", "hashtag")
WORDS = ("phrase", "entity", "hashtag")
MOODS = ("positive", "negative", "neutral", "mixed")
TIME = pa.timestamp("s", tz="UTC")
LEAST, LEAST_Z = 3, 2.0
"""Posts that have a new word, and how surprising it is."""
ENOUGH = 400_000
"""Posts that are looked at for new words; of more, a part that is drawn by chance."""

EACH = {
    "watch": "unnest(watches)",
    "category": "unnest(if(len(categories) > 0, categories, [coalesce(category, 'other')]))",
    "place": "place_name",
    "author": "author_handle",
    "phrase": "unnest(list_distinct(phrases))",
    "entity": "unnest(list_distinct(list_transform(entities, entity -> entity.text)))",
    "hashtag": "unnest(list_distinct(hashtags))",
}
"""A row for each value of a post."""


def totals(site: Site, request: Request) -> Panel:
    """Posts in the stretch of time and in one as long before it: how many, and their mood. Raises Wrong."""
    asked, index = filters(site, request), index_of(site)
    periods = {"now": asked, "before": asked.during(2 * asked.since - asked.until, asked.since)}
    rows = [_total(index, name, period) for name, period in periods.items()]
    moods = ", ".join(f"count(*) FILTER (sentiment = '{mood}') AS {mood}" for mood in MOODS)
    sql = "\nUNION ALL\n".join(
        f"SELECT '{name}' AS period, {stamp(one.since)} AS start, {stamp(one.until)} AS \"end\", count(*) AS posts,\n"
        f"  {moods}\nFROM posts WHERE {one.where()}"
        for name, one in periods.items()
    )
    schema = pa.schema([("period", pa.string()), ("start", TIME), ("end", TIME), ("posts", pa.int64())])
    for mood in MOODS:
        schema = schema.append(pa.field(mood, pa.int64()))
    return Panel(pa.Table.from_pylist(rows, schema), sql, about(asked))


def _total(index: Index, name: str, asked: Filters) -> dict[str, Any]:
    found = index.aggregate(asked, {"all": {"value_count": {"field": "seq"}}, "moods": _terms("sentiment", 10)})
    moods = dict.fromkeys(MOODS, 0) | counts(found["moods"])
    return {"period": name, "start": asked.since, "end": asked.until, "posts": int(found["all"]["value"]), **moods}


def authors(site: Site, request: Request) -> Panel:
    """How many different authors, now and before, to about two per cent. Raises Wrong."""
    asked, index = filters(site, request), index_of(site)
    periods = {"now": asked, "before": asked.during(2 * asked.since - asked.until, asked.since)}
    wanted = {"authors": {"cardinality": {"field": "author"}}}
    rows = [
        {"period": name, "authors": round(index.aggregate(one, wanted)["authors"]["value"] or 0)}
        for name, one in periods.items()
    ]
    sql = "\nUNION ALL\n".join(
        f"SELECT '{name}' AS period, count(DISTINCT author_handle) AS authors FROM posts WHERE {one.where()}"
        for name, one in periods.items()
    )
    return Panel(pa.Table.from_pylist(rows), sql, about(asked))


def mentions(site: Site, request: Request) -> Panel:
    """Posts over time, in all or by the values of a kind; buckets without any are left out. Raises Wrong."""
    asked, index = filters(site, request), index_of(site)
    by = one_of(request, "by", ("", *FEW), "")
    step = step_of(asked.until - asked.since, whole(request, "points", POINTS, 5000), 60)
    asked = asked.during(asked.since // step * step, -(-asked.until // step) * step)
    inner = {"aggs": {"kinds": _terms(by, 1000)}} if by else {}
    whole_time = {"times": {"histogram": {"field": "time", "interval": step, "min_doc_count": 1}, **inner}}
    rows = [
        {"start": int(bucket["key"]), "value": value, "posts": posts}
        for bucket in index.aggregate(asked, whole_time)["times"]["buckets"]
        for value, posts in (sorted(counts(bucket["kinds"]).items()) if by else [(None, bucket["doc_count"])])
    ]
    value = EACH.get(by, by) if by else "NULL::VARCHAR"
    epoch = "TIMESTAMPTZ '1970-01-01 00:00:00+00'"
    sql = (
        f"SELECT time_bucket(INTERVAL {step} SECOND, event_time, {epoch}) AS start, value, count(*) AS posts\n"
        f"FROM (SELECT event_time, {value} AS value FROM posts WHERE {asked.where()})\n"
        f"{'WHERE value IS NOT NULL ' if by else ''}GROUP BY ALL ORDER BY ALL"
    )
    schema = pa.schema([("start", TIME), ("value", pa.string()), ("posts", pa.int64())])
    return Panel(pa.Table.from_pylist(rows, schema), sql, about(asked) | {"bucket_seconds": step})


def values(site: Site, request: Request) -> Panel:
    """The values of a kind that most posts have, and the mood of those. Raises Wrong."""
    asked, index = filters(site, request), index_of(site)
    of, limit = one_of(request, "of", KINDS, "category"), whole(request, "limit", 20, 500)
    if request.query_params.get("open"):
        asked = asked.without(of)
    found = index.aggregate(asked, {"kinds": {**_terms(of, limit), "aggs": {"moods": _terms("sentiment", 10)}}})
    rows = [_with_mood({"value": one["key"]}, one) for one in found["kinds"]["buckets"]]
    rows.sort(key=lambda row: (-row["posts"], row["value"]))
    sql = (
        "SELECT value, count(*) AS posts, count(*) FILTER (sentiment = 'positive') AS positive,\n"
        "  count(*) FILTER (sentiment = 'negative') AS negative\n"
        f"FROM (SELECT sentiment, {EACH.get(of, of)} AS value FROM posts WHERE {asked.where()})\n"
        f"WHERE value IS NOT NULL GROUP BY value ORDER BY posts DESC, value LIMIT {limit}"
    )
    schema = pa.schema([("value", pa.string()), *((name, pa.int64()) for name in ("posts", "positive", "negative"))])
    return Panel(pa.Table.from_pylist(rows, schema), sql, about(asked) | {"of": of})


def places(site: Site, request: Request) -> Panel:
    """Where the posts are from, as far as that is known. Raises Wrong."""
    asked, index, limit = filters(site, request), index_of(site), whole(request, "limit", 500, 5000)
    wanted = {
        "spots": {**_terms("spot", limit), "aggs": {"moods": _terms("sentiment", 10)}},
        "all": {"value_count": {"field": "seq"}},
        "known": {"value_count": {"field": "spot"}},
    }
    found = index.aggregate(asked, wanted)
    rows = [_with_mood(_spot(one["key"]), one) for one in found["spots"]["buckets"]]
    rows.sort(key=lambda row: (-row["posts"], row["place"]))
    sql = (
        "SELECT place_name AS place, place_level AS level, country, lat, lon, count(*) AS posts,\n"
        "  count(*) FILTER (sentiment = 'positive') AS positive, count(*) FILTER (sentiment = 'negative') AS negative\n"
        f"FROM posts WHERE place_name IS NOT NULL AND {asked.where()}\n"
        f"GROUP BY ALL ORDER BY posts DESC, place LIMIT {limit}"
    )
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("place", "level", "country")),
            *((name, pa.float64()) for name in ("lat", "lon")),
            *((name, pa.int64()) for name in ("posts", "positive", "negative")),
        ]
    )
    unknown = int(found["all"]["value"] - found["known"]["value"])
    return Panel(pa.Table.from_pylist(rows, schema), sql, about(asked) | {"without_place": unknown})


def _spot(key: str) -> dict[str, Any]:
    """The parts of a `spot` of the index."""
    level, country, lat, lon, name = key.split("\t", 4)
    return {
        "place": name, "level": level or None, "country": country or None,
        "lat": float(lat) if lat else None, "lon": float(lon) if lon else None,
    }  # fmt: skip


def lifted(site: Site, request: Request) -> Panel:
    """Phrases, names or tags that are said more than before, by weighted log-odds. Raises Wrong."""
    asked, index = filters(site, request), index_of(site)
    of, limit = one_of(request, "of", WORDS, "phrase"), whole(request, "limit", 12, 100)
    length = asked.until - asked.since
    before = asked.during(asked.since - min(max(7 * length, DAY), 28 * DAY), asked.since)
    now, share = _counted(index, asked, of)
    then, share_before = _counted(index, before, of)
    rows = _lifted(now, then, share, share_before)[:limit]
    value = EACH.get(of, of)
    sql = (
        f"SELECT value, count(*) FILTER (event_time >= {stamp(asked.since)}) AS posts,\n"
        f"  count(*) FILTER (event_time < {stamp(asked.since)}) AS before\n"
        f"FROM (SELECT event_time, {value} AS value FROM posts\n"
        f"  WHERE {asked.during(before.since, asked.until).where()})\n"
        f"WHERE value IN ({', '.join(quoted(row['value']) for row in rows) or 'NULL'})\n"
        "GROUP BY value ORDER BY posts DESC"
    )
    schema = pa.schema(
        [
            ("value", pa.string()),
            ("posts", pa.int64()),
            ("before", pa.int64()),
            ("lift", pa.float64()),
            ("z", pa.float64()),
        ]
    )
    sampled = {"sample": min(share, share_before)}
    return Panel(pa.Table.from_pylist(rows, schema), sql, about(asked) | {"of": of, "before": before.since} | sampled)


def _counted(index: Index, asked: Filters, of: str) -> tuple[dict[str, int], float]:
    """How many posts have each value, and what share of the posts was looked at."""
    posts = int(index.aggregate(asked, {"all": {"value_count": {"field": "seq"}}})["all"]["value"])
    share = min(1.0, max(1, 64 * ENOUGH // posts) / 64) if posts else 1.0
    some = msgspec.structs.replace(asked, sample=round(64 * share))
    return counts(index.aggregate(some, {"kinds": _terms(of, 10_000)})["kinds"]), share


def _lifted(now: Mapping[str, int], then: Mapping[str, int], share: float, share_before: float) -> list[dict[str, Any]]:
    n1, n0, rows = max(sum(now.values()), 1), max(sum(then.values()), 1), []
    for value, count in now.items():
        was = then.get(value, 0)
        z = surprise(count, n1, was, n0) if count >= LEAST else 0.0
        if z >= LEAST_Z:
            lift = (count / n1) / ((was + 0.5) / n0)
            posts, before = round(count / share), round(was / share_before)
            rows.append({"value": value, "posts": posts, "before": before, "lift": round(lift, 1), "z": round(z, 1)})
    return sorted(rows, key=lambda row: (-row["z"], row["value"]))


def posts(site: Site, request: Request) -> Panel:
    """The posts, newest first; `about.next` goes into `before` for those that follow. Raises Wrong."""
    asked, index, limit = filters(site, request), index_of(site), whole(request, "limit", 50, 1000)
    before, fold = _cursor(request.query_params.get("before")), bool(request.query_params.get("fold"))
    found = index.newest(asked, limit + 1, before)
    more, found = len(found) > limit, found[:limit]
    next_ = f"{int(found[-1].time)}.{found[-1].seq}" if more else None
    rows = [msgspec.to_builtins(one) | {"copies": 0} for one in found]
    if fold:
        rows = _folded(index, asked, rows)
    sql = f"SELECT * FROM posts\nWHERE {asked.where()}\nORDER BY event_time DESC, seq DESC LIMIT {limit}"
    return Panel(pa.Table.from_pylist(rows, _POST), sql, about(asked) | {"next": next_})


def _folded(index: Index, asked: Filters, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for posts that copy each other, which knows how many they are."""
    kept: dict[str, dict[str, Any]] = {}
    for row in rows:
        kept.setdefault(row["cluster"] or row["uid"], row)
    for row in kept.values():
        if row["cluster"]:
            same = msgspec.structs.replace(asked, values={**asked.values, "cluster": (row["cluster"],)})
            row["copies"] = index.count(same) - 1
    return list(kept.values())


def _cursor(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    time, _, seq = text.partition(".")
    if not (time.isdigit() and seq.isdigit() and len(text) < 40):
        raise Wrong("before is what an answer gave as next")
    return int(time), int(seq)


def about(asked: Filters) -> dict[str, Any]:
    """What every panel says of itself."""
    start, end = (datetime.fromtimestamp(second, UTC) for second in (asked.since, asked.until))
    return {"start": start, "end": end, "matched_in_index": asked.rule is not None}


def counts(found: Mapping[str, Any]) -> dict[str, int]:
    """The values of an aggregation by terms, with their posts."""
    return {one["key"]: int(one["doc_count"]) for one in found["buckets"]}


def _terms(field: str, size: int) -> dict[str, Any]:
    return {"terms": {"field": field, "size": size}}


def _with_mood(row: dict[str, Any], bucket: Mapping[str, Any]) -> dict[str, Any]:
    moods = counts(bucket["moods"])
    return {**row, "posts": int(bucket["doc_count"]), **{mood: moods.get(mood, 0) for mood in ("positive", "negative")}}


_WORDS = pa.list_(pa.string())
_POST = pa.schema(
    [
        *((name, pa.string()) for name in ("uid", "source", "url", "author", "author_name", "stated_place")),
        *(
            (name, pa.string())
            for name in ("title", "text", "language", "sentiment", "place", "place_level", "country")
        ),
        *((name, pa.string()) for name in ("cluster", "duplicate_of")),
        *((name, pa.float64()) for name in ("time", "lat", "lon", "place_confidence")),
        *((name, _WORDS) for name in ("watches", "categories", "phrases", "hashtags")),
        *((name, pa.bool_()) for name in ("is_repost", "backfilled")),
        *((name, pa.int64()) for name in ("seq", "copies")),
        pa.field("category_scores", pa.map_(pa.string(), pa.float64())),
        pa.field(
            "entities",
            pa.list_(pa.struct({"text": pa.string(), "type": pa.string(), "start": pa.int32(), "end": pa.int32()})),
        ),
    ]
)
assert set(_POST.names) == {*Found.__struct_fields__, "copies"}
