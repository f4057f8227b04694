"""enrichers/_answers.py: which model answers which post, and what a record says of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tocsin.clock import ManualClock
from tocsin.component import Context, Patience
from tocsin.enrichers import _answers
from tocsin.enrichers._answers import Answers, Refine, rows
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.options import ModelChoice, Options

FRENCH = "Le réseau est encore en panne et personne ne répond au téléphone depuis ce matin."


class Told:
    """A model whose answers are told beforehand; it notes what it was asked."""

    def __init__(self, name: str, answers: dict[str, float | None], languages: frozenset[str] | None = None) -> None:
        self.id, self.answers, self.languages = name, answers, languages
        self.asked: list[str] = []
        self.fault: Exception | None = None

    def values(self, texts: Sequence[str]) -> list[float | None]:
        self.asked += texts
        if self.fault is not None:
            raise self.fault
        return [self.answers.get(text) for text in texts]


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, refine: Refine | None = None) -> None:
        self.small = Told("small-1", {"a": 0.1, "b": 0.9, "c": 0.2, FRENCH: 0.5}, frozenset({"en"}))
        self.big = Told("big", {"a": 1.0, "b": 2.0, FRENCH: 3.0})
        self.clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC))
        made = {"embedded": self.small, "big:one": self.big}
        monkeypatch.setattr(_answers.load, "build_model", lambda choice, context: made[choice.spec])
        choice = ModelChoice(spec="big:one", options=Options())
        self.answers = Answers("values", choice, refine, Context("category", Path(), clock=self.clock))

    def of(self, *texts: str, languages: Sequence[str | None] | None = None) -> list[tuple[float | None, str]]:
        found = self.answers.of(
            list(texts), languages or ["en"] * len(texts), lambda model, some: model.values(some), lambda answer: answer
        )
        return list(zip(*found, strict=True))


def test_the_model_answers_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    assert world.of("a", "b") == [(1.0, "big"), (2.0, "big")]
    assert world.small.asked == []


def test_what_it_does_not_answer_the_embedded_one_does_and_the_record_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch).of("a", "c") == [(1.0, "big"), (0.2, "small-1 instead of big:one")]


@pytest.mark.parametrize("fault", [Transient("too slow"), Permanent("401")])
def test_a_model_that_fails_loses_no_post(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    world = World(monkeypatch)
    world.big.fault = fault
    assert world.of("a", "b") == [(0.1, "small-1 instead of big:one"), (0.9, "small-1 instead of big:one")]


def test_a_bug_in_a_model_is_no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.big.fault = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        world.of("a")


def test_a_language_that_the_model_knows_is_asked_and_one_that_nobody_knows_is_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch)
    assert world.of(FRENCH, languages=["fr"]) == [(3.0, "big")]
    world.big.answers = {}
    assert world.of(FRENCH, languages=["fr"]) == [(None, "small-1 language not known")]
    world.big.languages = frozenset({"de"})
    assert world.of(FRENCH, "a", languages=["fr", "en"])[0] == (None, "small-1 language not known")


def test_only_what_is_unsure_goes_to_the_slow_model(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Refine(near=0.3))
    assert world.of("a", "b") == [(1.0, "big"), (0.9, "small-1")]
    assert world.big.asked == ["a"]


def test_a_budget_is_kept_and_what_was_not_refined_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Refine(near=0.3, posts_per_second=1))
    world.clock.advance(2)
    assert world.of("a", "a", "a", "b") == [
        (1.0, "big"), (1.0, "big"), (0.1, "small-1 not refined"), (0.9, "small-1")
    ]  # fmt: skip
    assert world.of("a") == [(0.1, "small-1 not refined")]
    world.clock.advance(1)
    assert world.of("a") == [(1.0, "big")]


def test_a_budget_does_not_pile_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Refine(near=0.3, posts_per_second=2))
    world.clock.advance(3600)
    assert [made for _, made in world.of(*["a"] * 25)].count("big") == 20


def test_where_the_slow_model_fails_the_first_answer_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, Refine(near=0.3))
    world.big.fault = Transient("gone")
    assert world.of("a", "b") == [(0.1, "small-1 instead of big:one"), (0.9, "small-1")]


def test_the_patience_of_a_model_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    assert world.answers.patience == Patience()
    world.big.patience = Patience(seconds_a_post=2.0)  # type: ignore[attr-defined]
    assert world.answers.patience.seconds_a_post == 2.0
    world.big.patience = 60.0  # type: ignore[attr-defined]
    assert world.answers.patience == Patience(seconds=60.0)


def test_a_model_that_cannot_do_it_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_answers.load, "build_model", lambda choice, context: Told("small-1", {}))
    with pytest.raises(ConfigError, match=r"embedded is a model and cannot answer for sentiment.*another `model:`"):
        Answers("sentiment", ModelChoice(), None, Context("sentiment", Path()))


def test_rows_with_nan_are_no_answers() -> None:
    first, second = rows(np.array([[0.5, np.nan], [0.1, 0.2]], np.float32))
    assert first is None
    assert second.tolist() == pytest.approx([0.1, 0.2])
