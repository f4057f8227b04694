"""Durations and sizes as people write them, and options that take nothing they do not know."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tocsin.options import Duration, Options, Size


class Example(Options):
    every: Duration = 1.0
    """How often."""
    most: Size = 1


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25), ("90s", 90), ("1m", 60), ("1.5h", 5400), ("7d", 604_800), ("2w", 1_209_600), (" 5 m ", 300),
        (0, 0), (90, 90), (0.5, 0.5),
    ],
)  # fmt: skip
def test_durations(written: Any, seconds: float) -> None:
    assert Example(every=written).every == seconds


@pytest.mark.parametrize("written", ["", "m", "5", "5 minutes", "-5m", "1h30m", "5M", "nan", True, None, [1], "1e3s"])
def test_what_is_no_duration_is_refused_with_an_example(written: Any) -> None:
    with pytest.raises(ValidationError, match="is not a duration: write a number and a unit, like 90s"):
        Example(every=written)


@pytest.mark.parametrize("written", [-1, -0.5, float("inf"), float("nan")])
def test_a_number_that_is_no_length_of_time_is_refused(written: float) -> None:
    with pytest.raises(ValidationError, match="is not a duration"):
        Example(every=written)


@pytest.mark.parametrize(
    ("written", "size"),
    [("64 KiB", 65_536), ("10MB", 10_000_000), ("2 GiB", 2**31), ("1.5kib", 1536), ("7 b", 7), ("12", 12), (12, 12)],
)
def test_sizes(written: Any, size: int) -> None:
    assert Example(most=written).most == size


@pytest.mark.parametrize("written", ["", "big", "-1 MB", "1 TB", "1 K", True, None, -1])
def test_what_is_no_size_is_refused_with_an_example(written: Any) -> None:
    with pytest.raises(ValidationError, match="is not a size: write a number and a unit, like 64 KiB"):
        Example(most=written)


def test_options_are_strict_frozen_and_described() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Example(evry="5m")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="frozen"):
        Example().every = 2.0  # type: ignore[misc]
    assert Example.model_json_schema()["properties"]["every"]["description"] == "How often."


def test_an_error_does_not_repeat_what_was_written_in_a_block() -> None:
    with pytest.raises(ValidationError) as raised:
        Example(token="hush")  # type: ignore[call-arg]
    assert "hush" not in str(raised.value)


def test_the_schema_takes_what_is_taken() -> None:
    for kind, good, bad in ((Duration, ["5m", "1.5 h"], ["5", "m"]), (Size, ["64 KiB", "12"], ["1 TB"])):
        pattern = TypeAdapter(kind).json_schema()["pattern"]
        assert [text for text in good + bad if re.search(pattern, text)] == good
