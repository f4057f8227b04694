"""What every reader of files gives: records, cut out but not looked into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

Picker = Callable[[bytes], Sequence[Any]]
"""From a record's bytes to the values of some columns, in order. Raises ValueError with the reason."""


class Raw(msgspec.Struct, frozen=True, gc=False):
    """One record: where it starts, its first line (or row number) from 1, its bytes, and what comes after it."""

    start: int
    line: int
    body: bytes
    end: int
    next_line: int
    fault: str | None = None


class Reader(Protocol):
    @property
    def columns(self) -> Sequence[str]: ...

    @property
    def in_place(self) -> bool:
        """Whether `Raw.start` is an offset in the file on the disk, where `Raw.body` can be read again."""
        ...

    @property
    def sparse(self) -> bool:
        """Whether records may have columns that `columns` does not tell of."""
        ...

    def records(self, columns: Sequence[str], at: int = 0, line: int = 1) -> Iterator[Raw]:
        """Records from a `Raw.end` and its `next_line` on. `columns`: the only ones that will be picked."""
        ...

    def picker(self, columns: Sequence[str | None]) -> Picker:
        """Values of these columns; None stands for a column whose value is always None."""
        ...

    def peeker(self, column: str) -> Picker:
        """The same for one column, faster, and not sure to notice that the record is damaged elsewhere."""
        ...


class Nothing:
    """An empty file, or one of which nothing can be read (`fault`)."""

    columns: Sequence[str] = ()
    in_place = False
    sparse = False

    def __init__(self, fault: str | None = None) -> None:
        self._fault = fault

    def records(self, columns: Sequence[str], at: int = 0, line: int = 1) -> Iterator[Raw]:
        if self._fault and at == 0:
            yield Raw(0, 1, b"", 1, 1, self._fault)

    def picker(self, columns: Sequence[str | None]) -> Picker:
        return lambda body: [None] * len(columns)

    def peeker(self, column: str) -> Picker:
        return self.picker([column])
