"""From scores of labels to entities: the best sequence of labels that makes sense, for many posts at once.

Labels are O (outside), B (an entity begins) and I (it goes on), the last two for each kind of entity (Ramshaw and
Marcus 1995). An I may only follow a B or an I of its kind. The best sequence is found by dynamic programming (Viterbi
1967), but only where anything but O is in question: there the stretches are short.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

OUTSIDE = 0
_CERTAIN = 6.0
"""By how much O must be ahead, in nats, to be taken without a look at the neighbours."""
_IMPOSSIBLE = np.float32(-1e9)


def best_labels(scores: Floats, bounds: Ints) -> Ints:
    """(m,) the labels of m words. `scores` are (m, 1 + 2 kinds) log-odds of O, then B and I of each kind; the words of
    text t are those from `bounds[t]` to `bounds[t + 1]`."""
    found = np.zeros(len(scores), np.int64)
    open_ = scores[:, 1:].max(axis=1, initial=_IMPOSSIBLE) > scores[:, OUTSIDE] - _CERTAIN
    places = np.flatnonzero(open_)
    if not len(places):
        return found
    first = np.zeros(len(scores) + 1, np.bool_)
    first[bounds] = True
    heads = np.flatnonzero(np.append(True, np.diff(places) > 1) | first[places])
    starts, lengths = places[heads], np.diff(np.append(heads, len(places)))
    order = np.argsort(-lengths, kind="stable")
    starts, lengths = starts[order], lengths[order]
    ways, last = _forward(scores, starts, lengths)
    _backward(found, ways, last, starts, lengths)
    return found


def _forward(scores: Floats, starts: Ints, lengths: Ints) -> tuple[list[Ints], Ints]:
    """For each step the label before each label, and the best label of each stretch's last word."""
    score = scores[starts].copy()
    score[:, 2::2] = _IMPOSSIBLE
    ways: list[Ints] = []
    last = np.empty(len(starts), np.int64)
    for step in range(1, int(lengths[0]) + 1):
        going = int(np.searchsorted(-lengths, -step))  # the stretches that are longer than this
        last[going : len(score)] = score[going:].argmax(axis=1)
        score = score[:going]
        if not going:
            break
        before = np.repeat(score.argmax(axis=1)[:, None], score.shape[1], axis=1)
        best = np.repeat(score.max(axis=1)[:, None], score.shape[1], axis=1)
        begun, within = score[:, 1::2], score[:, 2::2]
        before[:, 2::2] = np.arange(1, score.shape[1], 2) + (within > begun)
        best[:, 2::2] = np.maximum(begun, within)
        score = best + scores[starts[:going] + step]
        ways.append(before)
    return ways, last


def _backward(found: Ints, ways: list[Ints], last: Ints, starts: Ints, lengths: Ints) -> None:
    found[starts + lengths - 1] = last
    label = last.copy()
    for step in range(len(ways), 0, -1):
        going = len(ways[step - 1])
        label[:going] = ways[step - 1][np.arange(going), label[:going]]
        found[starts[:going] + step - 1] = label[:going]
