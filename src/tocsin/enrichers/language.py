"""The language a post is written in: what its text tells (`models/_languages.py`), or else what the platform says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tocsin import posts
from tocsin.component import Context
from tocsin.models._languages import Detection, detector, iso
from tocsin.models._words import Flags
from tocsin.options import Options

SURE = 0.5
"""Score from which the text is believed more than the platform, and so what the platform's word is worth."""
PLAUSIBLE = 0.3
"""Score from which the text is believed where the platform says nothing. Words unknown to the model score 0.12."""


class Config(Options):
    """No options: the model is the one that comes with Tocsin."""


class Language:
    """Fills `language` with an ISO 639-1 code (the text's, else the platform's claim, else null), `language_score`
    with how sure that is, from 0 to 1."""

    fills: ClassVar[frozenset[str]] = frozenset({"language", "language_score"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, config: Config, context: Context) -> None:
        self._detector = detector()

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        found = self.detect(posts.texts(batch), batch.column("claimed_language").to_pylist())
        return {
            "language": pa.array([detection.code for detection in found], pa.string()),
            "language_score": pa.array([detection.score for detection in found], pa.float32()),
        }

    def detect(self, texts: Sequence[str], claims: Sequence[str | None] | None = None) -> list[Detection]:
        """The language of each text and how sure that is; `claims` are what the platform says (BCP 47)."""
        claims = [None] * len(texts) if claims is None else claims
        return [_believed(*row) for row in zip(self._detector.detect(texts), claims, strict=True)]


def _believed(found: Detection, claim: str | None) -> Detection:
    if found.score >= SURE:
        return found
    code = iso(claim)
    if code is not None:
        return Detection(code, SURE)
    return found if found.score >= PLAUSIBLE else Detection(None, found.score)


def foreign(texts: Sequence[str], languages: Sequence[str | None], known: Collection[str]) -> Flags:
    """Which texts are for sure in a language other than those known; `languages` are what the posts' column says.

    Of short posts the language is often told wrong, so whoever asks is not to turn away what may be in a known one.
    """
    flags = np.zeros(len(texts), np.bool_)
    unsure = [number for number, code in enumerate(languages) if code not in known]
    if unsure:
        flags[unsure] = detector().foreign([texts[number] for number in unsure], known)
    return flags
