"""The exception tree. Components classify; only the pipeline retries, backs off and dead-letters.

    TocsinError
    ├── ConfigError            the user's file or command is wrong: exit 78 (or 2 for usage)
    ├── Transient              may go through later; `retry_after` seconds if the other side said so
    │   └── LowSpace           intake is paused until there is room again
    └── Permanent              will never go through: dead letter, or stop with one clear line
        ├── Corrupt            a file of ours is not what we wrote; `tocsin doctor --repair` may help
        └── Locked             another process works on the same data directory

Anything else that is raised is a bug and stops the loop loudly.
"""

from __future__ import annotations


class TocsinError(Exception):
    """Base of every error that Tocsin raises on purpose. Its text is what, where, what to do."""


class ConfigError(TocsinError):
    """The configuration cannot be used.

    `file`, `line` and `column` (from 1) say where, `hint` what to do; each may be missing.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.file, self.line, self.column, self.hint = message, file, line, column, hint

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: {self.message}" if place else self.message
        return f"{text} ({self.hint})" if self.hint else text


class Transient(TocsinError):
    """Try again later, not before `retry_after` seconds where the other side named a time."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class LowSpace(Transient):
    """The disk is nearly full: nothing new is taken in until there is room again."""


class Permanent(TocsinError):
    """Trying again cannot help."""


class Corrupt(Permanent):
    """A file of ours does not hold what we wrote into it."""


class Locked(Permanent):
    """Another process works on the same data directory."""
