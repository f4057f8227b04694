"""Which cluster each of the latest posts belongs to."""

from __future__ import annotations


class Members:
    """The posts among the last `capacity` rows, each with its cluster."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._seqs: dict[str, int] = {}
        self._uids = [""] * capacity
        self._clusters = [""] * capacity

    def seq_of(self, uid: str, now: int) -> int | None:
        """The row that brought this post, if row `now` may still know of it."""
        seq = self._seqs.get(uid)
        return seq if seq is not None and now - seq < self._capacity else None

    def cluster_at(self, seq: int) -> str:
        """The cluster of the post that a row brought which is still known of."""
        return self._clusters[seq % self._capacity]

    def add(self, seq: int, uid: str, cluster: str) -> None:
        slot = seq % self._capacity
        former = self._seqs.get(self._uids[slot])
        if former is not None and former % self._capacity == slot:
            del self._seqs[self._uids[slot]]
        self._seqs[uid] = seq
        self._uids[slot] = uid
        self._clusters[slot] = cluster
