"""A YAML file as plain values, with the line and column of each.

The part of YAML 1.2 that a config needs: mappings, lists and scalars of the core schema (only `true` and `false`
are booleans, so `country: NO` is text; a date is text). Refused, each with its place: duplicate keys, anchors and
aliases, tags, several documents, nesting deeper than 32, files over 1 MiB. See https://yaml.org/spec/1.2.2/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml import events

from tocsin.errors import ConfigError
from tocsin.hints import printable

Steps = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top."""

MAX_BYTES = 2**20
MAX_DEPTH = 32
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_HASHTAG = re.compile(r"[ \t]+#\w.*?(?=[ \t]+#(?!\w)|\s*$)", re.MULTILINE)
_FLOAT = re.compile(r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)")


@dataclass(frozen=True)
class Spot:
    """Where a value stands, and its key if it has one.

    `straight`: its character n stands at column + n. `cut`: what YAML took for a comment behind it, and is a hashtag.
    """

    line: int
    column: int
    key: tuple[int, int] | None = None
    straight: bool = False
    cut: str = ""


@dataclass
class Document:
    """The values of a file, where they stand, and what is wrong with the file so far."""

    file: str
    value: Any = None
    spots: dict[Steps, Spot] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)

    def error(
        self, steps: Steps, message: str, *, hint: str | None = None, key: bool = False, character: int | None = None
    ) -> ConfigError:
        """An error at a value (or at its key), or at the nearest one above it that is in the file.

        `character` (from 1) points into the value's text.
        """
        near = next(steps[:end] for end in range(len(steps), -1, -1) if steps[:end] in self.spots)
        spot = self.spots[near]
        line, column = spot.key if spot.key and (key or near != steps) else (spot.line, spot.column)
        if character is not None and spot.straight:
            column += character - 1
        elif character is not None:
            message = f"{message} (at its character {character})"
        hint = None if hint is None else printable(hint, 500)
        return ConfigError(printable(message, 500), file=self.file, line=line, column=column, hint=hint)


def read(path: Path) -> Document:
    """The file's values. Raises ConfigError if it cannot be read or is not YAML; lesser faults are in `errors`."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            body = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("no such file", file=file, hint="write one with `tocsin init`, or name one with -c") from None
    except IsADirectoryError:
        raise ConfigError("is a directory, not a file", file=file) from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=file) from None
    if len(body) > MAX_BYTES:
        raise ConfigError("is larger than 1 MiB", file=file)
    return parse(_decoded(body, file), file)


def _decoded(body: bytes, file: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _position(body[: error.start].decode("latin-1"))
        message = f"byte 0x{body[error.start]:02x} is not UTF-8"
        raise ConfigError(message, file=file, line=line, column=column, hint="save the file as UTF-8") from None


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def parse(text: str, file: str) -> Document:
    """`read`, for text that is already there."""
    strange = _NOT_YAML.search(text)
    if strange is not None:
        line, column = _position(text[: strange.start()])
        message = f"the character U+{ord(strange[0]):04X} is not allowed in YAML"
        raise ConfigError(message, file=file, line=line, column=column)
    try:
        return _Reader(text, file).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, file) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {printable(str(error))}", file=file) from None


def _syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> ConfigError:
    mark, problem, hint = error.problem_mark or error.context_mark, error.problem or "", None
    if mark is not None and text[mark.index : mark.index + 1] == "\t":
        problem, hint = "a tab stands here", "indent with spaces"
    elif "mapping values are not allowed" in problem:
        problem, hint = "a second ': ' stands here", "put a text with ': ' in it in quotes, or check the indentation"
    elif "cannot start any token" in problem:
        problem, hint = "no text may start like this", "put it in quotes"
    message = f"is not YAML: {problem.removeprefix('did not find ')}"
    if mark is None:
        return ConfigError(message, file=file, hint=hint)
    return ConfigError(message, file=file, line=mark.line + 1, column=mark.column + 1, hint=hint)


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._document = Document(file)
        self._text = text

    def document(self) -> Document:
        document = self._document
        document.spots[()] = Spot(1, 1)
        started = False
        for event in self._events:
            if not isinstance(event, events.DocumentStartEvent):
                continue
            if started:
                self._refuse(event, "a second document starts here; a config is one")
                break
            started = True
            document.value = self._value(next(self._events), ())
        return document

    def _refuse(self, event: Any, message: str, hint: str | None = None) -> None:
        mark = event.start_mark
        error = ConfigError(message, file=self._document.file, line=mark.line + 1, column=mark.column + 1, hint=hint)
        self._document.errors.append(error)

    def _value(self, event: Any, steps: Steps, key: tuple[int, int] | None = None) -> Any:
        mark = event.start_mark
        spots = self._document.spots
        spots[steps] = Spot(mark.line + 1, mark.column + 1, key)
        if isinstance(event, events.AliasEvent):
            return self._refuse(event, f"an alias (*{printable(str(event.anchor))}) is not allowed", "write it out")
        if event.anchor is not None:
            self._refuse(event, f"an anchor (&{printable(event.anchor)}) is not allowed", "write it out where needed")
        if event.tag is not None:
            self._refuse(event, f"a tag ({printable(event.tag)}) is not allowed", "quote text that starts with !")
        if len(steps) > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH}"
            raise ConfigError(message, file=self._document.file, line=mark.line + 1, column=mark.column + 1)
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(steps)
        if isinstance(event, events.SequenceStartEvent):
            return self._sequence(steps)
        spots[steps] = self._scalar_spot(event, key)
        return event.value if event.style else _scalar(event.value)

    def _mapping(self, steps: Steps) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := next(self._events), events.MappingEndEvent):
            place = (event.start_mark.line + 1, event.start_mark.column + 1)
            if not isinstance(event, events.ScalarEvent):
                self._refuse(event, "a key must be plain text", "quote it if it starts with [ { or *")
                self._value(event, (*steps, "?"))
                self._value(next(self._events), (*steps, "?"))
                continue
            name = event.value
            if name in values:
                first = self._document.spots[(*steps, name)].line
                self._refuse(event, f"the key '{printable(name)}' stands here again", f"first in line {first}")
                self._value(next(self._events), (*steps, "?"))
                continue
            values[name] = self._value(next(self._events), (*steps, name), place)
        return values

    def _sequence(self, steps: Steps) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), events.SequenceEndEvent):
            values.append(self._value(event, (*steps, len(values))))
        return values

    def _scalar_spot(self, event: Any, key: tuple[int, int] | None) -> Spot:
        start, end = event.start_mark, event.end_mark
        quotes = 1 if event.style else 0
        straight = start.line == end.line and end.column - start.column - 2 * quotes == len(event.value)
        column = start.column + 1 + (quotes if straight else 0)
        behind = None if quotes else _HASHTAG.match(self._text, end.index)
        return Spot(start.line + 1, column, key, straight, behind[0] if behind else "")


def _scalar(text: str) -> Any:
    """A plain scalar by the core schema of YAML 1.2; numbers too long to be meant as such stay text.

    >>> [_scalar(text) for text in ("8321", "5.0", "true", "no", "2026-11-22", "~")]
    [8321, 5.0, True, 'no', '2026-11-22', None]
    """
    if text in _CONSTANTS or text in ("Null", "NULL", "True", "TRUE", "False", "FALSE"):
        return _CONSTANTS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) and math.isfinite(float(text)) else text
