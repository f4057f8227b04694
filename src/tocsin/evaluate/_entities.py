"""How well a model finds entities: exact spans against a corpus in CoNLL's form (a token and its tag a line).

The corpora's types are put into ours: person PER, location LOC, corporation and group ORG; products and works are
left out. @names are structured data, and no entities. A hashtag's sign is not part of the entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tocsin.component import Model, Span
from tocsin.evaluate._corpora import conll

KINDS = ("PER", "LOC", "ORG")
_OF_CORPUS = {
    "PER": "PER", "LOC": "LOC", "ORG": "ORG",
    "person": "PER", "location": "LOC", "group": "ORG", "corporation": "ORG",
}  # fmt: skip
_GLUED_BEFORE = frozenset(".,!?;:)]}%") | {"'s", "n't", "'m", "'re", "'ve", "'ll", "'d", "'", "...", "..", "’s"}
_GLUED_AFTER = frozenset("([{$#")
_AT_ONCE = 1000


@dataclass(frozen=True)
class Annotated:
    """A post and who and what it names."""

    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Score:
    precision: float
    recall: float
    f1: float


def judge(model: Model, file: Path) -> dict[str, Any]:
    """`entity_f1` of tokens joined by spaces, and as people write."""
    return {"spaced": entity_f1(model, file), "natural": entity_f1(model, file, natural=True)}


def entity_f1(model: Model, file: Path, *, natural: bool = False) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of exact spans by type, and of all together ("all").

    `natural`: tokens are joined as people write, else by spaces.
    """
    posts = list(annotated(file, natural=natural))
    found: list[list[Span]] = []
    for start in range(0, len(posts), _AT_ONCE):
        answers = model.entities([post.text for post in posts[start : start + _AT_ONCE]])
        found += [answer or [] for answer in answers]
    return {kind: asdict(value) for kind, value in scores([post.spans for post in posts], found).items()}


def scores(gold: Sequence[Iterable[Span]], found: Sequence[Iterable[Span]]) -> dict[str, Score]:
    """Of exact spans: micro-averaged ("all"), and for each type."""
    result: dict[str, Score] = {}
    for kind in ("all", *KINDS):
        right = wanted = given = 0
        for own, others in zip(gold, found, strict=True):
            expected = {span for span in own if kind in ("all", span.type)}
            answers = {span for span in others if span.type in KINDS and kind in ("all", span.type)}
            right += len(expected & answers)
            wanted += len(expected)
            given += len(answers)
        precision, recall = right / max(given, 1), right / max(wanted, 1)
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        result[kind] = Score(round(precision, 4), round(recall, 4), round(f1, 4))
    return result


def annotated(file: Path, *, natural: bool = False) -> Iterator[Annotated]:
    """The posts of a CoNLL file."""
    for tokens, tags in conll(file):
        starts, text = _joined(tokens, natural=natural)
        yield Annotated(text, tuple(_spans(tokens, tags, starts)))


def _joined(tokens: Sequence[str], *, natural: bool) -> tuple[list[int], str]:
    """Where each token starts, and the text."""
    text = ""
    starts: list[int] = []
    for place, token in enumerate(tokens):
        glued = natural and place and (token in _GLUED_BEFORE or tokens[place - 1] in _GLUED_AFTER)
        text += "" if glued or not place else " "
        starts.append(len(text))
        text += token
    return starts, text


def _spans(tokens: Sequence[str], tags: Sequence[str], starts: Sequence[int]) -> list[Span]:
    found: list[Span] = []
    last = -1  # the last token of the last span
    for place, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
        part, _, name = tag.partition("-")
        kind = _OF_CORPUS.get(name)
        if kind is None or token[0] in "@＠":
            continue
        end = starts[place] + len(token)
        if part == "I" and last == place - 1 and tags[last].partition("-")[2] == name:
            found[-1] = Span(kind, found[-1].start, end)
        else:
            sign = len(token) > 1 and token[0] in "#＃"
            found.append(Span(kind, starts[place] + sign, end))
        last = place
    return found
