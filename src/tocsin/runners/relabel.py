"""Labelling the lake's posts anew under the present definitions: all at once, or in steps between a run's commits.

The lake's only writer does it. Files are rewritten one by one, and the position is stored behind each that is safe, so
that a kill costs one file's work. That labels will differ is stored before the first of them does: so the series are
counted anew in any case, once all files are done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from tocsin import load, records
from tocsin.component import Enricher, Lake
from tocsin.enrichers import _learned
from tocsin.errors import Locked, Permanent
from tocsin.options import ModelChoice
from tocsin.pipeline.process import Enrichment, EnrichmentError, in_order
from tocsin.runners.assemble import Assembly
from tocsin.runners.learn import learn
from tocsin.runners.locks import LOOPS, Locks
from tocsin.runners.worker import Worker
from tocsin.state import State
from tocsin.telemetry import Telemetry

log = logging.getLogger(__name__)

LABELS = ["category", "categories", "category_scores", "model"]
Progress = Callable[[int, int], None]
"""Called with the rows done and the rows in all."""


@dataclass(frozen=True)
class Report:
    """What a relabelling did: `changed` posts are in other categories now, `left` posts keep theirs, because the
    enrichers failed on them. Of one that was cut off before, the rest alone."""

    posts: int
    changed: int
    left: int
    epoch: int


def definitions(assembly: Assembly) -> str:
    """A fingerprint of everything that the labels of a post depend on."""
    config = assembly.categories()
    described = any(one.described for one in config.categories)
    embedded = load.build_model(ModelChoice(), assembly.context("category")).id if described else ""
    return _learned.labelling(config, embedded)


def enrichers(assembly: Assembly, everything: bool) -> list[Enricher]:
    """Those that label: the categories', or all that neither remember earlier posts nor fill what the platform said."""
    if not everything:
        return [assembly.enricher("category")]
    made = assembly.enrichers()
    said = set(records.ROW_SCHEMA.names)
    return in_order([one for one in made if not hasattr(one, "recall") and not one.fills & said])


class Relabeller:
    """Gives the posts of a batch the labels of today; every other row and column stays as it is."""

    def __init__(self, enrichment: Enrichment, columns: list[str], since: datetime | None = None) -> None:
        self._enrichment, self._columns, self._since = enrichment, columns, since
        self.posts = self.changed = self.left = 0

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        wanted = pc.equal(batch.column("kind"), "post")
        if self._since is not None:
            time = batch.column("event_time")
            wanted = pc.and_(wanted, pc.greater_equal(time, pa.scalar(self._since, time.type)))
        posts = batch.filter(wanted)
        if not posts.num_rows:
            return batch
        self.posts += posts.num_rows
        labelled = pa.Table.from_batches(list(self._labelled(posts))).combine_chunks()
        self.changed += _differing(posts, labelled)
        place = pc.if_else(wanted, pc.subtract(pc.cumulative_sum(pc.cast(wanted, pa.int64())), 1), None)
        for name in self._columns:
            old, new = batch.column(name), labelled.column(name).combine_chunks()
            chosen = _chosen(wanted, new.take(place), old)
            batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), chosen)
        return batch

    def _labelled(self, posts: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The posts with their labels; halved until what fails stands alone, and keeps the labels that it has."""
        try:
            self._enrichment.submit(posts)
            yield self._enrichment.result().select(self._columns)
        except EnrichmentError as error:
            if posts.num_rows == 1:
                log.warning("A post keeps its labels, because it cannot be labelled: %s", error)
                self.left += 1
                yield posts.select(self._columns)
                return
            middle = posts.num_rows // 2
            yield from self._labelled(posts.slice(0, middle))
            yield from self._labelled(posts.slice(middle))


def _differing(before: pa.RecordBatch, after: pa.Table) -> int:
    """How many posts are in other categories."""
    was, now = (part.column("categories").to_pylist() for part in (before, after))
    return sum(set(old or ()) != set(new or ()) for old, new in zip(was, now, strict=True))


def _chosen(wanted: pa.Array, new: pa.Array, old: pa.Array) -> pa.Array:
    """`new` where wanted, else `old`, for any type: a take from both, one behind the other."""
    both = pa.concat_arrays([new, old])
    rows = pa.array(range(len(old)), pa.int64())
    return both.take(pc.if_else(wanted, rows, pc.add(rows, len(old))))


class Relabelling:
    """Towards the labels of `wanted`, from where an earlier one towards the same was cut off.

    `mark` tells what is done to the rows from what another relabelling does.
    """

    def __init__(self, lake: Lake, state: State, relabeller: Relabeller, wanted: str, mark: str = "") -> None:
        self._lake, self._understanding, self._relabeller = lake, state.understanding, relabeller
        self._wanted, self._mark = wanted, wanted + mark
        self.seen = 0
        self.epoch = 0

    def steps(self, since: datetime | None = None) -> Iterator[None]:
        """To the end, in steps of some hundred rows."""
        table = self._lake.table_id
        now = self._understanding.relabelling(table)
        if now.definitions != self._mark:  # what an unfinished one may have changed is still to be counted anew
            now = replace(now, definitions=self._mark, upto_seq=0)
            self._understanding.relabelled_upto(table, now)
        for step in self._lake.revise(self._relabeller, after_seq=now.upto_seq, since=since):
            self.seen += step.rows
            if step.changed and not now.changed:
                now = replace(now, changed=True)
                self._understanding.relabelled_upto(table, now)
            if step.upto_seq > now.upto_seq:
                self._lake.flush()
                now = replace(now, upto_seq=step.upto_seq)
                self._understanding.relabelled_upto(table, now)
            yield
        self.epoch = self._understanding.relabelled(table, replace(now, definitions=self._wanted)).epoch


def relabel(
    assembly: Assembly,
    *,
    since: datetime | None = None,
    everything: bool = False,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Learn thresholds anew, label the lake's posts by them, count the series anew. No other process may run.

    Raises Permanent where one does.
    """
    try:
        with Locks(assembly.data_dir, LOOPS), ExitStack() as stack:
            lake = stack.enter_context(closing(assembly.lake()))
            state = stack.enter_context(closing(assembly.state()))
            learn(assembly, lake, state, again=True)
            report = _label(assembly, lake, state, since, everything, progress)
            _count_anew(assembly, lake, state)
            return report
    except Locked as running:
        raise Permanent(
            f"{running}; a run that was started with the new config labels stored posts anew by itself"
        ) from running


def _label(
    assembly: Assembly, lake: Lake, state: State, since: datetime | None, everything: bool, progress: Progress
) -> Report:
    columns = columns_of(assembly, everything)
    with closing(Worker(partial(enrichers, assembly, everything))) as worker:
        wanted, last = definitions(assembly), lake.last_seq()
        state.understanding.begin(lake.table_id, wanted, last)
        relabeller = Relabeller(worker, columns, since)
        mark = f"{' all' if everything else ''}{'' if since is None else f' since {since.isoformat()}'}"
        work = Relabelling(lake, state, relabeller, wanted, mark)
        before = min(state.understanding.relabelling(lake.table_id).upto_seq, last)
        for _ in work.steps(since):
            progress(min(before + work.seen, last), last)
    return Report(relabeller.posts, relabeller.changed, relabeller.left, work.epoch)


def columns_of(assembly: Assembly, everything: bool) -> list[str]:
    if not everything:
        return LABELS
    return sorted(set().union(*(one.fills for one in enrichers(assembly, everything))))


def _count_anew(assembly: Assembly, lake: Lake, state: State) -> None:
    """Policies by category have another past now: their series are counted anew, and their detectors see it all."""
    detect = assembly.detect(lake, state, Telemetry())
    detect.recover()
    while not detect.at_end():
        detect.step()
    detect.save()
