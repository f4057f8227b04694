"""What `tocsin check` says of a list of categories that will not work as it is meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tocsin.component import Floats
from tocsin.enrichers._category_warnings import warnings
from tocsin.enrichers.category import Definition


def letters(texts: Sequence[str]) -> Floats:
    """A stand-in for a model: the direction of a text is how often it has each letter."""
    counted = np.array([[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts])
    return (counted / np.linalg.norm(counted, axis=1, keepdims=True)).astype(np.float32)


def test_good_categories_are_left_alone() -> None:
    good = [
        Definition(name="outage", description="It is down."),
        Definition(name="jazz", description="quick waltz"),
        Definition(name="rule", match="refund"),
        Definition(name="shown", examples=("vex my big dog",)),
    ]
    assert warnings(good, letters) == []


def test_a_category_known_by_its_name_alone() -> None:
    (found,) = warnings([Definition(name="outage")], letters)
    assert (found.place, found.message) == (0, "the category 'outage' has nothing but its name to be known by")
    assert "description" in found.hint


def test_two_that_cannot_be_told_apart() -> None:
    alike = [
        Definition(name="late", description="the train is late"),
        Definition(name="jazz", description="quick waltz"),
        Definition(name="tale", description="late is the train"),
    ]
    (found,) = warnings(alike, letters)
    assert found.place == 2
    assert found.message == "the categories 'late' and 'tale' can hardly be told apart (similarity 1.00)"


def test_names_that_differ_in_case_alone() -> None:
    named = [Definition(name="Outage", match="down"), Definition(name="outage", match="offline")]
    (found,) = warnings(named, letters)
    assert found.message == "the category 'outage' is named like 'Outage', but for upper and lower case"


def test_with_the_embedded_model() -> None:
    alike = [
        Definition(name="refund", description="people want their money back"),
        Definition(name="money back", description="people want a refund of their money"),
        Definition(name="weather", description="rain, snow, sunshine"),
    ]
    assert [found.place for found in warnings(alike)] == [1]


def test_five_hundred_categories_give_a_bounded_list() -> None:
    many = [Definition(name=f"c{number}", description="the same") for number in range(500)]
    assert len(warnings(many, letters)) == 20
