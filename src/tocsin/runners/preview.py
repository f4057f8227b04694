"""What a relabelling would change, without changing it."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

import msgspec
import pyarrow as pa

from tocsin import records
from tocsin.enrichers.category import OTHER
from tocsin.pipeline.process import Chain
from tocsin.runners.assemble import Assembly
from tocsin.runners.learn import learned
from tocsin.runners.relabel import Progress, enrichers

EXAMPLES = 3


class Example(msgspec.Struct):
    uid: str
    text: str


class Difference(msgspec.Struct):
    """A category before and after: how many posts it has, which ones it wins and loses, and where they come from."""

    category: str
    before: int = 0
    after: int = 0
    won: int = 0
    lost: int = 0
    won_from: dict[str, int] = {}
    lost_to: dict[str, int] = {}
    won_examples: list[Example] = []
    lost_examples: list[Example] = []


class Preview(msgspec.Struct):
    posts: int
    changed: int
    categories: list[Difference]


def preview(
    assembly: Assembly, *, since: datetime | None = None, progress: Progress = lambda done, total: None
) -> Preview:
    """Both definitions' labels of every post in the lake, compared. It may be asked for beside a run."""
    with closing(assembly.lake()) as lake:
        _learn_as_relabel_would(assembly, lake)
        chain = Chain(enrichers(assembly, False))
        comparison = _Comparison([*(one.name for one in assembly.config.categories), OTHER])
        last = lake.last_seq()
        for batch in lake.rows(since=since):
            comparison.add(records.posts_only(batch), chain)
            progress(batch.column("seq")[-1].as_py(), last)
    return comparison.result()


def _learn_as_relabel_would(assembly: Assembly, lake: object) -> None:
    found = learned(assembly, lake, again=True)  # type: ignore[arg-type]
    judgements, known = assembly.learned
    assembly.learned = (judgements, [*known, *found])


class _Comparison:
    def __init__(self, names: list[str]) -> None:
        self._found = {name: Difference(name) for name in names}
        self._posts = self._changed = 0

    def add(self, posts: pa.RecordBatch, chain: Chain) -> None:
        if not posts.num_rows:
            return
        after = chain.enrich(posts).column("categories").to_pylist()
        columns = (posts.column(name).to_pylist() for name in ("uid", "text", "categories"))
        for uid, text, was, now in zip(*columns, after, strict=True):
            self._one(Example(uid or "", text or ""), set(was or [OTHER]), set(now or [OTHER]))

    def _one(self, example: Example, was: set[str], now: set[str]) -> None:
        self._posts += 1
        self._changed += was != now
        for name in was:
            self._of(name).before += 1
        for name in now:
            self._of(name).after += 1
        for name in now - was:
            _count(self._of(name), "won", example, was - now)
        for name in was - now:
            _count(self._of(name), "lost", example, now - was)

    def _of(self, name: str) -> Difference:
        return self._found.setdefault(name, Difference(name))

    def result(self) -> Preview:
        return Preview(self._posts, self._changed, list(self._found.values()))


def _count(difference: Difference, what: str, example: Example, others: set[str]) -> None:
    setattr(difference, what, getattr(difference, what) + 1)
    flows = difference.won_from if what == "won" else difference.lost_to
    for name in others or {"nothing else"}:
        flows[name] = flows.get(name, 0) + 1
    examples = difference.won_examples if what == "won" else difference.lost_examples
    if len(examples) < EXAMPLES:
        examples.append(example)
