"""What some sources can do beyond being read. Each is a method that a source has or has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable


@runtime_checkable
class Priced(Protocol):
    """A source whose posts cost money."""

    @property
    def spent_today(self) -> float:
        """US dollars since midnight, UTC."""
        ...


@runtime_checkable
class Probed(Protocol):
    """A source that can be asked whether it would work, without being read."""

    async def probe(self) -> str:
        """What is well, in one line. Raises TocsinError with what is not."""
        ...


@runtime_checkable
class Mending(Protocol):
    """A source that reads again what it missed, and tells of it by gaps of its own."""

    mends: ClassVar[Literal[True]]


@runtime_checkable
class Consuming(Protocol):
    """A source that takes away what it reads: reading it to try it would lose posts to the run."""

    consumes: ClassVar[Literal[True]]


@dataclass(frozen=True)
class PlatformRules:
    """The rules by which a platform filters for us: those to add, to take away and to keep, as (text, tag).
    `foreign` is how many others have there; they are never touched."""

    add: Sequence[tuple[str, str]]
    remove: Sequence[tuple[str, str]]
    keep: Sequence[tuple[str, str]]
    foreign: int


@runtime_checkable
class Filtered(Protocol):
    """A source whose platform filters by rules that are kept there."""

    async def rules(self, *, apply: bool) -> PlatformRules:
        """What has to be done so that they are those of the watches; done, with `apply`. The platform is asked whether
        it would take them in any case. Raises TocsinError."""
        ...
