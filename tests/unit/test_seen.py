"""De-duplication memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.seen import Seen


def longs(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_what_was_added_is_known_to_later_rows_only() -> None:
    seen = Seen()
    seen.add(longs([7, 3]), longs([1, 2]))
    assert seen.contains(longs([3, 7, 5]), longs([3, 4, 5])).tolist() == [True, True, False]
    assert seen.contains(longs([3]), longs([2])).tolist() == [False]


def test_it_forgets_at_exactly_the_row_it_should() -> None:
    seen = Seen(remembered=10)
    seen.add(longs([7]), longs([1]))
    assert seen.contains(longs([7, 7]), longs([10, 11])).tolist() == [True, False]


def test_an_identity_added_again_later_is_still_known_from_before() -> None:
    seen = Seen(remembered=100)
    seen.add(longs([7, 8, 7]), longs([1, 2, 60]))
    seen.add(longs([7]), longs([90]))
    assert seen.contains(longs([7, 7, 7, 7]), longs([1, 50, 70, 95])).tolist() == [False, True, True, True]
    assert seen.contains(longs([7]), longs([160])).tolist() == [True]


def test_a_forgotten_identity_is_new_again() -> None:
    seen = Seen()
    seen.add(longs([7, 8]), longs([1, 2]))
    seen.forget(7)
    assert seen.contains(longs([7, 8]), longs([3, 3])).tolist() == [False, True]


@given(
    batches=st.lists(st.lists(st.integers(-5, 60), max_size=20), max_size=12),
    remembered=st.integers(1, 40),
)
@settings(deadline=None, max_examples=100)
def test_it_answers_like_a_dictionary_of_last_rows(batches: list[list[int]], remembered: int) -> None:
    seen, model, seq = Seen(remembered), {}, 0
    for batch in batches:
        seqs = longs(list(range(seq + 1, seq + 1 + len(batch))))
        seq += len(batch)
        expected = [seqs[i] - remembered < model.get(value, -(1 << 40)) for i, value in enumerate(batch)]
        assert seen.contains(longs(batch), seqs).tolist() == expected
        fresh = [i for i, value in enumerate(batch) if not expected[i] and value not in batch[:i]]
        seen.add(longs([batch[i] for i in fresh]), seqs[fresh] if fresh else longs([]))
        model |= {batch[i]: int(seqs[i]) for i in fresh}


def test_memory_stays_bounded() -> None:
    seen = Seen(remembered=1000)
    for start in range(0, 50_000, 100):
        seen.add(longs(list(range(start, start + 100))), longs(list(range(start + 1, start + 101))))
    assert len(seen) < 4000
