"""The airline posts of `examples/airline`: where they are, how to run over them, and how to spoil them."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tocsin import cli
from tocsin import config as configs
from tocsin.model import DeadLetter
from tocsin.runners.assemble import Assembly

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "examples" / "airline" / "tocsin.yaml"
POSTS = ROOT.parent / "shared" / "data" / "airline" / "tweets.csv"
LOCAL = timezone(timedelta(hours=-8))
"""The zone in which the file's times are written."""

SPOILED_TIMES = ("", "yesterday", "2015-13-45 99:99:99 -0800", "1970-01-01 00:00:00 +0000", "2093-02-21 12:00:00 +0000")
Damage = Callable[[str, random.Random], str]


@dataclass(frozen=True)
class Outcome:
    """What a run left behind: rows of the lake by kind, ids of posts, dead letters, `alerts list --json`."""

    data_dir: Path
    kinds: Mapping[str, int]
    ids: frozenset[str]
    dead: tuple[DeadLetter, ...]
    alerts: str

    @property
    def incidents(self) -> list[dict[str, Any]]:
        return [
            found | {name: datetime.fromisoformat(found[name]).astimezone(LOCAL) for name in ("start", "detected_at")}
            for found in json.loads(self.alerts)
        ]

    def storm(self) -> list[dict[str, Any]]:
        """Incidents on cancellations that begin in the storm, earliest first."""
        first, last = datetime(2015, 2, 21, tzinfo=LOCAL), datetime(2015, 2, 24, tzinfo=LOCAL)
        found = [one for one in self.incidents if one["series"].get("category") == "cancellation"]
        return sorted((one for one in found if first <= one["start"] < last), key=lambda one: one["detected_at"])


def environment(posts: Path, data_dir: Path, speed: str = "max") -> dict[str, str]:
    return {"AIRLINE_CSV": str(posts), "AIRLINE_DATA_DIR": str(data_dir), "AIRLINE_SPEED": speed}


def start(posts: Path, data_dir: Path) -> subprocess.Popen[str]:
    """`tocsin run --until-idle`, in a process of its own."""
    command = [sys.executable, "-m", "tocsin", "run", "-c", str(CONFIG), "--until-idle", "--log-level", "warning"]
    environ = os.environ | environment(posts, data_dir)
    return subprocess.Popen(command, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def outcome(posts: Path, data_dir: Path) -> Outcome:
    """What is in a data directory on which nobody works."""
    environ = environment(posts, data_dir)
    assembly = Assembly(configs.load(CONFIG, environ))
    kinds: dict[str, int] = {}
    ids: set[str] = set()
    with closing(assembly.lake()) as lake, closing(assembly.queue()) as queue:
        for batch in lake.rows(["kind", "id"]):
            for row in batch.to_pylist():
                kinds[row["kind"]] = kinds.get(row["kind"], 0) + 1
                ids |= {row["id"]} if row["kind"] == "post" else set()
        dead = tuple(letter for _, letter in queue.dead_letters())
    listed = tocsin(data_dir, "alerts", "list", "--json")
    return Outcome(data_dir, kinds, frozenset(ids), dead, _less_the_wall_clock(listed))


def tocsin(data_dir: Path, *arguments: str) -> str:
    """What a command prints of a data directory."""
    environ = environment(POSTS, data_dir)
    result = CliRunner(env=environ).invoke(cli.app, [*arguments, "-c", str(CONFIG)])
    assert result.exit_code == 0, result.output
    return result.stdout


def _less_the_wall_clock(listed: str) -> str:
    """`alerts list --json` without what depends on when a person did something, and without the lake's own id."""
    found = json.loads(listed)
    for one in found:
        del one["acked_at"], one["acked_by"], one["receipt"]["lake"]
    return json.dumps(found, ensure_ascii=False)


def rows(text: str) -> list[str]:
    """The rows of a CSV text as they stand there, line ends and all; the header first."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    reader = csv.reader(lines)
    found, last = [], 0
    for _ in reader:
        found.append("".join(lines[last : reader.line_num]))
        last = reader.line_num
    return found


def cells(row: str) -> list[str]:
    return next(csv.reader(io.StringIO(row, newline="")))


def spoiled(text: str, share: float, seed: int) -> tuple[list[str], frozenset[int]]:
    """The rows of a CSV text with a share of them damaged, and which those are (the header is row 0).

    The first cell, the id, stays whole, so that what became of a row can be told.
    """
    chance = random.Random(seed)
    found = rows(text)
    picked = chance.sample(range(1, len(found)), round(share * (len(found) - 1)))
    for number in picked:
        damage: Damage = chance.choice((_drop_a_cell, _break_a_quote, _flip_bits, _spoil_the_time))
        found[number] = damage(found[number], chance)
    return found, frozenset(picked)


def _drop_a_cell(row: str, chance: random.Random) -> str:
    found = cells(row)
    del found[chance.randrange(1, len(found))]
    return _written(found)


def _break_a_quote(row: str, chance: random.Random) -> str:
    spot = chance.choice([match.end() for match in re.finditer(",", row)])
    return f'{row[:spot]}"{row[spot:]}'


def _flip_bits(row: str, chance: random.Random) -> str:
    damaged = list(row)
    for spot in chance.sample(range(row.index(",") + 1, len(row.rstrip("\r\n"))), 3):
        damaged[spot] = chr(ord(damaged[spot]) ^ 1 << chance.randrange(8))
    return "".join(damaged)


def _spoil_the_time(row: str, chance: random.Random) -> str:
    found = cells(row)
    found[10] = chance.choice(SPOILED_TIMES)
    return _written(found)


def _written(found: list[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(found)
    return out.getvalue()
