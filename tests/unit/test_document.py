"""YAML with places: what stands where, and what is refused."""

import doctest

import pytest
import yaml

from tocsin import document, hints
from tocsin.document import Document, parse
from tocsin.errors import ConfigError

TEXT = """\
# a comment
name: "acme"
watches:
  - match: acme OR cloud
    sources: [a, 'b']
  -
    match: >
      acme OR
      cloud
empty:
"""


@pytest.fixture
def found() -> Document:
    return parse(TEXT, "f.yaml")


def place(found: Document, *steps: str | int, **options) -> tuple[int | None, int | None]:
    error = found.error(steps, "x", **options)
    return error.line, error.column


def test_the_values_are_plain(found: Document):
    assert found.value == {
        "name": "acme",
        "watches": [{"match": "acme OR cloud", "sources": ["a", "b"]}, {"match": "acme OR cloud\n"}],
        "empty": None,
    }
    assert found.errors == []


def test_every_value_and_key_has_its_place(found: Document):
    assert place(found, "name") == (2, 8)  # inside the quotes, where its text begins
    assert place(found, "name", key=True) == (2, 1)
    assert place(found, "watches", 0) == (4, 5)
    assert place(found, "watches", 0, "sources", 1) == (5, 19)
    assert place(found, "watches", 1, "match") == (7, 12)
    assert place(found) == (2, 1)


def test_what_is_not_in_the_file_is_placed_at_the_nearest_thing_above(found: Document):
    assert place(found, "watches", 0, "name") == (4, 5)
    assert place(found, "name", "inner", "more") == (2, 1)
    assert place(found, "nothing", 3) == (2, 1)


def test_a_character_is_pointed_at_where_the_text_stands_as_it_is(found: Document):
    assert place(found, "watches", 0, "match", character=6) == (4, 17)
    error = found.error(("watches", 1, "match"), "bad", character=6)
    assert (error.line, error.column, error.message) == (7, 12, "bad (at its character 6)")


def test_an_error_is_one_line_whatever_it_quotes(found: Document):
    error = found.error((), "a\nb\x1b", hint="c\u202e" + "x" * 900)
    assert str(error).isprintable()
    assert error.message == r"a\nb\x1b"
    assert len(str(error)) < 600


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("010", 10),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("9" * 30, "9" * 30),
        ("9" * 400 + ".0", "9" * 400 + ".0"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("yes", "yes"),
        ("on", "on"),
        ("null", None),
        ("~", None),
        ("2026-11-22", "2026-11-22"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_a_scalar_is_read_by_the_core_schema_of_yaml_1_2(text: str, value: object):
    read = parse(f"a: {text}", "f").value["a"]
    assert read == value
    assert type(read) is type(value)


def test_keys_are_text_whatever_they_look_like():
    assert parse("1: a\nyes: b\n~: c\n<<: d", "f").value == {"1": "a", "yes": "b", "~": "c", "<<": "d"}


def test_all_faults_of_a_file_are_gathered():
    found = parse("a: &x 1\nb: *x\nc: !!set {}\na: 2\n{x: 1}: y\n", "f")
    assert [error.line for error in found.errors] == [1, 2, 3, 4, 5]


def test_an_alias_bomb_stays_small():
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    found = parse("\n".join(lines), "f")
    assert found.value["a19"] == [None] * 9
    assert len(found.errors) == 20 + 19 * 9


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 10_000, "- " * 10_000])
def test_deep_nesting_ends_early(text: str):
    with pytest.raises(ConfigError, match="nested deeper than 32"):
        parse(text, "f")


def test_both_readers_of_the_library_agree(monkeypatch: pytest.MonkeyPatch):
    """Without libyaml the slow reader takes over, with the same values and places."""
    fast = parse(TEXT, "f")
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    slow = parse(TEXT, "f")
    assert (slow.value, slow.spots) == (fast.value, fast.spots)
    with pytest.raises(ConfigError, match="f:1:1: the character U\\+0000 is not allowed"):
        parse("\0", "f")


@pytest.mark.parametrize("module", [document, hints])
def test_the_examples_hold(module):
    assert doctest.testmod(module).failed == 0


def test_a_hint_is_given_only_where_something_is_near():
    assert hints.did_you_mean("Sources", ["sources", "server"]) == "did you mean 'sources'?"
    assert hints.did_you_mean("zebra", ["sources", "server"]) is None
    assert hints.did_you_mean("x", []) is None


def test_shown_text_keeps_what_can_be_seen():
    assert hints.printable("é 東 😀") == "é 東 😀"
    assert hints.printable("a\tb\u202e") == r"a\tb\u202e"
    assert hints.printable("x" * 61) == "x" * 59 + "…"
