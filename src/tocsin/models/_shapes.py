"""How words are written, as numbers that a tagger reads: letter case, length, signs, and hashes of their ends.

All words at once, as a matrix of code points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tocsin.models._names import BITS, Keys
from tocsin.models._words import _DIGIT, _KIND, _LAST_CODE, _LOWER, _UPPER, _WORD, LINK, NAME, _kinds

Flags = npt.NDArray[np.bool_]

AFFIXES = 6
"""How many hashes `affixes` gives of each word."""
_LENGTH = 20
_NO_CODE = 0
_LENGTHS = (1, 2, 3, 5, 8)
_PRIME = np.uint32(0x01000193)


def codes_of(words: Sequence[str], width: int = _LENGTH) -> npt.NDArray[np.uint32]:
    """(k, width) code points, cut or filled up with 0."""
    return np.array([word[:width] for word in words], f"U{width}").view(np.uint32).reshape(len(words), width)


def flags(words: Sequence[str], tagged: Flags, facts: Keys) -> Flags:
    """(k, WIDTH) what is true of each word; `facts` are those of `_names`."""
    codes = codes_of(words)
    length = np.array([len(word) for word in words])
    kind = _kinds()[np.minimum(codes, _LAST_CODE)]
    kind[codes == _NO_CODE] = 0
    upper, lower, digit = (kind & bit != 0 for bit in (_UPPER, _LOWER, _DIGIT))
    letter = kind & _KIND == _WORD
    any_lower, any_upper, any_digit = lower.any(axis=1), upper.any(axis=1), digit.any(axis=1)
    first_upper = upper[:, 0]
    shouted = any_upper & ~any_lower & (length > 1)
    is_word = letter[:, 0]
    shape = [
        first_upper,
        shouted,
        first_upper & any_lower,
        any_lower & upper[:, 1:].any(axis=1),
        any_lower & ~any_upper,
        any_digit,
        any_digit & ~any_lower & ~any_upper,
        first_upper & (length == 1),
        ~is_word,
        codes[:, 0] == ord(LINK),
        codes[:, 0] == ord(NAME),
        codes[:, 0] == ord("#"),
        codes[:, 0] == ord("&"),
        codes[:, 0] == ord("."),
        codes[:, 0] == ord("'"),
        codes[:, 0] == ord("-"),
        tagged,
        is_word & (codes > 127).any(axis=1),
        ~is_word & (codes[:, 0] > 0x2000),
        (codes == ord("'")).any(axis=1) & is_word,
    ]
    shape += [length <= limit for limit in _LENGTHS]
    known = {name: (facts >> np.uint32(shift)) & np.uint32(mask) for name, (shift, mask) in BITS.items()}
    listed = [known[name] >= level for name, (_, mask) in BITS.items() if mask <= 3 for level in range(1, mask + 1)]
    cased = [known["cased"] == level for level in range(8)]
    usual, rare = known["cased"] >= 5, (known["cased"] > 0) & (known["cased"] <= 2)
    crossed = [first_upper & usual, first_upper & rare, ~any_upper & usual, shouted & usual, shouted & rare]
    return np.stack([*shape, *listed, *cased, *crossed], axis=1)


SHAPES = 20 + len(_LENGTHS)
"""The first of the flags say how a word is written, the others what the lists know of it."""
WIDTH = flags(["a"], np.zeros(1, np.bool_), np.zeros(1, np.uint32)).shape[1]


def affixes(words: Sequence[str]) -> npt.NDArray[np.uint32]:
    """(k, AFFIXES) hashes of the collapsed shape, of the first 2 and 3 letters and of the last 2, 3 and 4."""
    lower = [word.lower() for word in words]
    heads = codes_of(lower, 3)
    tails = codes_of([word[:-5:-1] for word in lower], 4)
    found = np.empty((len(words), AFFIXES), np.uint32)
    found[:, 0] = _shape(words)
    found[:, 1], found[:, 2] = _hashed(heads[:, :2], 1), _hashed(heads, 2)
    for place, length in enumerate((2, 3, 4), start=3):
        found[:, place] = _hashed(tails[:, :length], place)
    return found


def _shape(words: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Hashes of the kinds of letters in a row, a run counted once: "Xx" for London, "X" for NATO, "xX" for iPhone."""
    codes = codes_of(words)
    kind = (_kinds()[np.minimum(codes, _LAST_CODE)] & (_UPPER | _LOWER | _DIGIT | _KIND)).astype(np.uint32)
    kind[codes == _NO_CODE] = 0
    turn = np.ones(codes.shape, np.bool_)
    turn[:, 1:] = kind[:, 1:] != kind[:, :-1]
    found = np.full(len(words), 7, np.uint32)
    for place in range(codes.shape[1]):
        here = turn[:, place] & (kind[:, place] > 0)
        found[here] = (found[here] ^ kind[here, place]) * _PRIME
    return _stirred(found)


def _hashed(codes: npt.NDArray[np.uint32], seed: int) -> npt.NDArray[np.uint32]:
    found = np.full(len(codes), 0x811C9DC5 + seed, np.uint32)
    for column in codes.T:
        found = (found ^ column) * _PRIME
    return _stirred(found)


def _stirred(values: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    values ^= values >> np.uint32(15)
    values *= np.uint32(0x2C1B3C6D)
    values ^= values >> np.uint32(12)
    return values
