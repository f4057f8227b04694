"""What share of a series can be seen while one of its sources is blind."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.helpers.rows import START, row, table

from tocsin.alerts.lifecycle import Lifecycle
from tocsin.component import Context
from tocsin.detectors.volume import Config, Volume
from tocsin.pipeline.policy import Policy
from tocsin.series import Fold, Tick
from tocsin.series.blind import Blind

DAY = 86_400


def told(rows: list[dict[str, object]]) -> tuple[pa.Table, pa.Array]:
    made = table(rows)
    return made, made.column("kind").combine_chunks()


def gap(seq: int, seconds: float, source: str, minutes: float = 60) -> dict[str, object]:
    until = START + timedelta(seconds=seconds, minutes=minutes)
    return row(seq, seconds, "gap", source=source, stream="main", until=until, note="lost")


def test_a_series_is_seen_as_far_as_its_other_sources_bring_it() -> None:
    blind = Blind(("watch",), {})
    for source, count in (("news", 60), ("forum", 30), ("blog", 10)):
        for _ in range(count):
            blind.count(("acme",), source)
    blind.count(("globex",), "news")
    blind.note(*told([gap(1, 0, "forum")]))
    start = int(START.timestamp())
    assert blind.visible([("acme",), ("globex",)], start, start + 60, 1) == pytest.approx([0.7, 0.0])
    assert blind.visible([("acme",)], start + 3600, start + 3660, 1) == pytest.approx([1.0])
    blind.note(*told([gap(2, 0, "news")]))
    assert blind.visible([("acme",)], start, start + 60, 2) == pytest.approx([0.0]), "a tenth is not enough to judge by"


def test_what_was_brought_long_ago_weighs_less_and_is_forgotten() -> None:
    blind = Blind(("watch",), {})
    for _ in range(100):
        blind.count(("acme",), "old")
    blind.turn(0)
    blind.turn(DAY)
    for _ in range(50):
        blind.count(("acme",), "new")
    blind.note(*told([gap(1, 0, "old")]))
    start = int(START.timestamp())
    assert blind.visible([("acme",)], start, start + 60, 1) == pytest.approx([0.5])
    again = Blind(("watch",), {})
    again.load(blind.save())
    assert again.save() == blind.save()
    again.turn(20 * DAY)
    assert again.visible([("acme",)], start, start + 60, 1) == pytest.approx([0.0]), "nothing is known any more"


def policy() -> Policy:
    fold = Fold(dimensions=("watch",), bucket=300, lateness=120, known={"watch": frozenset(["acme"])})
    return Policy("volume", "", "mentions", fold, Volume(Config(bucket=300), Context("x", None)), Lifecycle(1))  # type: ignore[arg-type]


def stream(
    seed: int, days: float, *, dark: tuple[float, float] | None = None, burst: float | None = None
) -> list[dict[str, object]]:
    """Three sources, 20 posts an hour each; `dark` hours in which one of them brings nothing and says so, and an hour
    with four times as many from the other two."""
    random = np.random.default_rng(seed)
    events: list[tuple[float, str]] = []
    for source in ("news", "forum", "blog"):
        hours = random.uniform(0, 24 * days, random.poisson(20 * 24 * days))
        events += [(hour, source) for hour in hours.tolist()]
        if burst is not None and source != "forum":
            events += [(hour, source) for hour in random.uniform(burst, burst + 1, 80).tolist()]
    if dark is not None:
        events = [(hour, source) for hour, source in events if source != "forum" or not dark[0] <= hour < dark[1]]
    events.sort()
    rows = [row(number, hour * 3600, source=source) for number, (hour, source) in enumerate(events, 1)]
    if dark is not None:
        place = sum(hour < dark[0] for hour, _ in events)
        rows.insert(place, gap(0, dark[0] * 3600, "forum", (dark[1] - dark[0]) * 60))
    return [one | {"seq": number} for number, one in enumerate(rows, 1)]


def found(rows: list[dict[str, object]]) -> list[str]:
    return [change.direction for _, change in policy().advance(table(rows)) if change.event == "opened"]


def test_a_source_that_says_it_is_blind_is_no_fall_and_hides_no_rise_of_the_others() -> None:
    for seed in range(3):
        quiet = stream(seed, 6, dark=(120, 132))
        assert found(quiet) == []
        assert found(stream(seed, 6, dark=(120, 132), burst=126.0)) == ["up"]


def test_the_shares_are_the_same_however_the_rows_are_cut() -> None:
    rows = stream(1, 3, dark=(60, 66))

    def shares(parts: list[pa.Table]) -> list[tuple[int, list[float]]]:
        fold = policy().fold
        return [
            (told.time, told.visible.tolist()) for part in parts for told in fold.fold(part) if isinstance(told, Tick)
        ]

    whole = table(rows)
    cut = [whole.slice(start, 97) for start in range(0, whole.num_rows, 97)]
    assert shares([whole]) == shares(cut)
    assert any(0 < share < 1 for _, seen in shares([whole]) for share in seen)
