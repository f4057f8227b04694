"""The requests and answers of the Hugging Face inference container.

It takes {"inputs": a text or a list, "parameters": {...}}, hands both to a transformers pipeline and gives back what
that returns, which differs between versions: https://github.com/aws/sagemaker-huggingface-inference-toolkit and
https://huggingface.co/docs/transformers/main_classes/pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec

from tocsin.component import Label, Span
from tocsin.errors import Permanent
from tocsin.models._remote import Unfit
from tocsin.models._spans import in_order, span_type

Feeling = Literal["negative", "neutral", "positive"]
FEELINGS: tuple[Feeling, ...] = ("negative", "neutral", "positive")
_USUAL: dict[str, Feeling] = {
    "negative": "negative", "neg": "negative", "neutral": "neutral", "neu": "neutral", "positive": "positive",
    "pos": "positive", "1 star": "negative", "2 stars": "negative", "3 stars": "neutral", "4 stars": "positive",
    "5 stars": "positive",
}  # fmt: skip
_HIGHEST = 1.001  # float32 rounding

Score = Annotated[float, msgspec.Meta(ge=0, le=_HIGHEST)]


class ZeroShot(msgspec.Struct):
    """How well each candidate fits, best first."""

    labels: list[str]
    scores: list[Score]


class Scored(msgspec.Struct):
    """A class and its probability."""

    label: str
    score: Score


class Found(msgspec.Struct):
    """A stretch of the text: with a group if the container joins word pieces, with an IOB tag if it does not."""

    score: Score
    start: int
    end: int
    entity_group: str | None = None
    entity: str | None = None


class Pipeline:
    """One task of the container: the parameters to try, in order, and how to read an answer about one text."""

    parameters: Sequence[Mapping[str, Any]]
    one: Any
    """The type of the answer to a text."""
    many: Any
    """The type of the answer to a list."""

    def read(self, answer: list[Any], text: str) -> Any:
        """What the answer says of `text`. Raises Unfit if it cannot be that."""
        raise NotImplementedError

    def answers(self, body: bytes, texts: Sequence[str]) -> list[Any]:
        """One answer a text. Raises Unfit for a body of another shape."""
        alone = len(texts) == 1
        try:
            decoded = msgspec.json.decode(body, type=self.one if alone else self.many)
        except (msgspec.DecodeError, RecursionError):
            raise Unfit("the endpoint's answer is not that of this task; is it another kind of model?") from None
        if alone:
            nested = isinstance(decoded, list) and decoded and isinstance(decoded[0], list)
            parts = [decoded[0] if nested else decoded]
        else:
            parts = decoded
        if len(parts) != len(texts):
            raise Unfit(f"the endpoint gave {len(parts)} answers to {len(texts)} posts")
        return [
            self.read(part if isinstance(part, list) else [part], text) for part, text in zip(parts, texts, strict=True)
        ]


class ZeroShotPipeline(Pipeline):
    """Candidates, each judged for itself; several categories may share one."""

    one, many = ZeroShot | list[ZeroShot], list[ZeroShot]

    def __init__(self, labels: Sequence[Label], template: str) -> None:
        self._candidates = [candidate(label) for label in labels]
        unique = list(dict.fromkeys(self._candidates))
        self.parameters = [{"candidate_labels": unique, "multi_label": True, "hypothesis_template": template}]

    def read(self, answer: list[Any], text: str) -> list[float]:
        scores = dict(zip(answer[0].labels, answer[0].scores, strict=False)) if len(answer) == 1 else {}
        if scores.keys() != set(self._candidates) or len(answer[0].scores) != len(scores):
            raise Unfit("the endpoint's answer names other categories than it was given")
        return [min(scores[name], 1.0) for name in self._candidates]


class SentimentPipeline(Pipeline):
    """All classes with their probabilities, or only the likeliest: then the others share the rest evenly."""

    parameters = ({"top_k": None}, {})
    one = many = list[Scored | list[Scored]]

    def __init__(self, meanings: Mapping[str, Feeling]) -> None:
        self._meanings = _USUAL | {name.lower(): feeling for name, feeling in meanings.items()}

    def read(self, answer: list[Any], text: str) -> list[float]:
        row = dict.fromkeys(FEELINGS, 0.0)
        for scored in answer:
            row[self._meaning(scored.label)] += scored.score
        if len(answer) == 1:
            named = self._meaning(answer[0].label)
            rest = max(1.0 - row[named], 0.0) / 2
            row = {feeling: row[named] if feeling == named else rest for feeling in FEELINGS}
        total = sum(row.values())
        if total < 0.5:
            raise Unfit("the endpoint's probabilities are too small to be all of them")
        return [row[feeling] / total for feeling in FEELINGS]

    def _meaning(self, label: str) -> Feeling:
        if label.lower() not in self._meanings:
            raise Permanent(
                f"the endpoint's class '{label[:40]}' is not known: say what it means, like "
                f"`sentiments: {{{label[:40]}: negative}}`"
            )
        return self._meanings[label.lower()]


class EntitiesPipeline(Pipeline):
    parameters = ({"aggregation_strategy": "simple"}, {})
    one, many = list[Found | list[Found]], list[list[Found]]

    def __init__(self, min_score: float) -> None:
        self._min_score = min_score

    def read(self, answer: list[Any], text: str) -> list[Span]:
        if any(not 0 <= found.start <= found.end <= len(text) for found in answer):
            raise Unfit("the endpoint's answer points outside the text")
        spans = [_trimmed(span, text) for span in _joined(answer, text, self._min_score)]
        return in_order(span for span in spans if span is not None)


def candidate(label: Label) -> str:
    """What the model is asked about: what belongs to the category, or its name.

    >>> candidate(Label("outage", "The service is down.")), candidate(Label("data_loss"))
    ('The service is down', 'data loss')
    """
    return label.description.strip().rstrip(".") or label.name.replace("_", " ")


def _joined(answer: Sequence[Found], text: str, min_score: float) -> list[Span]:
    """Stretches, those of one name joined where the container left word pieces apart."""
    spans: list[Span] = []
    for found in sorted(answer, key=lambda found: found.start):
        mark, _, tag = (found.entity or "").rpartition("-")
        kind = span_type(found.entity_group or tag)
        if kind is None or tag == "O" or found.score < min_score:
            continue
        last = spans[-1] if spans else None
        near = last is not None and last.type == kind and not text[last.end : found.start].strip()
        touches = near and last is not None and last.end == found.start
        if last is not None and found.entity_group is None and near and (touches or mark != "B"):
            spans[-1] = Span(kind, last.start, max(last.end, found.end))
        else:
            spans.append(Span(kind, found.start, found.end))
    return spans


def _trimmed(span: Span, text: str) -> Span | None:
    """Without white space at its ends, which some tokenizers count to the word."""
    inner = text[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip())
    end = start + len(inner.strip())
    return Span(span.type, start, end) if end > start else None
