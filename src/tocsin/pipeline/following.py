"""The lake's commits as those who follow it want them: new rows, and how far they lead."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.component import Commit, History

log = logging.getLogger(__name__)


class Reached(NamedTuple):
    """A commit of the lake by its `version`, the last row `seq` up to it, and what the commit looked like."""

    version: int
    seq: int
    fingerprint: str


def news(lake: History, last: Reached, columns: Sequence[str], most: int) -> Iterator[tuple[Reached, pa.Table | None]]:
    """What came after `last`, about `most` rows at a time, each with the place it leads to.

    Commit by commit; from the table, where commits are no longer kept.
    """
    try:
        for reached, rows in _commits(lake, last, columns, most):
            last = reached
            yield reached, rows
    except LookupError as gone:
        log.info("Reading the table instead of its log: %s", gone)
        version, upto = lake.version(), lake.last_seq()
        for batch in lake.rows(columns, after_seq=last.seq, upto_seq=upto):
            rows = pa.Table.from_batches([batch])
            last = _after(last, rows)
            yield last, rows
        yield Reached(version, last.seq, lake.fingerprint(version) or ""), None


def _commits(
    lake: History, last: Reached, columns: Sequence[str], most: int
) -> Iterator[tuple[Reached, pa.Table | None]]:
    tables: list[pa.Table] = []
    untold: Commit | None = None
    for commit in lake.commits(last.version, columns):
        untold = commit
        tables += [] if commit.rows is None else [commit.rows]
        if sum(table.num_rows for table in tables) >= most:
            rows = pa.concat_tables(tables)
            last = _after(last, rows, commit)
            yield last, rows
            tables, untold = [], None
    if untold is not None:
        rows = pa.concat_tables(tables) if tables else None
        yield _after(last, rows, untold), rows


def _after(last: Reached, rows: pa.Table | None, commit: Commit | None = None) -> Reached:
    """The place behind these rows; of a commit where they are one's."""
    seq = last.seq if rows is None or not rows.num_rows else max(last.seq, pc.max(rows.column("seq")).as_py())
    return Reached(commit.version, seq, commit.fingerprint) if commit else last._replace(seq=seq)
