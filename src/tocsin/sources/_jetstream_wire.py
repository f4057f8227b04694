"""The two wires of Jetstream, and what is common to their messages.

v1, `/subscribe`: https://github.com/bluesky-social/jetstream; v2, `subscribeEvents`: XRPC frames with a sequence
number. Both are JSON, one object a frame; records stay raw until somebody wants them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

Wire = Literal["v2", "v1"]
PATHS: dict[Wire, str] = {"v2": "/xrpc/network.bsky.jetstream.subscribeEvents", "v1": "/subscribe"}
DICTIONARY = "/xrpc/network.bsky.jetstream.getZstdDictionary"
POSTS = "app.bsky.feed.post"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Account(msgspec.Struct):
    active: bool = True
    status: str = ""


class Message(msgspec.Struct):
    """One message of either wire. `kind` is "commit", "account", "identity", "sync", "info" or "error"."""

    kind: str
    did: str = ""
    time_us: int = 0
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    rev: str = ""
    record: msgspec.Raw = msgspec.Raw()
    account: Account | None = None
    text: str = ""
    """Of "info" and "error": what it says."""

    @property
    def uri(self) -> str:
        return f"at://{self.did}/{self.collection}/{self.rkey}"


class _Commit(msgspec.Struct):
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    rev: str = ""
    record: msgspec.Raw = msgspec.Raw()


class _V1(msgspec.Struct):
    did: str
    time_us: int
    kind: str
    commit: _Commit | None = None
    account: Account | None = None


class _Payload(msgspec.Struct):
    type: str = msgspec.field(name="$type", default="")
    did: str = ""
    time: datetime | None = None
    operation: str = ""
    collection: str = ""
    rkey: str = ""
    rev: str = ""
    record: msgspec.Raw = msgspec.Raw()
    account: Account | None = None
    name: str = ""
    message: str = ""


class _V2(msgspec.Struct):
    type: str = msgspec.field(name="$type", default="")
    payload: _Payload | None = None
    error: str = ""
    message: str = ""


_v1, _v2 = msgspec.json.Decoder(_V1), msgspec.json.Decoder(_V2)


def decode(frame: bytes | str, wire: Wire) -> Message:
    """The message of a frame. Raises msgspec.DecodeError (a ValueError) for what is none."""
    return _of_v1(_v1.decode(frame)) if wire == "v1" else _of_v2(_v2.decode(frame))


def _of_v1(found: _V1) -> Message:
    commit = found.commit
    if commit is None:
        return Message(found.kind, found.did, found.time_us, account=found.account)
    return Message(
        "commit", found.did, found.time_us, commit.operation, commit.collection, commit.rkey, commit.rev, commit.record
    )


def _of_v2(found: _V2) -> Message:
    payload = found.payload
    if found.type == "error" or payload is None:
        return Message("error", text=f"{found.error}: {found.message}")
    kind = payload.type.rpartition("#")[2]
    if kind == "info":
        return Message("info", text=f"{payload.name}: {payload.message}")
    return Message(
        kind, payload.did, 0 if payload.time is None else microseconds(payload.time), payload.operation,
        payload.collection, payload.rkey, payload.rev, payload.record, payload.account,
    )  # fmt: skip


def microseconds(moment: datetime) -> int:
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)
