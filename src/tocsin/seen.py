"""Which posts are already in the lake: their 64-bit identities, the newest five million of them.

Sorted arrays that are merged as they grow, 16 bytes a post. An identity is forgotten once it lies more than
`REMEMBERED` rows back, at exactly that row, so that the answer does not depend on how batches are cut.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Longs = npt.NDArray[np.int64]

REMEMBERED = 5_000_000
_NEVER = -(1 << 62)


class Seen:
    """Identities with the row (`seq`) at which each was seen last."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._runs: list[tuple[Longs, Longs]] = []

    def add(self, hashes: Longs, seqs: Longs) -> None:
        """Remember identities; `seqs` are above all those added before."""
        if not len(hashes):
            return
        order = np.argsort(hashes, kind="stable")
        self._runs.append((hashes[order], seqs[order]))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            self._merge(int(seqs[-1]))

    def _merge(self, newest: int) -> None:
        (later, later_seq), (earlier, earlier_seq) = self._runs.pop(), self._runs.pop()
        keep = earlier_seq > newest - self._remembered
        hashes = np.concatenate((earlier[keep], later))
        seqs = np.concatenate((earlier_seq[keep], later_seq))
        order = np.argsort(hashes, kind="stable")
        self._runs.append((hashes[order], seqs[order]))

    def contains(self, hashes: Longs, seqs: Longs) -> npt.NDArray[np.bool_]:
        """For each identity, whether it was seen before its own `seq`, and not more than `remembered` rows before."""
        found = np.zeros(len(hashes), dtype=np.bool_)
        for known, known_seq in self._runs:
            spots = np.searchsorted(known, hashes, "right") - 1
            same, at = _entries(known, known_seq, spots, hashes)
            while (later := same & (at >= seqs)).any():  # an identity may be there several times, oldest first
                spots = spots - later
                same, at = _entries(known, known_seq, spots, hashes)
            found |= same & (at > seqs - self._remembered)
        return found

    def forget(self, identity: int) -> None:
        """As if this identity had never been added."""
        for known, known_seq in self._runs:
            known_seq[known == identity] = _NEVER

    def __len__(self) -> int:
        return sum(len(hashes) for hashes, _ in self._runs)


def _entries(known: Longs, known_seq: Longs, spots: Longs, hashes: Longs) -> tuple[npt.NDArray[np.bool_], Longs]:
    """Whether the entry at each spot is of that identity, and its `seq`."""
    inside = spots >= 0
    return inside & (known[spots * inside] == hashes), known_seq[spots * inside]
