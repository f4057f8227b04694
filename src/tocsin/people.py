"""What people do with incidents: kept beside what the detect loop knows, and never changing it.

Everything that was done is kept, with who and when; how an incident stands now follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

import msgspec

from tocsin.model import Incident, Note

Action = Literal["ack", "unack", "snooze", "unsnooze", "assign", "unassign", "note", "feedback", "no_feedback"]
ACTIONS: tuple[Action, ...] = get_args(Action)
FEEDBACK = ("useful", "not_useful", "planned")


class Done(msgspec.Struct, frozen=True):
    """One thing that somebody did. `argument` is a note's text, an assignee, a feedback, a snooze's end (ISO 8601)."""

    incident: str
    action: Action
    argument: str | None
    by: str
    at: datetime


def with_people(incident: Incident, done: Sequence[Done]) -> Incident:
    """The incident as it stands after what was done, oldest first."""
    for one in done:
        incident = _after(incident, one)
    return incident


def _after(incident: Incident, one: Done) -> Incident:
    changes: dict[str, dict[str, Any]] = {
        "ack": {"acked_at": one.at, "acked_by": one.by},
        "unack": {"acked_at": None, "acked_by": None},
        "snooze": {"snoozed_until": datetime.fromisoformat(one.argument or one.at.isoformat())}
        if one.action == "snooze"
        else {},
        "unsnooze": {"snoozed_until": None},
        "assign": {"assigned_to": one.argument},
        "unassign": {"assigned_to": None},
        "note": {"notes": (*incident.notes, Note(one.at, one.by, one.argument or ""))},
        "feedback": {"feedback": one.argument},
        "no_feedback": {"feedback": None},
    }
    return msgspec.structs.replace(incident, **changes[one.action])


def snooze_end(at: datetime, seconds: float) -> str:
    """The argument of a snooze that ends after so many seconds."""
    return (at + timedelta(seconds=seconds)).isoformat()
