"""The story of test_detect.py told in batches of some size; says what the outbox and the lake then hold."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import msgspec
import sqlalchemy as sa
from tests.helpers.world import World
from tests.unit.test_detect import EVENTS, YAML

from tocsin import state_schema as schema


def main(folder: Path, size: int) -> None:
    with World(folder, YAML) as world:
        for start in range(0, len(EVENTS), size):
            world.put(EVENTS[start : start + size])
            world.process_all()
            world.detect_all()
        world.notify_all()
        rows = [row for batch in world.lake.rows() for row in batch.to_pylist()]
        path = world.state.path
    with sa.create_engine(f"sqlite:///{path}").connect() as db:
        alerts = [body.decode() for body in db.scalars(sa.select(schema.outbox.c.body).order_by(schema.outbox.c.key))]
    told = [json.loads(line)["key"] for line in (path.parent / "alerts.jsonl").read_text().splitlines()]
    lake = hashlib.sha256(b"\n".join(msgspec.json.encode(row) for row in rows)).hexdigest()
    print(json.dumps({"alerts": alerts, "told": told, "rows": len(rows), "lake": lake}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
