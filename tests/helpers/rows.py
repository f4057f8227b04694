"""Invented rows of the lake, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tocsin.records import SCHEMA, uid_hash

START = datetime(2026, 3, 2, tzinfo=UTC)


def row(seq: int, seconds: float, kind: str = "post", **values: Any) -> dict[str, Any]:
    """A row at `seconds` after START; a post of watch acme, category outage, unless told otherwise."""
    base: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    time = START + timedelta(seconds=seconds)
    base |= {"seq": seq, "kind": kind, "event_time": time, "source": "news", "day": f"{time:%Y-%m-%d}"}
    if kind == "post":
        uid = values.get("uid", f"news:{seq}")
        base |= {
            "uid": uid, "uid_hash": uid_hash(uid), "id": uid, "version": 1, "backfilled": False, "text": f"post {seq}",
            "created_at": time, "received_at": time, "watches": ["acme"], "category": "outage",
            "categories": ["outage"], "is_repost": False, "language": "en",
        }  # fmt: skip
    return base | values


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)
