"""R10: whatever bytes are in the queue, they become a row or a dead letter, and nothing else is harmed."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.helpers.world import NOW, World

from tocsin.model import Author, Delete, Gap, Heartbeat, Place, Post, Ref, encoder

TIME = NOW - timedelta(hours=1)
WHOLE = [
    Post(
        uid="news:1", source="news", id="1", text="acme is down 😱", received_at=TIME, created_at=TIME, lang="en",
        author=Author(id="a1", handle="sam", location="Leeds"), place=Place(country="GB", lat=53.8, lon=-1.5),
        refs=(Ref("reply", "news:0"),), hashtags=("acme",), metrics={"likes": 3},
    ),
    Delete(source="news", uid="news:1", at=TIME),
    Gap(source="news", stream="main", start=TIME, end=NOW),
    Heartbeat(source="news", stream="main", at=NOW),
]  # fmt: skip
ROUNDS, EACH = 20, 500


def mutated(chance: random.Random, body: bytes) -> bytes:
    """One event with bytes cut, flipped, doubled or put in."""
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(damaged) + 1) if damaged else 0
        match chance.randrange(5):
            case 0:
                del damaged[at : at + chance.randint(1, 20)]
            case 1 if at < len(damaged):
                damaged[at] ^= 1 << chance.randrange(8)
            case 2:
                damaged[at:at] = damaged[at : at + 10]
            case 3:
                damaged[at:at] = chance.choice([b"\x00", b"\xff\xfe", b"null", b"[", b'"', b"1e999", b"-", b"}"])
            case _:
                damaged = damaged[:at]
    return bytes(damaged)


def test_ten_thousand_damaged_events_are_rows_or_dead_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(20261123)
    with World(tmp_path, "data_dir: data\nsources: {}\n", enrichers=[]) as world:
        queue, last = [encoder.encode(event) for event in WHOLE], 0
        assert world.process.backlog == 0
        for _ in range(ROUNDS):
            bodies = [mutated(chance, chance.choice(queue)) for _ in range(EACH - 1)]
            bodies.append(encoder.encode(Post(uid=f"ok:{last}", source="ok", id="1", text="fine", received_at=TIME)))
            offsets = list(range(last + 1, last + 1 + EACH))
            slices = iter([SimpleNamespace(offsets=offsets, bodies=bodies), SimpleNamespace(offsets=[], bodies=[])])
            monkeypatch.setattr(world.queue, "read", lambda after, limit, _slices=slices: next(_slices))
            world.process.step()
            world.process.step()
            last += EACH
        kinds = world.kinds()
        letters = sum(1 for _ in world.queue.dead_letters())
        whole = sum(1 for row in world.rows("kind", "source") if row["source"] == "ok")
    assert sum(kinds.values()) == ROUNDS * EACH
    assert kinds["dead"] == letters > ROUNDS * EACH / 4
    assert whole == ROUNDS
