"""Cursors as JSON."""

from __future__ import annotations

from typing import TypeVar

import msgspec

C = TypeVar("C", bound=msgspec.Struct)


def loaded(cursor: str | None, kind: type[C]) -> C | None:
    """What a cursor holds; None where there is none, or one that a source of another type has left behind."""
    try:
        return msgspec.json.decode(cursor or "", type=kind)
    except msgspec.MsgspecError:
        return None


def saved(place: msgspec.Struct) -> str:
    return msgspec.json.encode(place).decode()
