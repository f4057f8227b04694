"""The files a `path:` stands for, opened and understood, each with a fingerprint."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice
from pathlib import Path

import msgspec
import xxhash

from tocsin import times
from tocsin.errors import ConfigError
from tocsin.sources._fields import FIELDS, Field, RowMapper, resolve
from tocsin.sources._readers import Format, open_reader
from tocsin.sources._records import Nothing, Picker, Raw, Reader

log = logging.getLogger(__name__)

_SAMPLE = 500
"""Rows looked at to see what form the times have."""
_HEAD = 1 << 16


@dataclass(frozen=True)
class Shape:
    """How the files are to be read."""

    source: str
    format: Format | None
    delimiter: str | None
    encoding: str
    fields: dict[Field, str | None]
    time_format: str | None
    zone: str | None


def microseconds(time: datetime) -> int:
    """Microseconds since 1970."""
    return round(time.timestamp() * 1_000_000)


class Part:
    """One file. `label` names it in dead letters; `form` is how its times are written."""

    def __init__(self, path: Path, label: str, shape: Shape) -> None:
        self.path, self.label = path, label
        self.size = path.stat().st_size
        self.reader: Reader = open_reader(path, shape.format, shape.delimiter, shape.encoding)
        self.columns: tuple[str, ...] = ()
        if not isinstance(self.reader, Nothing):
            self._understand(shape)

    def _understand(self, shape: Shape) -> None:
        mapping = resolve(self.reader.columns, shape.fields, str(self.path), sparse=self.reader.sparse)
        names: list[str | None] = [mapping.get(field) for field in FIELDS]
        self.columns = tuple(mapping.values())
        time_column = mapping["created_at"]
        zone = times.zone(shape.zone) if shape.zone else UTC
        self.form = self._form(shape.time_format, zone, time_column)
        self._peek_time = self.reader.peeker(time_column)
        self.pick: Picker = self.reader.picker(names)
        self.mapper = RowMapper(shape.source, self.form)

    def _form(self, name: str | None, zone: tzinfo, column: str) -> times.Form:
        if name is not None:
            return times.Form(name, zone)
        samples, pick = [], self.reader.picker([column])
        for raw in islice(self.records(), _SAMPLE):
            if raw.fault is None:
                try:
                    samples.append(pick(raw.body)[0])
                except ValueError:
                    continue
        if not samples:
            return times.Form("iso", zone)
        try:
            form = times.detect(samples, zone, column)
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error.message}", hint=error.hint) from None
        log.info("%s: the times in column %s are read as %s", self.path, column, form.name)
        return form

    def records(self, at: int = 0, line: int = 1) -> Iterator[Raw]:
        return self.reader.records(self.columns, at, line)

    def time(self, raw: Raw) -> int | None:
        """The time of a record in microseconds since 1970, None where it has none that can be read."""
        if raw.fault is not None:
            return None
        try:
            value = self.form.parse(self._peek_time(raw.body)[0])
        except ValueError:
            return None
        return microseconds(value)

    def place(self, line: int) -> str:
        return f"{self.label}:{line}"


def open_parts(path: str, base: Path, shape: Shape) -> list[Part]:
    """The files that `path`, a file or a glob that starts at `base`, stands for, in the order of their names.

    Raises ConfigError if there are none, or one cannot be read.
    """
    paths = _paths(path, base)
    root = Path(os.path.commonpath([found.parent for found in paths]))
    parts = []
    for found in paths:
        try:
            parts.append(Part(found, found.relative_to(root).as_posix(), shape))
        except OSError as error:
            raise ConfigError(f"{found} cannot be read: {error.strerror}", hint="see to its permissions") from error
    return parts


def _paths(path: str, base: Path) -> list[Path]:
    whole = base / Path(path).expanduser()
    if whole.is_file():
        return [whole]
    if whole.is_dir():
        raise ConfigError(f"{whole} is a directory", hint=f"name a file, or a glob like {path.rstrip('/')}/*.csv")
    if not glob.has_magic(str(whole)):
        raise ConfigError(f"there is no file {whole}", hint="see to path:, which starts at the config file's folder")
    root = next(parent for parent in whole.parents if not glob.has_magic(str(parent)))
    if not root.is_dir():
        raise ConfigError(
            f"there is no directory {root}", hint="see to path:, which starts at the config file's folder"
        )
    if not os.access(root, os.R_OK | os.X_OK):
        raise ConfigError(f"the directory {root} cannot be read", hint="see to its permissions")
    found = sorted(Path(name) for name in glob.glob(str(whole), recursive=True) if Path(name).is_file())
    if not found:
        raise ConfigError(f"no file matches {whole}", hint="see to path:, or put the files there")
    return found


def head(path: Path, length: int) -> str:
    """A fingerprint of the first `length` bytes."""
    with path.open("rb") as file:
        return xxhash.xxh3_128_hexdigest(file.read(length))


def head_length(part: Part) -> int:
    return min(part.size, _HEAD)


def fingerprint(parts: Sequence[Part], salt: bytes = b"") -> str:
    """What tells these files from others: names, sizes, first and last 64 KiB, and `salt`."""
    digest = xxhash.xxh3_128(salt)
    for part in parts:
        with part.path.open("rb") as file:
            start = file.read(_HEAD)
            file.seek(max(part.size - _HEAD, 0))
            end = file.read(_HEAD)
        digest.update(msgspec.json.encode([part.label, part.size, start, end]))
    return digest.hexdigest()
