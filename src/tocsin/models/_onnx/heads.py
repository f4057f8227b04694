"""What a model's answers mean: categories by likeness or by inference, topics, sentiment.

Bi-encoder: Reimers and Gurevych 2019, arXiv:1908.10084. Zero-shot by inference: Yin, Hay and Roth 2019,
arXiv:1909.00161; each label is judged by itself, from its own pair of text and hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Encoding

from tocsin.component import Floats, Label
from tocsin.errors import ConfigError
from tocsin.hints import printable
from tocsin.models._classifier import SIGMAS, EmbeddedClassifier
from tocsin.models._onnx.background import POSTS
from tocsin.models._onnx.folder import Folder
from tocsin.models._onnx.runtime import Answer, Runtime
from tocsin.models._table import directions

Clean = Callable[[str], str]
Row = npt.NDArray[np.float32]

_FEELINGS = ("negative", "neutral", "positive")
_SAME_FEELING = {
    "neg": "negative",
    "very negative": "negative",
    "1 star": "negative",
    "2 stars": "negative",
    "neu": "neutral",
    "3 stars": "neutral",
    "pos": "positive",
    "very positive": "positive",
    "4 stars": "positive",
    "5 stars": "positive",
}


class BiEncoder:
    """Categories by the cosine between a text and "name: description"."""

    def __init__(self, runtime: Runtime, folder: Folder, clean: Clean, prefix: str, label_prefix: str) -> None:
        self._runtime, self._clean = runtime, clean
        self._prefix, self._label_prefix = prefix, label_prefix
        self._pool = _POOLS[folder.pooling]

    def classifier(self, labels: Sequence[Label]) -> Cosines:
        _check_labels(labels)
        return Cosines(labels, self)

    def vectors(self, texts: Sequence[str]) -> Floats:
        """(n, width) the direction of each text; NaN for one without words."""
        return self._directions([self._clean(text) for text in texts], self._prefix)

    def label_vectors(self, texts: Sequence[str]) -> Floats:
        """The same for what stands for a label."""
        return self._directions([self._clean(text) or text for text in texts], self._label_prefix)

    def pooled(self, answer: Answer, encoding: Encoding) -> Row:
        """(width,) one vector for all tokens of a text; NaN if it is no number."""
        if not np.isfinite(answer).all():
            return np.full(answer.shape[-1], np.nan, np.float32)
        return answer if answer.ndim == 1 else self._pool(answer)

    def _directions(self, texts: Sequence[str], prefix: str) -> Floats:
        found = self._runtime.each([prefix + text for text in texts], self.pooled)
        if not found:
            return np.zeros((0, 0), np.float32)
        vectors = directions(np.stack(found))
        vectors[np.array([not text for text in texts], np.bool_)] = np.nan
        return vectors


def _mean(answer: Answer) -> Row:
    mean: Row = answer.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _first(answer: Answer) -> Row:
    first: Row = answer[0]
    return first


def _highest(answer: Answer) -> Row:
    highest: Row = answer.max(axis=0)
    return highest


_POOLS: dict[str, Callable[[Answer], Row]] = {"mean": _mean, "cls": _first, "max": _highest}


class Cosines:
    """Likeness of texts to labels, and how alike posts in general are to each label."""

    def __init__(self, labels: Sequence[Label], encoder: BiEncoder) -> None:
        self._vectors = encoder.vectors
        self.thresholds: Floats = np.zeros(len(labels), np.float32)
        if not labels:
            return
        usual = encoder.vectors(POSTS)
        background = {"mean": usual.mean(axis=0), "covariance": np.cov(usual.T)}
        self._cosines = EmbeddedClassifier(labels, encoder.label_vectors, background)
        scores = np.maximum(usual @ self._cosines.directions.T, 0.0)
        self.thresholds = (scores.mean(axis=0) + SIGMAS * scores.std(axis=0)).clip(0.0, 1.0).astype(np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        """(n, labels): the cosine, 0 where it is below; NaN for a text without words."""
        if not len(texts) or not len(self.thresholds):
            return np.zeros((len(texts), len(self.thresholds)), np.float32)
        found: Floats = np.maximum(self._vectors(texts) @ self._cosines.directions.T, 0.0)
        return found.clip(None, 1.0)


class CrossEncoder:
    """Categories by whether a text entails a hypothesis that names one."""

    def __init__(self, runtime: Runtime, names: Sequence[str], clean: Clean, hypothesis: str, where: str) -> None:
        lower = [name.lower() for name in names]
        self._runtime, self._clean, self._hypothesis, self._where = runtime, clean, hypothesis, where
        self._yes = next(place for place, name in enumerate(lower) if name.startswith("entail"))
        no = [place for place, name in enumerate(lower) if name.startswith(("contradict", "not"))]
        if len(no) != 1:
            found = printable(", ".join(names))
            hint = "labels: {LABEL_0: contradiction, LABEL_2: entailment} in the config says which is which"
            raise ConfigError(f"{where} has the labels {found}: none, or several, contradict", hint=hint)
        self._no = no[0]

    def classifier(self, labels: Sequence[Label]) -> Entailments:
        _check_labels(labels)
        hypotheses = [self._hypothesis_of(label) for label in labels]
        for label, hypothesis in zip(labels, hypotheses, strict=True):
            if self._runtime.tokens(hypothesis) > self._runtime.max_tokens // 2:
                message = f"the hypothesis of the category '{printable(label.name)}' takes over half of max_tokens"
                raise ConfigError(message, hint="shorten it, or raise max_tokens:")
        return Entailments(hypotheses, self)

    def entailed(self, texts: Sequence[str], hypotheses: Sequence[str]) -> Floats:
        """(n, hypotheses) from 0 to 1; NaN for a text without words."""
        places = np.array([self._no, self._yes])
        cleaned = [self._clean(text) for text in texts]
        pairs = [(text, hypothesis) for text in cleaned if text for hypothesis in hypotheses]
        found = self._runtime.each(pairs, lambda answer, _: float(_softmax(answer[places])[1]))
        answered = np.array([bool(text) for text in cleaned], np.bool_)
        scores = np.full((len(texts), len(hypotheses)), np.nan, np.float32)
        scores[answered] = np.array(found, np.float32).reshape(answered.sum(), len(hypotheses))
        return scores

    def _hypothesis_of(self, label: Label) -> str:
        name = label.name.replace("_", " ")
        filled = self._hypothesis.replace("{description}", label.description.strip().rstrip(".") or name)
        return filled.replace("{}", name)


@dataclass(frozen=True)
class Entailments:
    """One hypothesis for each label."""

    hypotheses: Sequence[str]
    model: CrossEncoder

    @property
    def thresholds(self) -> Floats:
        return np.full(len(self.hypotheses), 0.5, np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        return self.model.entailed(texts, self.hypotheses)


class SequenceClassifier:
    """Probabilities of labels that were learned. `names` are the model's labels, as the config calls them."""

    def __init__(self, runtime: Runtime, names: Sequence[str], clean: Clean, independent: bool, where: str) -> None:
        self.names, self._runtime, self._clean, self._where = names, runtime, clean, where
        self.independent = independent

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """(n, labels); NaN for a text without words."""
        squash = _sigmoid if self.independent else _softmax
        cleaned = [self._clean(text) for text in texts]
        found = self._runtime.each([text for text in cleaned if text], lambda answer, _: squash(answer))
        answered = np.array([bool(text) for text in cleaned], np.bool_)
        probabilities = np.full((len(texts), len(self.names)), np.nan, np.float32)
        probabilities[answered] = np.array(found).reshape(answered.sum(), len(self.names))
        return probabilities


class Feelings(SequenceClassifier):
    """A classifier whose labels are negative, neutral and positive, or parts of these."""

    def sentiment(self, texts: Sequence[str]) -> Floats:
        """(n, 3)"""
        probabilities = self.probabilities(texts).astype(np.float64)
        found = np.zeros((len(texts), 3))
        for place, name in enumerate(self.names):
            found[:, _FEELINGS.index(feeling(name) or "neutral")] += probabilities[:, place]
        total = found.sum(axis=1, keepdims=True)
        return (found / np.where(total == 0, 1.0, total)).astype(np.float32)


class Topics(SequenceClassifier):
    """A classifier whose labels are categories of the config, by name."""

    def classifier(self, labels: Sequence[Label]) -> Chosen:
        _check_labels(labels)
        known = [_folded(name) for name in self.names]
        columns = [[place for place, name in enumerate(known) if name == _folded(label.name)] for label in labels]
        for label, found in zip(labels, columns, strict=True):
            if not found:
                hint = (
                    f"it knows {printable(', '.join(self.names), 300)}; labels: {{ITS NAME: your category}} maps them"
                )
                raise ConfigError(f"{self._where} does not know the category '{printable(label.name)}'", hint=hint)
        return Chosen(columns, self)


@dataclass(frozen=True)
class Chosen:
    """Some of a classifier's labels: `columns[i]` are those that mean label i."""

    columns: Sequence[Sequence[int]]
    model: Topics

    @property
    def thresholds(self) -> Floats:
        return np.full(len(self.columns), 0.5, np.float32)

    def scores(self, texts: Sequence[str]) -> Floats:
        found = self.model.probabilities(texts)
        scores = np.zeros((len(texts), len(self.columns)), np.float32)
        for place, columns in enumerate(self.columns):
            chosen = found[:, list(columns)]
            scores[:, place] = chosen.max(axis=1) if self.model.independent else chosen.sum(axis=1).clip(None, 1.0)
        return scores


def feeling(name: str) -> str | None:
    """Which of negative, neutral and positive a label means; None if it means none.

    >>> feeling("POS"), feeling("Very_Negative"), feeling("sport")
    ('positive', 'negative', None)
    """
    plain = _folded(name)
    known = _SAME_FEELING.get(plain, plain)
    return known if known in _FEELINGS else None


def renamed(names: Sequence[str], labels: Mapping[str, str], where: str) -> list[str]:
    """The model's labels as the config calls them. Raises ConfigError if it calls one that there is not."""
    unknown = sorted(set(labels) - set(names))
    if unknown:
        hint = f"it has {printable(', '.join(names), 300)}"
        raise ConfigError(f"{where} has no label '{printable(unknown[0])}'", hint=hint)
    found = [labels.get(name, name) for name in names]
    if any(name.startswith("LABEL_") for name in found):
        number = next(name for name in found if name.startswith("LABEL_"))
        hint = f"its card says what they mean: labels: {{{number}: negative, …}}"
        raise ConfigError(f"{where} only numbers its labels ({number})", hint=hint)
    return found


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").lower().split())


def _check_labels(labels: Sequence[Label]) -> None:
    if any(not label.name.strip() for label in labels):
        raise ConfigError("a category has no name")


def _softmax(logits: Answer) -> npt.NDArray[np.float64]:
    if not np.isfinite(logits).all():
        return np.full(len(logits), np.nan)
    powers = np.exp(logits.astype(np.float64) - logits.max())
    found: npt.NDArray[np.float64] = powers / powers.sum()
    return found


def _sigmoid(logits: Answer) -> npt.NDArray[np.float64]:
    if not np.isfinite(logits).all():
        return np.full(len(logits), np.nan)
    found: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -60, 60)))
    return found
