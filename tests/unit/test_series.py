"""Rows into buckets: watermark, lateness, parents, gaps."""

from __future__ import annotations

from tests.helpers.rows import START, row, table

from tocsin.series import SKIP_AFTER, Fold, Look, Tick

T0 = int(START.timestamp())


def a_fold(**options: object) -> Fold:
    settings: dict[str, object] = {"dimensions": ("watch", "category"), "bucket": 60, "lateness": 120} | options
    return Fold(**settings)  # type: ignore[arg-type]


def ticks(fold: Fold, rows: list[dict[str, object]]) -> list[Tick]:
    return [found for found in fold.fold(table(rows)) if isinstance(found, Tick)]


def looks(fold: Fold, rows: list[dict[str, object]]) -> list[Look]:
    return [found for found in fold.fold(table(rows)) if isinstance(found, Look)]


def counts(fold: Fold, tick: Tick) -> dict[tuple[str, ...], int]:
    return {key: int(count) for key, count in zip(fold.keys, tick.counts, strict=False) if count}


def test_a_bucket_closes_when_a_post_is_later_than_its_end_and_the_lateness() -> None:
    fold = a_fold()
    assert ticks(fold, [row(1, 5), row(2, 50), row(3, 179)]) == []
    (tick,) = ticks(fold, [row(4, 180)])
    assert (tick.time, tick.seq) == (T0, 4)
    assert counts(fold, tick) == {("acme",): 2, ("acme", "outage"): 2}


def test_a_heartbeat_closes_buckets_without_waiting_for_the_lateness() -> None:
    fold = a_fold()
    found = ticks(fold, [row(1, 5), row(2, 120, "heartbeat")])
    assert [(tick.time, tick.seq) for tick in found] == [(T0, 2), (T0 + 60, 2)]
    assert counts(fold, found[1]) == {}


def test_a_post_for_a_closed_bucket_is_late_and_kept_apart() -> None:
    fold = a_fold()
    ticks(fold, [row(1, 5), row(2, 120, "heartbeat")])
    assert ticks(fold, [row(3, 30), row(4, 121)]) == []
    assert fold.late == {(("acme",), T0): 1, (("acme", "outage"), T0): 1}
    assert fold.counted == {(("acme",), T0 + 120): 1, (("acme", "outage"), T0 + 120): 1}


def test_every_minute_of_a_quiet_stretch_is_a_zero() -> None:
    fold = a_fold()
    found = ticks(fold, [row(1, 5), row(2, 600, "heartbeat")])
    assert [int(tick.counts.sum()) for tick in found] == [2] + [0] * 9


def test_a_stretch_of_days_without_a_word_is_skipped_not_zero() -> None:
    fold = a_fold()
    later = SKIP_AFTER + 86_400
    found = ticks(fold, [row(1, 5), row(2, later), row(3, later + 300)])
    times = [tick.time - T0 for tick in found]
    assert times[0] == 0
    assert len(times) < 20
    assert later // 60 * 60 in times


def test_a_post_counts_once_for_its_watch_and_once_for_each_category() -> None:
    fold = a_fold()
    post = row(1, 5, watches=["acme", "globex"], categories=["outage", "billing"])
    (tick,) = ticks(fold, [post, row(2, 60, "heartbeat")])
    assert counts(fold, tick) == {
        ("acme",): 1, ("globex",): 1,
        ("acme", "billing"): 1, ("acme", "outage"): 1, ("globex", "billing"): 1, ("globex", "outage"): 1,
    }  # fmt: skip


def test_a_post_in_no_category_is_other_and_one_in_no_watch_has_no_series() -> None:
    fold = a_fold()
    rows = [row(1, 5, categories=[]), row(2, 6, watches=[]), row(3, 7, categories=None), row(4, 60, "heartbeat")]
    (tick,) = ticks(fold, rows)
    assert counts(fold, tick) == {("acme",): 2, ("acme", "other"): 2}


def test_without_watches_in_the_config_every_post_is_in_all() -> None:
    fold = a_fold(all_watches="all")
    (tick,) = ticks(fold, [row(1, 5, watches=[]), row(2, 60, "heartbeat")])
    assert counts(fold, tick) == {("all",): 1, ("all", "outage"): 1}


def test_one_dimension_has_the_total_as_parent() -> None:
    fold = a_fold(dimensions=("category",))
    (tick,) = ticks(fold, [row(1, 5), row(2, 6, categories=["billing"]), row(3, 60, "heartbeat")])
    assert counts(fold, tick) == {(): 2, ("billing",): 1, ("outage",): 1}
    assert tick.added == [(), ("billing",), ("outage",)]
    assert tick.parents == [-1, 0, 0]


def test_a_series_is_born_in_the_bucket_that_first_has_it_parents_first() -> None:
    fold = a_fold()
    rows = [row(1, 5), row(2, 65, categories=["billing"]), row(3, 66, watches=["globex"]), row(4, 120, "heartbeat")]
    first, second = ticks(fold, rows)
    assert first.added == [("acme",), ("acme", "outage")]
    assert second.added == [("globex",), ("acme", "billing"), ("globex", "outage")]
    assert second.parents == [-1, 0, 2]
    assert first.groups == [0, 0]
    assert second.groups == [1, 0, 1]


def test_what_does_not_count() -> None:
    rows = [
        row(1, 5), row(2, 6, version=2), row(3, 7, backfilled=True), row(4, 8, "duplicate"), row(5, 9, "delete"),
        row(6, 10, "erased", watches=["acme"], categories=["outage"], version=1), row(7, 60, "heartbeat"),
    ]  # fmt: skip
    fold = a_fold()
    (tick,) = ticks(fold, rows)
    assert counts(fold, tick) == {("acme",): 2, ("acme", "outage"): 2}


def test_a_gap_blinds_the_watches_that_listen_to_its_source() -> None:
    fold = a_fold(sources={"globex": frozenset({"blogs"})})
    gap = row(3, 60, "gap", until=row(0, 120)["event_time"], note="lost")
    rows = [row(1, 5), row(2, 6, watches=["globex"], source="blogs"), gap, row(4, 240, "heartbeat")]
    found = ticks(fold, rows)
    seen = [dict(zip(fold.keys, tick.visible.tolist(), strict=True)) for tick in found]
    assert [tick[("acme",)] for tick in seen] == [True, False, True, True]
    assert all(tick[("globex",)] for tick in seen)


def test_an_open_gap_lasts_until_a_later_word_ends_it() -> None:
    fold = a_fold()
    opened = row(2, 60, "gap", until=row(0, 61)["event_time"], note="open: connection lost")
    ended = row(4, 60, "gap", until=row(0, 180)["event_time"], note="lost")
    rows = [row(1, 5), opened, row(3, 120, "heartbeat"), ended, row(5, 300, "heartbeat")]
    found = ticks(fold, rows)
    assert [bool(tick.visible[0]) for tick in found] == [True, False, False, True, True]


def test_rows_folded_before_are_passed_over() -> None:
    fold = a_fold()
    ticks(fold, [row(1, 5), row(2, 6)])
    assert ticks(fold, [row(1, 5), row(2, 6)]) == []
    (tick,) = ticks(fold, [row(2, 6), row(3, 60, "heartbeat")])
    assert counts(fold, tick)[("acme",)] == 2


def test_watches_and_categories_that_the_config_has_no_more_do_not_count() -> None:
    fold = a_fold(known={"watch": frozenset({"acme"}), "category": frozenset({"billing", "other"})})
    rows = [
        row(1, 5, watches=["acme", "old"], categories=["outage"]),
        row(2, 6, watches=["old"]),
        row(3, 60, "heartbeat"),
    ]
    (tick,) = ticks(fold, rows)
    assert counts(fold, tick) == {("acme",): 1, ("acme", "other"): 1}


def test_where_all_watches_are_gone_every_post_is_in_all() -> None:
    fold = a_fold(all_watches="all", known={"watch": frozenset()})
    (tick,) = ticks(fold, [row(1, 5, watches=["old"]), row(2, 60, "heartbeat")])
    assert counts(fold, tick) == {("all",): 1, ("all", "outage"): 1}


def test_a_look_comes_every_ten_seconds_and_holds_what_is_open() -> None:
    fold = a_fold()
    ticks(fold, [row(1, 5), row(2, 120, "heartbeat")])
    found = looks(fold, [row(3, 121), row(4, 124), row(5, 131), row(6, 139)])
    assert [(look.time - T0, look.seq, look.counts.tolist()) for look in found] == [(132, 5, [3, 3])]


def test_a_series_that_is_new_is_in_no_look() -> None:
    fold = a_fold()
    (look,) = looks(fold, [row(1, 5), row(2, 7)])
    assert look.counts.size == 0


def test_a_sign_of_life_ends_a_gap_that_nobody_closed() -> None:
    fold = a_fold()
    gap = row(2, 130, "gap", source="news", stream="news", note="open: nothing heard", until=row(0, 310)["event_time"])
    rows = [row(1, 5), gap, row(3, 400, "heartbeat", source="news", stream="news"), row(4, 700, "heartbeat")]
    dark = [tick.time - T0 for tick in ticks(fold, rows) if not tick.visible.all()]
    assert dark == [120, 180, 240, 300, 360]


def test_a_voice_counts_once_an_hour_and_copies_not_at_all() -> None:
    fold = a_fold(counting="voices")
    rows = [
        row(1, 5, author_id="a"),
        row(2, 6, author_id="a"),
        row(3, 7, author_id="b", is_repost=True),
        row(4, 8, author_id="c", duplicate_of="news:1"),
        row(5, 9, author_id="d"),
        row(6, 70, author_id="a"),
        row(7, 3605, author_id="a"),
        row(8, 3700, "heartbeat"),
    ]
    totals = [(tick.time - T0, int(tick.counts[0])) for tick in ticks(fold, rows) if tick.counts[0]]
    assert totals == [(0, 2), (3600, 1)]


def test_an_entity_counts_once_a_post_and_a_post_without_one_not() -> None:
    def named(*texts: str) -> list[dict[str, object]]:
        return [{"text": text, "type": "ORG", "start": 0, "end": 1} for text in texts]

    fold = a_fold(dimensions=("watch", "entity"))
    rows = [row(1, 1, entities=named("Acme", "Acme", "Globex")), row(2, 2, entities=named("Globex")), row(3, 3)]
    (tick,) = ticks(fold, [*rows, row(4, 60, "heartbeat")])
    assert counts(fold, tick) == {("acme",): 3, ("acme", "Acme"): 1, ("acme", "Globex"): 2}


def test_posts_by_sentiment_are_children_of_their_series() -> None:
    fold = a_fold(dimensions=("watch", "sentiment"))
    (tick,) = ticks(fold, [row(1, 1, sentiment="negative"), row(2, 2), row(3, 60, "heartbeat")])
    assert counts(fold, tick) == {("acme",): 2, ("acme", "negative"): 1, ("acme", "unknown"): 1}
    assert tick.parents == [-1, 0, 0]
