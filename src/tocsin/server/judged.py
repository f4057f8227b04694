"""What the detector says of the past: how unusual every quarter of an hour was, and what was expected of it.

The counts of each policy go through its own detector once more, in longer buckets, so that a month takes seconds; what
comes later is stepped on. What rings is decided elsewhere (the detect loop): this is for charts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from tocsin.component import Detector, Lake
from tocsin.runners.assemble import Assembly
from tocsin.runners.past import Sight, unseen
from tocsin.series import Key
from tocsin.state import State

Floats = npt.NDArray[np.float32]
CELL = 900
"""Seconds of a cell, or of a bucket where that is longer."""
SHOWN, WARM_UP = 31 * 86_400, 28 * 86_400
MOST_SERIES = 300
"""Of more, those that were counted first."""
LATE = 120
"""So long after its end what comes late for a cell is waited for."""
BANDS = (CELL, 7200)
"""The windows (seconds) whose bands are kept; a chart takes the one that is nearest to its bucket."""
FIELDS = 2 + 3 * len(BANDS)


class Cells(NamedTuple):
    """Some series over some cells of `seconds` from `start` on; NaN: not known.

    `score` and `counts` (series, cells), the score negative for a fall; `band` (3, series, cells): expected, low and
    high counts of a window of `window` seconds.
    """

    start: int
    seconds: int
    score: Floats
    counts: Floats
    band: Floats
    window: int


@dataclass
class Course:
    """One policy's series through its detector."""

    policy: str
    bucket: int
    group: Callable[[Key], int]
    detector: Detector
    sight: Callable[[], Sight | None] = lambda: None
    keys: list[Key] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    first: int = 0
    rows: list[Floats] = field(default_factory=list)
    """Of each cell since `first`: (FIELDS, series known then)."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, state: State, newest: int) -> None:
        """Take in what was counted up to now."""
        self._grow(state)
        if not self.names:
            return
        until = (newest - LATE) // self.bucket * self.bucket
        start = self.first + len(self.rows) * self.bucket
        if not self.rows:
            start = self._begin(state, until)
        if until <= start:
            return
        counts = np.zeros(((until - start) // self.bucket, len(self.names)), np.float32)
        for since in range(start, until, 90 * 86_400):
            stretch = state.counted.stretch(self.policy, self.names, since, min(since + 90 * 86_400, until))
            for place, buckets, values in stretch:
                counts[:, place] = np.bincount((buckets - start) // self.bucket, values, len(counts))
        sight = self.sight()
        for number, row in enumerate(counts):
            self.rows.append(self._step(start + number * self.bucket, row, sight))
        spare = max(len(self.rows) - (SHOWN + WARM_UP) // self.bucket, 0)
        with self.lock:
            self.first, self.rows = self.first + spare * self.bucket, self.rows[spare:]

    def _begin(self, state: State, until: int) -> int:
        bounds = [first for _, first, _ in state.counted.bounds(self.policy, until - SHOWN - WARM_UP)]
        self.first = min(bounds, default=until) // self.bucket * self.bucket
        return self.first

    def _grow(self, state: State) -> None:
        known = set(self.names)
        new = [name for name in state.counted.series(self.policy) if name not in known]
        keys = sorted(
            (tuple(msgspec.json.decode(name, type=list[str])) for name in new), key=lambda key: (len(key), key)
        )
        keys = keys[: MOST_SERIES - len(self.keys)]
        if not keys:
            return
        self.keys += keys
        self.names = [msgspec.json.encode(key).decode() for key in self.keys]
        places = {key: place for place, key in enumerate(self.keys)}
        parents = [places.get(key[:-1], -1) if key else -1 for key in keys]
        self.detector.add(parents, [self.group(key) for key in keys])

    def _step(self, time: int, counts: Floats, sight: Sight | None) -> Floats:
        seen = np.ones(counts.size, np.bool_) if sight is None else sight.visible(self.keys, time, time + self.bucket)
        readings = self.detector.step(time, counts, seen)
        row = np.empty((FIELDS, counts.size), np.float32)
        row[0] = np.where(readings.down, -readings.score, readings.score)
        row[1] = counts
        for number, window in enumerate(BANDS):
            row[2 + 3 * number : 5 + 3 * number] = self.detector.band(window)
        row[0, seen == 0] = np.nan
        return row

    def cells(self, places: Sequence[int], since: int, until: int, window: int) -> Cells:
        """Of the series at these places, the cells that touch [since, until)."""
        start = since // self.bucket * self.bucket
        many = max(-(-(until - start) // self.bucket), 0)
        nearest = int(np.abs(np.log(np.array(BANDS) / window)).argmin())
        found = np.full((5, len(places), many), np.nan, np.float32)
        wanted = [0, 1, *range(2 + 3 * nearest, 5 + 3 * nearest)]
        with self.lock:
            first, rows = self.first, self.rows
        for number in range(many):
            at = (start - first) // self.bucket + number
            if 0 <= at < len(rows):
                row = rows[at]
                here = [place for place in places if place < row.shape[1]]
                found[:, : len(here), number] = row[wanted][:, here]
        return Cells(start, self.bucket, found[0], found[1], found[2:], BANDS[nearest])


class Judged:
    """All policies; `follow` is called now and then from one thread, the rest from any."""

    def __init__(self, state: State, courses: Callable[[], Sequence[Course]]) -> None:
        self._state, self._make = state, courses
        self._courses: dict[str, Course] = {}
        self._epoch: int | None = None

    def follow(self) -> None:
        """Judge what was counted; all of it again where posts were labelled anew.

        A cell is over when something was counted that is later: until then more may come for it.
        """
        epoch = self._state.understanding.epoch()
        if epoch != self._epoch:
            self._courses = {course.policy: course for course in self._make()}
            self._epoch = epoch
        for course in self._courses.values():
            newest = self._state.counted.last(course.policy)
            if newest is not None:
                course.follow(self._state, newest)

    def course(self, policy: str) -> Course | None:
        """The series of a policy; None before the first `follow`."""
        return self._courses.get(policy)


def courses(assembly: Assembly, lake: Lake) -> list[Course]:
    """Fresh ones of all policies."""
    made = []
    for options, policy in zip(assembly.config.alerts.policies, assembly.policies(), strict=True):
        bucket = int(options.bucket)
        cell = CELL if CELL % bucket == 0 else bucket
        detector, sight = assembly.detector(options, cell), partial(unseen, lake, policy)
        made.append(Course(options.name, cell, policy.fold.group, detector, sight))
    return made
