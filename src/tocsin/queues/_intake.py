"""What a batch becomes on its way into a log: encoded events, and dead letters for what cannot be kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tocsin.model import Batch, DeadLetter, Event, Post, encoder

LETTER_BODY_BYTES = 64 * 1024
REPLACE = "backslashreplace"


@dataclass(frozen=True, slots=True)
class Events:
    """Some consecutive queued events (a `Slice`): `offsets[i]` belongs to `bodies[i]`."""

    offsets: list[int]
    bodies: list[bytes]


@dataclass(frozen=True, slots=True)
class Intake:
    """A batch made ready to be stored."""

    source: str
    bodies: list[bytes]
    letters: list[DeadLetter]
    cursor: str | None


def prepare(source: str, batch: Batch, max_event_bytes: int, now: datetime) -> Intake:
    """Encode the events; one that cannot be encoded or is too long becomes a dead letter, the others go on."""
    bodies: list[bytes] = []
    letters = list(batch.dead)
    for event in batch.events:
        try:
            body = encoder.encode(event)
        except (ValueError, OverflowError) as error:
            raw = repr(event).encode("utf-8", REPLACE)
            letters.append(_refused(source, event, f"cannot be written as JSON: {error}", raw))
            continue
        if len(body) <= max_event_bytes:
            bodies.append(body)
        else:
            reason = f"event of {len(body):,} bytes is over max_event_bytes ({max_event_bytes:,})"
            letters.append(_refused(source, event, reason, body))
    return Intake(source, bodies, tidy(letters, now), batch.cursor)


def tidy(letters: Iterable[DeadLetter], now: datetime) -> list[DeadLetter]:
    """Dead letters as they are kept: text that is valid Unicode, a body of at most 64 KiB, a time."""
    return [
        msgspec.structs.replace(
            letter,
            source=_valid(letter.source),
            reason=_valid(letter.reason),
            place=_valid(letter.place),
            body=letter.body[:LETTER_BODY_BYTES],
            at=letter.at or now,
        )
        for letter in letters
    ]


def _refused(source: str, event: Event, reason: str, body: bytes) -> DeadLetter:
    place = event.uid if isinstance(event, Post) else ""
    return DeadLetter(source=source, stage="ingest", reason=reason, place=place, body=body)


def _valid(text: str) -> str:
    return text.encode("utf-8", REPLACE).decode("utf-8")
