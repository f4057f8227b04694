"""Signatures of texts: two posts are near-copies when most bytes of their signatures agree.

A text is reduced to its words (NFKC, lower case; no links, @names, leading RT, punctuation or emoji), cut into
overlapping five-character pieces, and signed by one-permutation MinHash: each piece falls into one of 64 bins, a
bin keeps its smallest hash, of which one byte is stored; an empty bin borrows from another. The share of equal bytes
estimates the Jaccard similarity of the two sets of pieces. All texts are done at once, as one array of code points.

P. Li, A. Owen, C.-H. Zhang, "One Permutation Hashing", NIPS 2012; on empty bins A. Shrivastava, "Optimal
Densification for Fast and Accurate Minwise Hashing", ICML 2017; on one byte a bin P. Li, A. C. König, "b-Bit Minwise
Hashing", WWW 2010.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

SIGNATURE_BYTES = 64
PIECE = 5
SHORT = 32
CAREFUL = 60
"""Texts of fewer characters are signed whole, or must agree in more. East Asian characters, which say more, count
double."""

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_REPOST = re.compile(r"^\s*rt\s+(?=@)")
_NAME = re.compile(r"@[a-z0-9_.@-]+")
_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")
_APOSTROPHES = "'’ʼ"
_SPACE, _DROPPED = 0x20, 0
_EAST_ASIAN = 0x2E80
_LAST_CODE = 0x323B0  # beyond it are tags, variation selectors and private use, which are no words
_EMPTY = np.uint32(0xFFFFFFFF)


def _composed(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.lower()
    if "@" in text:
        text = _NAME.sub(" ", _REPOST.sub("", text))
    if "://" in text or "www." in text:
        text = _LINK.sub(" ", text)
    return f" {text} "


@functools.cache
def _reduction() -> Codes:
    """For each code point: itself if it is part of a word, a space if not, 0 if it leaves no trace."""
    table = np.full(_LAST_CODE + 1, _SPACE, np.uint32)
    for code in range(_LAST_CODE):
        category = unicodedata.category(chr(code))
        if category[0] in "LNM":
            table[code] = code
        elif category == "Cf":
            table[code] = _DROPPED
    table[[ord(character) for character in _APOSTROPHES]] = _DROPPED
    table[0xFE00:0xFE10] = _DROPPED
    return table


def normalise(texts: Sequence[str]) -> tuple[Codes, Ints]:
    """The words of each text: code points of all texts in a row, one space around each word; and their lengths.

    A text without words has length 1 (a space).
    """
    composed = [_composed(text) for text in texts]
    codes = np.frombuffer("".join(composed).encode("utf-32-le"), np.uint32)
    codes = _reduction()[np.minimum(codes, _LAST_CODE)]
    lengths = np.fromiter(map(len, composed), np.int64, len(composed))
    if not codes.all():
        lengths = np.add.reduceat(codes != _DROPPED, np.cumsum(lengths) - lengths, dtype=np.int64)
        codes = codes[codes != _DROPPED]
    starts = np.cumsum(lengths) - lengths
    kept = codes != _SPACE
    kept[1:] |= kept[:-1].copy()
    kept[starts] = True
    return codes[kept], np.add.reduceat(kept, starts, dtype=np.int64)


def _mixed(values: Codes) -> Codes:
    """Bijective mixing of 32 bits (the finaliser of MurmurHash3), in place."""
    values ^= values >> 16
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> 13
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> 16
    return values


def _piece_hashes(codes: Codes) -> Codes:
    """The hash of the PIECE characters from each position on; at the very end, of fewer."""
    hashes = np.zeros(len(codes), np.uint32)
    for step in range(PIECE):
        hashes *= np.uint32(0x9E3779B1)
        hashes[: max(len(codes) - step, 0)] += codes[step:]
    return _mixed(hashes)


def _smallest_hashes(codes: Codes, starts: Ints, lengths: Ints) -> Codes:
    """The smallest hash in each bin, (n, SIGNATURE_BYTES); _EMPTY where no piece fell."""
    hashes = _piece_hashes(codes)
    bins = np.repeat(np.arange(len(lengths)) * SIGNATURE_BYTES, lengths)
    bins += hashes & np.uint32(SIGNATURE_BYTES - 1)
    hashes >>= np.uint32(6)
    beyond = (starts + lengths)[:, None] - np.arange(1, PIECE)
    hashes[beyond[beyond >= starts[:, None]]] = _EMPTY
    smallest = np.full((len(lengths), SIGNATURE_BYTES), _EMPTY)
    np.minimum.at(smallest.reshape(-1), bins, hashes)
    return smallest


def _fill_empty(smallest: Codes) -> None:
    """Give each empty bin the value of the first filled one among bin XOR 1, 2, … 63: alike in all texts."""
    flat = smallest.reshape(-1)
    empty = np.flatnonzero(flat == _EMPTY)
    values = np.full(len(empty), _EMPTY)
    left = np.arange(len(empty))
    for step in range(1, SIGNATURE_BYTES):
        values[left] = flat[empty[left] ^ step]
        left = left[values[left] == _EMPTY]
        if not len(left):
            break
    flat[empty] = values


def signatures(texts: Sequence[str]) -> tuple[Bytes, Ints]:
    """A row of SIGNATURE_BYTES for each text, and how many characters its words have, (n,): 0 has nothing to sign.

    Short texts are signed whole, so that only equal ones agree.
    """
    if not texts:
        return np.zeros((0, SIGNATURE_BYTES), np.uint8), np.zeros(0, np.int64)
    codes, lengths = normalise(texts)
    starts = np.cumsum(lengths) - lengths
    smallest = _smallest_hashes(codes, starts, lengths)
    sizes = np.maximum(lengths - 2 + np.add.reduceat(codes >= _EAST_ASIAN, starts, dtype=np.int64), 0)
    _fill_empty(smallest)
    rows = _mixed(smallest).astype(np.uint8)
    for row in np.flatnonzero(sizes < SHORT).tolist():
        whole = codes[starts[row] : starts[row] + lengths[row]].tobytes()
        rows[row] = np.frombuffer(blake2b(whole, digest_size=SIGNATURE_BYTES).digest(), np.uint8)
    return rows, sizes


def agreement(similarity: float, sizes: Ints) -> Ints:
    """How many bytes of the signature must agree, (n,), for texts of so many characters.

    Under CAREFUL characters more is asked for: people say the same by chance in so few ("no not yet, waiting for an
    agent"), one word makes the difference, and few pieces give a rough estimate.
    """
    shortness = np.maximum(1 - sizes / CAREFUL, 0)
    return np.ceil(SIGNATURE_BYTES * (similarity + (1 - similarity) * shortness) - 1e-9).astype(np.int64)
