"""Folds near-copies: which post said it first, and who only repeats it.

Every post belongs to a cluster, named by the uid of its first post; most clusters have one post. A post joins

1. the cluster that its uid already has: an edit, or the same row again;
2. as a repost, the cluster of the post that it repeats;
3. the cluster of the earliest first post that is remembered and similar enough;
4. as a repost of something never seen, the cluster named after that.

Otherwise it is the first of its own. Only first posts are compared with, so that clusters do not drift; only they
carry a `signature`. The answer depends on the rows before it alone, not on how they were cut into batches.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from tocsin.component import Context
from tocsin.enrichers._batch_part import Part, Rows
from tocsin.enrichers._first_posts import NOBODY, FirstPosts
from tocsin.enrichers._members import Members
from tocsin.enrichers._near_copies import SIGNATURE_BYTES, agreement, signatures
from tocsin.options import Duration, Options


class Config(Options):
    similarity: float = Field(default=0.65, gt=0, le=1)
    """Share of two signatures that must agree, in posts of 60 characters or more; shorter ones must agree in more.
    1 folds only texts that are equal but for case, links and signs."""
    window: Duration = 3 * 86400.0
    """How far apart in event time a copy and its first post may lie."""
    posts: int = Field(default=131_072, ge=16, le=2**26)
    """Over how many rows posts are remembered (about 0.5 KB each)."""


class Cluster:
    fills: ClassVar[frozenset[str]] = frozenset({"cluster_id", "duplicate_of", "signature"})
    needs: ClassVar[frozenset[str]] = frozenset()
    recalls: ClassVar[frozenset[str]] = frozenset({"seq", "uid", "event_time", "cluster_id", "signature"})

    def __init__(self, config: Config, context: Context) -> None:
        self._similarity = config.similarity
        self._index = FirstPosts(config.posts, round(config.window * 1e6))
        self._members = Members(config.posts)

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        marks, characters = signatures(_texts(batch))
        rows = Rows(batch, marks, characters > 0, self._index)
        rows.agree = agreement(self._similarity, characters)
        rows.original = batch.column("repost_of").to_pylist()
        self._fold(rows, recalled=False)
        copies = [None if cluster == uid else cluster for cluster, uid in zip(rows.cluster, rows.uid, strict=True)]
        signed = [mark.tobytes() if first else None for mark, first in zip(rows.marks, rows.first, strict=True)]
        return {
            "cluster_id": pa.array(rows.cluster, pa.string()),
            "duplicate_of": pa.array(copies, pa.string()),
            "signature": pa.array(signed, pa.binary()),
        }

    def recall(self, batch: pa.RecordBatch) -> None:
        """Posts already in the lake, in the order of `seq`; what is known already changes nothing."""
        signed = [mark or b"" for mark in batch.column("signature").to_pylist()]
        worded = np.array([len(mark) == SIGNATURE_BYTES for mark in signed], np.bool_)
        joined = b"".join(mark[:SIGNATURE_BYTES].ljust(SIGNATURE_BYTES) for mark in signed)
        rows = Rows(batch, np.frombuffer(joined, np.uint8).reshape(-1, SIGNATURE_BYTES), worded, self._index)
        rows.cluster = batch.column("cluster_id").to_pylist()
        self._fold(rows, recalled=True)

    def _fold(self, rows: Rows, *, recalled: bool) -> None:
        """Answer the rows in order, and remember them."""
        start = 0
        while start < len(rows.seq):
            part = Part(self._index, rows, start)
            for row in range(part.start, part.stop):
                uid = rows.uid[row]
                if uid is None:
                    continue
                earlier = self._members.seq_of(uid, rows.seq[row])
                if earlier is not None:
                    rows.cluster[row] = self._members.cluster_at(earlier)
                    rows.first[row] = earlier == rows.seq[row] and self._index.holds(earlier)
                elif rows.cluster[row] is not None or not recalled:
                    self._place(rows, row, uid, part)
            self._index.add(*rows.at(part.entered))
            start = part.stop

    def _place(self, rows: Rows, row: int, uid: str, part: Part) -> None:
        """Find a new post's cluster, unless it is known from the lake, and remember both."""
        known = rows.cluster[row]
        cluster = known or self._join(rows, row, part)
        if rows.worded[row] and (known or cluster is None):
            rows.first[row] = True
            part.enter(row)
        rows.cluster[row] = cluster = cluster or rows.original[row] or uid
        self._members.add(rows.seq[row], uid, cluster)

    def _join(self, rows: Rows, row: int, part: Part) -> str | None:
        """The cluster that a new post belongs to, if there is one already."""
        original = rows.original[row]
        seq = None if original is None else self._members.seq_of(original, rows.seq[row])
        if seq is None:
            seq = part.leader(row)
        return None if seq == NOBODY else self._members.cluster_at(seq)


def _texts(batch: pa.RecordBatch) -> list[str]:
    titles, texts = batch.column("title").to_pylist(), batch.column("text").to_pylist()
    return [f"{title} {text or ''}" if title else text or "" for title, text in zip(titles, texts, strict=True)]
