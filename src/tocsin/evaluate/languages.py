"""How often the language enricher asks its model and errs on English posts, and how fast it and the phrases are.

Measured on real posts that lie beside the project, nearly all of them English: those to airlines, and those of SemEval
2013 to 2016 and of TweetEval's validation part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

import numpy as np

from tocsin.enrichers.language import PLAUSIBLE, foreign
from tocsin.evaluate import _corpora
from tocsin.models._languages import Detector, signs
from tocsin.models._phrases import Chunker
from tocsin.models._words import split

T = TypeVar("T")
_AT_ONCE = 1000


def run(data: Path) -> dict[str, dict[str, Any]]:
    """`measure` of each set under `data`."""
    return {name: measure(texts) for name, texts in _sets(data).items()}


def measure(texts: Sequence[str], seconds: Callable[[], float] = process_time) -> dict[str, Any]:
    """Shares of the texts, and microseconds of a processor a text.

    `english_by_words`: the model was not asked; `english`: told to be English; `foreign`: called surely not English.
    Cutting into words (`split_us`) is shared by all enrichers, and not counted in `language_us` and `phrases_us`.
    """
    parts = [texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE)]
    detector, chunker = Detector(), Chunker()
    chunker.phrases(split(texts), ["en"] * len(texts))
    detector.detect(["ok"])
    time = _Timer(seconds, len(texts))
    words, split_us = time(lambda: [split(part) for part in parts])
    found, language_us = time(lambda: [one for part in parts for one in detector.detect(part)])
    phrases, phrases_us = time(lambda: [chunker.phrases(part, ["en"] * len(part.texts)) for part in words])
    codes = [one.code if one.score >= PLAUSIBLE else None for one in found]
    return {
        "posts": len(texts),
        "english_by_words": _share(flag for part in words for flag in signs(part).of_english.tolist()),
        "english": _share(code == "en" for code in codes),
        "foreign": _share(foreign(texts, codes, {"en"}).tolist()),
        "phrases_per_post": round(float(np.mean([len(post) for part in phrases for post in part])), 2),
        "split_us": round(split_us, 1),
        "language_us": round(language_us - split_us, 1),
        "phrases_us": round(phrases_us, 1),
    }


class _Timer:
    """Gives what a function gives, and the microseconds a text that it took."""

    def __init__(self, seconds: Callable[[], float], texts: int) -> None:
        self._seconds, self._texts = seconds, texts

    def __call__(self, work: Callable[[], T]) -> tuple[T, float]:
        began = self._seconds()
        answer = work()
        return answer, (self._seconds() - began) / self._texts * 1e6


def _sets(data: Path) -> dict[str, list[str]]:
    return {
        "airline": [row["text"] for row in _corpora.airline(data)],
        "semeval": [text for _, _, text in _corpora.semeval(data)],
        "tweeteval": _corpora.tweeteval(data)[0],
    }


def _share(flags: Iterable[bool]) -> float:
    return round(float(np.mean(list(flags))), 5)
