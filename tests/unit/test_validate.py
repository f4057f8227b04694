"""What pydantic says, in plain words and at its place."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr

from tocsin.document import parse
from tocsin.options import Options
from tocsin.validate import validate


class Inner(Options):
    colour: Literal["red", "green"] = "red"
    speed: Literal["max"] | float = "max"
    token: SecretStr | None = None


class Model(Options):
    count: Annotated[int, Field(ge=1)] = 1
    ratio: float = 0.5
    loud: bool = False
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = Field(default_factory=dict)
    maybe: Inner | None = None
    from_: str = Field("x", alias="from")


def said(text: str) -> list[str]:
    document = parse(text, "f")
    assert validate(Model, document.value, document) is None
    return [str(error) for error in document.errors]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("count: 0", "f:1:8: must be greater than or equal to 1"),
        ("count: [1]", "f:1:8: expected a whole number, found a list"),
        ("count: 1.5", "f:1:8: expected a whole number, found a number"),
        ("ratio: much", "f:1:8: expected a number, found text"),
        ("ratio: ", "f:1:7: expected a number, found nothing"),
        ("loud: 2", "f:1:7: expected true or false, found a number"),
        ("loud: {a: b}", "f:1:7: expected true or false, found a block of 'key: value' lines"),
        ("many: {a: b}", "f:1:7: expected a list, found a block of 'key: value' lines"),
        ("many: [1]", "f:1:8: expected a block of 'key: value' lines, found a number"),
        ("many: [{color: red}]", "f:1:9: unknown key 'color' (did you mean 'colour'?)"),
        ("named: {x: {color: red}}", "f:1:13: unknown key 'color' (did you mean 'colour'?)"),
        ("maybe: {color: red}", "f:1:9: unknown key 'color' (did you mean 'colour'?)"),
        ("form: x", "f:1:1: unknown key 'form' (did you mean 'from'?)"),
        ("maybe: {colour: gren}", "f:1:17: expected 'red' or 'green', found 'gren' (did you mean 'green'?)"),
        ("maybe: {colour: 7}", "f:1:17: expected 'red' or 'green', found a number"),
        ("maybe: {speed: fast}", "f:1:16: expected 'max', found 'fast'; or expected a number, found text"),
    ],
)
def test_a_misfit_is_said_in_plain_words(text: str, line: str):
    assert said(text) == [line]


def test_what_fits_becomes_a_model():
    document = parse("{count: 3, many: [{colour: green}], from: y}", "f")
    model = validate(Model, document.value, document)
    assert model is not None
    assert (model.count, model.many[0].colour, model.from_, document.errors) == (3, "green", "y", [])


def test_the_place_starts_where_the_block_stands():
    document = parse("a:\n  b: {count: 0}", "f")
    validate(Model, {"count": 0}, document, ("a", "b"))
    assert [str(error) for error in document.errors] == ["f:2:14: must be greater than or equal to 1"]


def test_a_value_that_may_be_secret_is_not_repeated():
    assert said("maybe: {token: [hunter22]}") == ["f:1:16: expected text, found a list"]
