"""The airline posts of `examples/airline`: where they are, how to run over them, and how to spoil them."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
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

Row = tuple[int, int, str]
"""The first and the last line of a row (from 1), and its text with the line end."""


@dataclass(frozen=True)
class Outcome:
    """What a run left behind: rows of the lake by kind, ids of posts, dead letters, `alerts list --json`."""

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
    listed = CliRunner(env=environ).invoke(cli.app, ["alerts", "list", "--json", "-c", str(CONFIG)])
    assert listed.exit_code == 0, listed.output
    return Outcome(kinds, frozenset(ids), dead, _less_the_wall_clock(listed.stdout))


def _less_the_wall_clock(listed: str) -> str:
    """`alerts list --json` without what depends on when a person did something."""
    found = json.loads(listed)
    for one in found:
        del one["acked_at"], one["acked_by"]
    return json.dumps(found, ensure_ascii=False)


def rows(text: str) -> list[Row]:
    """The rows of a CSV text, the header first, each with the lines it stands on."""
    lines = text.splitlines(keepends=True) if "\x0b" not in text else text.split("\n")
    reader = csv.reader(lines)
    found, last = [], 0
    for _ in reader:
        found.append((last + 1, reader.line_num, "".join(lines[last : reader.line_num])))
        last = reader.line_num
    return found


def spoiled(text: str, share: float, seed: int) -> tuple[str, frozenset[int]]:
    """The CSV text with a share of its rows damaged, and the numbers of those rows (the header is row 0)."""
    chance = random.Random(seed)
    all_rows = [row for _, _, row in rows(text)]
    picked = sorted(chance.sample(range(1, len(all_rows)), round(share * (len(all_rows) - 1))))
    for number in picked:
        damage = chance.choice([_drop_a_field, _break_a_quote, _flip_bytes, _spoil_the_time])
        all_rows[number] = damage(all_rows[number], chance)
    return "".join(all_rows), frozenset(picked)
