"""How often people write a name in small letters: "nice" thousands of times, "oslo" hardly ever.

Counted in posts and comments whose licence allows it; only the counts ship, on a coarse scale.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tocsin.gazetteer import _text
from tocsin.gazetteer._index import KEY_MASK
from tocsin.gazetteer.embedded import index

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
TAGGED = ("wnut17/wnut17train.conll", "btc/btc.train")
_AT_ONCE = 20_000


def of(names: np.ndarray) -> np.ndarray:
    """(k,) for sorted name keys: 8 times the binary logarithm of 1 + the count in 100,000 texts.

    A name that mostly stands with a capital counts for the less: "florida" in small letters is Florida still.
    """
    if not DATA.is_dir():
        return _as_shipped(names)
    small, capital = np.zeros(len(names)), np.zeros(len(names))
    texts = _texts()
    for start in range(0, len(texts), _AT_ONCE):
        words = _text.split(texts[start : start + _AT_ONCE])
        for begins, keys in _text.runs(words):
            cased = words.cased[begins]
            _count(small, keys[cased & ~words.capital[begins]], names)
            _count(capital, keys[cased & words.capital[begins]], names)
    counts = small * small / np.maximum(small + capital, 1) * 100_000 / len(texts)
    return np.rint(8 * np.log2(1 + counts)).clip(0, 255).astype(np.uint8)


def _as_shipped(names: np.ndarray) -> np.ndarray:
    """Without the corpora: as the index in the wheel says. An ordinary word that is no name there counts 5."""
    spots = np.minimum(np.searchsorted(index().keys, names), len(index().keys) - 1)
    known = index().keys[spots] == names
    ordinary = np.isin(names, index().ordinary)
    return np.where(known, index().commonness[spots], np.where(ordinary, 21, 0)).astype(np.uint8)


def _count(counts: np.ndarray, keys: np.ndarray, names: np.ndarray) -> None:
    wanted = keys & KEY_MASK
    spots = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    np.add.at(counts, spots[names[spots] == wanted], 1)


def ordinary() -> np.ndarray:
    """The keys of words that stand in small letters in 5 of 100,000 texts, and of stop words; sorted."""
    if not DATA.is_dir():
        return index().ordinary
    texts = _texts()
    found = []
    for start in range(0, len(texts), _AT_ONCE):
        words = _text.split(texts[start : start + _AT_ONCE])
        small = words.cased & ~words.capital & ~words.number
        found.append(_text.alone(words.keys)[small] & KEY_MASK)
    keys, counts = np.unique(np.concatenate(found), return_counts=True)
    return np.union1d(keys[counts >= max(2, len(texts) * 5 / 100_000)], _stop_words())


def _stop_words() -> np.ndarray:
    files = sorted((ROOT / "src" / "tocsin" / "models" / "stopwords").glob("*.txt"))
    words = _text.split([line.strip() for file in files for line in file.read_text(encoding="utf-8").splitlines()])
    single = np.diff(words.bounds) == 1
    return _text.alone(words.keys[words.bounds[:-1][single]]) & KEY_MASK


def _texts() -> list[str]:
    sys.path.insert(0, str(ROOT / "models" / "build"))
    import corpora

    read = [
        *((" ".join(tokens) for tokens, _ in corpora.conll(DATA / file)) for file in TAGGED),
        (text for _, text in corpora.goemotions(DATA, "train")),
        (text for *_, text in corpora.semeval(DATA)),
    ]
    return [piece for texts in read for text in texts for piece in _pieces(text)]


def _pieces(text: str) -> list[str]:
    return [text[start : start + _text.LONGEST] for start in range(0, len(text), _text.LONGEST)]
