"""Entities from a token classifier: the words of a text, each with the label of its first piece, joined to spans.

Labels are those of BIO, BILOU or BIOES (Ramshaw and Marcus 1995; Ratinov and Roth 2009), or bare types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from tokenizers import Encoding

from tocsin.component import Span
from tocsin.errors import ConfigError
from tocsin.hints import printable
from tocsin.models._onnx.runtime import Answer, Runtime
from tocsin.models._onnx.text import storable
from tocsin.models._spans import TYPES, in_order, span_type

_BEGINS, _GOES_ON = "BSU", "IEL"


class TokenClassifier:
    """Who and what is named. `names` are the model's labels; `types` say what a type of its own means."""

    def __init__(self, runtime: Runtime, names: Sequence[str], types: Mapping[str, str], where: str) -> None:
        self._runtime = runtime
        self._labels = [_split(types.get(name, name)) for name in names]
        types = {name: type_ for name, type_ in types.items() if name not in names}
        known = {type_ for _, type_ in self._labels if type_}
        unknown = sorted(set(types) - known)
        if unknown:
            hint = f"it has {printable(', '.join(sorted(known)), 300)}"
            raise ConfigError(f"{where} has no type of entity '{printable(unknown[0])}'", hint=hint)
        wrong = sorted(set(types.values()) - {*TYPES, "O"})
        if wrong:
            raise ConfigError(
                f"'{printable(wrong[0])}' in labels: is no type of entity",
                hint=f"one of {', '.join(TYPES)}, or O for none",
            )
        self._types = {name: types.get(name) or span_type(name) for name in known}
        numbered = sorted(name for name in known - set(types) if name.startswith("LABEL_"))
        if numbered:
            hint = f"its card says what they mean: labels: {{{numbered[0]}: PER, …}}"
            raise ConfigError(f"{where} only numbers its labels ({numbered[0]})", hint=hint)

    def entities(self, texts: Sequence[str]) -> list[list[Span] | None]:
        """Offsets are those of the text as given; None where the model's answer is no number."""
        shown = [storable(text) for text in texts]
        answers = iter(self._runtime.each([text for text in shown if text.strip()], self._read))
        found = [next(answers) if text.strip() else [] for text in shown]
        return [None if spans is None else _trimmed(spans, text) for spans, text in zip(found, shown, strict=True)]

    def _read(self, answer: Answer, encoding: Encoding) -> list[Span] | None:
        if not np.isfinite(answer).all():
            return None
        chosen = answer.argmax(axis=1).tolist()
        spans: list[Span] = []
        open_type: str | None = None
        for place, start, end in _words(encoding):
            part, type_ = self._labels[chosen[place]]
            if not type_:
                open_type = None
                continue
            ours = self._types[type_]
            if open_type == type_ and part not in _BEGINS and spans and ours is not None:
                spans[-1] = Span(spans[-1].type, spans[-1].start, end)
            elif ours is not None and ours != "O":
                spans.append(Span(ours, start, end))
            open_type = type_ if ours not in (None, "O") and part not in "EL" else None
        return spans


def _split(name: str) -> tuple[str, str]:
    """The part and the type of a label: ("B", "PER") of B-PER; the type is empty outside of entities."""
    if name.upper() in ("O", "OUTSIDE"):
        return "O", ""
    if len(name) > 2 and name[0].upper() in _BEGINS + _GOES_ON and name[1] in "-_":
        return name[0].upper(), name[2:]
    return "I", name


def _words(encoding: Encoding) -> list[tuple[int, int, int]]:
    """Of each word: the place of its first piece, and where the word begins and ends in the text."""
    words: list[tuple[int, int, int]] = []
    last: int | None = None
    for place, (word, (start, end)) in enumerate(zip(encoding.word_ids, encoding.offsets, strict=True)):
        if word is None or start == end:
            continue
        if word == last:
            words[-1] = (words[-1][0], words[-1][1], max(end, words[-1][2]))
        else:
            words.append((place, start, end))
        last = word
    return words


def _trimmed(spans: Sequence[Span], text: str) -> list[Span]:
    """Without white space and punctuation around; "U.S." keeps its last stop."""
    found = []
    for span in spans:
        start, end = span.start, span.end
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum() and not _abbreviated(text[start:end]):
            end -= 1
        found.append(Span(span.type, start, end))
    return in_order(found)


def _abbreviated(written: str) -> bool:
    return written.endswith(".") and "." in written[:-1] and " " not in written.rpartition(".")[0][-3:]
