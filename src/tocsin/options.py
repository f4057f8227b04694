"""What the options of components are made of: the strict base model, durations, sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializeAsAny,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


class Options(BaseModel):
    """Base of every block of the config: unknown keys are errors, a docstring under a field is its description."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)

    takes: ClassVar[frozenset[str]] = frozenset()
    """The fields that come from a block of the config of the same name, not from the component's own."""


class Block(Options):
    """A block of the config. A key without a value counts as not written."""

    @model_validator(mode="before")
    @classmethod
    def _skip_empty(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {key: value for key, value in values.items() if value is not None or key not in cls.model_fields}


class ModelChoice(Options):
    """The model that an enricher works with: what the config's `model:` says, and that model's own options.

    In the config the options stand beside `model:`, in the block of the enricher.
    """

    spec: str = "embedded"
    options: SerializeAsAny[Options] = Options()


def parse_duration(value: Any) -> float:
    """Seconds of "90s", "1m", "1.5h", "7d", "250ms" or a plain number of seconds.

    >>> parse_duration("1.5h")
    5400.0
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*", str(value))
    if match is None:
        raise ValueError(f"{value!r} is not a duration: write a number and a unit, like 90s, 5m, 6h or 7d")
    return float(match[1]) * _UNITS[match[2]]


def parse_size(value: Any) -> int:
    """Bytes of "64 KiB", "10MB" or a plain number of bytes.

    >>> parse_size("64 KiB")
    65536
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?b|b|)\s*", str(value).lower())
    if match is None:
        raise ValueError(f"{value!r} is not a size: write a number and a unit, like 64 KiB, 10 MB or 2 GiB")
    return int(float(match[1]) * _SIZES[match[2]])


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": ["string", "number"], "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*$"}),
]
"""Seconds; written as "90s", "5m", "6h", "7d" or a number of seconds."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\s*\d+(\.\d+)?\s*([kKmMgG][iI]?[bB]|[bB])?\s*$"}),
]
"""Bytes; written as "64 KiB", "10 MB" or a number of bytes."""


def _a_name(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("a name is made of printable characters and does not begin or end with a space")
    return name


Name = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_a_name)]
"""What something in the config is called."""
