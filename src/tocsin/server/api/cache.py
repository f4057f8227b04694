"""Answers that are asked for again: fifty pages that show the same cost as much as one.

An answer holds until something new was counted, and, where it took long to compute, for some time beyond: pages then
show what was true some seconds ago.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from tocsin.server.api.answers import Panel
from tocsin.server.app import Site

KEPT = 512
TIMES, LONGEST = 20.0, 30.0
"""An answer that took a second may be 20 seconds old, and none more than 30."""


@dataclass
class _Answer:
    panel: Panel
    mark: object
    made: float
    took: float


class Cache:
    """May be used from any thread; the same question is computed once at a time."""

    def __init__(self, site: Site) -> None:
        self._site, self._clock = site, site.clock
        self._kept: OrderedDict[str, _Answer] = OrderedDict()
        self._lock, self._at_work = threading.Lock(), dict[str, threading.Lock]()

    def get(self, request: Request, compute: Callable[[], Panel]) -> Panel:
        """The answer to a request, from before if that will do."""
        asked = sorted((name, value) for name, value in request.query_params.multi_items() if name != "format")
        key = f"{request.url.path}?{asked}"
        with self._lock:
            own = self._at_work.setdefault(key, threading.Lock())
        with own:
            found = self._fresh(key)
            return found if found is not None else self._computed(key, compute)

    def _fresh(self, key: str) -> Panel | None:
        with self._lock:
            one = self._kept.get(key)
            if one is None:
                return None
            self._kept.move_to_end(key)
        age = self._clock.monotonic() - one.made
        if age > LONGEST or (age > TIMES * one.took and one.mark != self._mark()):
            return None
        return one.panel

    def _computed(self, key: str, compute: Callable[[], Panel]) -> Panel:
        began, mark = self._clock.monotonic(), self._mark()
        panel = compute()
        now = self._clock.monotonic()
        with self._lock:
            self._kept[key] = _Answer(panel, mark, now, now - began)
            while len(self._kept) > KEPT:
                old, _ = self._kept.popitem(last=False)
                self._at_work.pop(old, None)
        return panel

    def _mark(self) -> object:
        """Changes when there is anything new."""
        place = None if self._site.index is None else self._site.index().place
        return place, self._site.state.pulse()
