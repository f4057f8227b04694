"""What a model says of posts, and what stands in where it says nothing.

A record names the model that gave an answer, and behind it what is to be known of it:

    embedded-1                             an answer
    embedded-1 language not known          none: the post is in a language that the model does not know
    embedded-1 instead of openai:name      the model of the config had no answer
    embedded-1 not refined                 near the threshold, but the budget of the slow model was spent
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin import load
from tocsin.component import Context, Model, Patience
from tocsin.enrichers.language import foreign
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.options import ModelChoice, Options

log = logging.getLogger(__name__)

LANGUAGE_NOT_KNOWN, NOT_REFINED = "language not known", "not refined"

Ask = Callable[[Model, Sequence[str]], Sequence[Any]]
"""A task: one answer a text, None where there is none."""
Flags = npt.NDArray[np.bool_]


class Refine(Options):
    """A fast model answers first; only what it is unsure of goes to the slow one."""

    near: float = 0.1
    """How near to the border an answer is unsure, as a share of the way from the border to certainty."""
    posts_per_second: float | None = None
    """How many posts the slow model may get, so that it keeps up with the stream. Default: no limit."""


class Answers:
    """The model of an enricher, the embedded one behind it, and a budget for the slow one."""

    def __init__(self, task: str, choice: ModelChoice, refine: Refine | None, context: Context) -> None:
        """`task` is the method of `Model` that answers. Raises ConfigError where the model has none."""
        self.model: Model = load.build_model(choice, context)
        if not hasattr(self.model, task):
            kind = getattr(self.model, "kind", "model")
            raise ConfigError(
                f"{choice.spec} is a {kind} and cannot answer for {context.name}", hint="name another `model:`"
            )
        self.embedded: Model = self.model if choice.spec == "embedded" else load.build_model(ModelChoice(), context)
        self._name = choice.spec
        self._refine = refine if self.embedded is not self.model else None
        self._clock = context.clock
        self._budget, self._filled = 0.0, context.clock.monotonic()

    @property
    def patience(self) -> Patience:
        """How long the model may take."""
        asked = getattr(self.model, "patience", Patience())
        return asked if isinstance(asked, Patience) else Patience(seconds=asked)

    def of(
        self, texts: Sequence[str], languages: Sequence[str | None], ask: Ask, sure: Callable[[Any], float]
    ) -> tuple[list[Any], list[str]]:
        """An answer for each text (None: there is none) and what made it. `sure` says from 0 to 1 how clear one is."""
        answers: list[Any] = [None] * len(texts)
        made: list[str] = [f"{self.embedded.id} {LANGUAGE_NOT_KNOWN}"] * len(texts)
        everything = np.ones(len(texts), np.bool_)
        first = everything
        if self._refine is not None:
            self._fill(
                self.embedded, self._known(self.embedded, texts, languages, everything), texts, ask, answers, made
            )
            unsure = np.array([answer is None or sure(answer) < self._refine.near for answer in answers], np.bool_)
            first = self._within_budget(unsure)
            for number in np.flatnonzero(unsure & ~first).tolist():
                made[number] = f"{self.embedded.id} {NOT_REFINED}"
        asked = self._known(self.model, texts, languages, first)
        missing = first & ~self._fill(self.model, asked, texts, ask, answers, made)
        if self.embedded is not self.model and missing.any():
            note = f" instead of {self._name}"
            known = self._known(self.embedded, texts, languages, missing)
            self._fill(self.embedded, known, texts, ask, answers, made, note)
        return answers, made

    def _known(self, model: Model, texts: Sequence[str], languages: Sequence[str | None], wanted: Flags) -> Flags:
        """Which of the wanted texts are not in a language that the model does not know."""
        if model.languages is None:
            return wanted
        known: Flags = wanted & ~foreign(texts, languages, model.languages)
        return known

    def _fill(
        self,
        model: Model,
        asked: Flags,
        texts: Sequence[str],
        ask: Ask,
        answers: list[Any],
        made: list[str],
        note: str = "",
    ) -> Flags:
        """Ask the model about some texts; which of them it answered."""
        answered = np.zeros(len(texts), np.bool_)
        numbers = np.flatnonzero(asked).tolist()
        if not numbers:
            return answered
        if model is self.embedded:  # it reads a batch once for all enrichers, so it is asked about the whole of it
            numbers = list(range(len(texts)))
        try:
            found = ask(model, texts if len(numbers) == len(texts) else [texts[number] for number in numbers])
        except (Transient, Permanent) as error:
            if model is self.embedded:
                raise
            log.warning("%s gave no answers (%s): the embedded model stands in.", self._name, error)
            return answered
        for number, answer in zip(numbers, found, strict=True):
            if answer is not None and asked[number]:
                answers[number], made[number], answered[number] = answer, model.id + note, True
        return answered

    def _within_budget(self, unsure: Flags) -> Flags:
        assert self._refine is not None
        rate = self._refine.posts_per_second
        if rate is None:
            return unsure
        now = self._clock.monotonic()
        self._budget = min(self._budget + rate * (now - self._filled), max(rate, 1.0) * 10)
        self._filled = now
        allowed = unsure & (np.cumsum(unsure) <= self._budget)
        self._budget -= np.count_nonzero(allowed)
        return allowed


def rows(answers: npt.NDArray[np.float32]) -> list[Any]:
    """The rows of a model's answers, None for those that hold NaN."""
    missing = set(np.flatnonzero(np.isnan(answers).any(axis=1)).tolist())
    return [None if number in missing else row for number, row in enumerate(answers)]
