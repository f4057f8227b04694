"""Run the fault tests and write down what they showed: `make fault`, or `python -m tests.fault.scorecard [--docs]`.

TOCSIN_FAULT says how long (full unless told otherwise), TOCSIN_SEED makes a random run again. The figures go to
out/scorecard.json; with --docs the table goes to docs/reference/scorecard.md too. Ends with 1 if anything failed.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "scorecard.md"
BY_FILE = "all of its tests pass"
MOST_FIGURES = 4

PROPERTIES = [
    ("R1", "kill -9 anywhere: nothing acknowledged lost, nothing doubled, counts equal a recount", ["fault/test_kill"]),
    ("R2", "every planted mutant is caught", ["fault/test_mutants"]),
    ("R3", "durability order: files, folder, log entry, then trim", ["fault/test_order", "fault/test_lake_durability"]),
    ("R5", "disk full and back", ["fault/test_disk"]),
    ("R6", "I/O errors at chosen points", ["fault/test_disk", "fault/test_queue_faults"]),
    ("R7", "torn and damaged files of the lake: found, said, mended", ["fault/test_lake_tears"]),
    ("R8", "clock jumps", ["fault/test_clock"]),
    ("R9", "network faults", ["fault/test_net_faults"]),
    (
        "R10",
        "10,000 malformed inputs a parser",
        ["property/test_file_fuzz", "property/test_webhook_fuzz", "property/test_config_fuzz",
         "property/test_rules_property", "property/test_times_property", "property/test_event_fuzz"],
    ),
    ("R12", "poison posts stand alone", ["fault/test_poison"]),
    (
        "R14",
        "alerts: killed around the send, none is missed",
        ["fault/test_alerts", "property/test_delivery_property", "unit/test_delivery", "unit/test_holding"],
    ),
    ("R15", "the same posts, the same alerts", ["fault/test_determinism"]),
    (
        "R17",
        "state machines of the queue, of series, of incidents",
        ["property/test_queue_machine", "property/test_series_property", "property/test_lifecycle_property"],
    ),
    ("R18", "stop and start", ["fault/test_stop_start"]),
    (
        "live",
        "live sources under scripts of faults and kills: every post arrives, or its loss is a gap",
        ["fault/test_source_jetstream", "fault/test_source_x", "fault/test_source_mastodon", "fault/test_source_rss",
         "fault/test_source_hackernews", "fault/test_source_listings", "fault/test_source_kafka",
         "fault/test_source_chats"],
    ),
    ("soak", "a day of all of Bluesky, memory flat", ["fault/test_soak"]),
]  # fmt: skip


def main() -> int:
    length = os.environ.get("TOCSIN_FAULT", "full")
    files = sorted({f"tests/{file}.py" for _, _, names in PROPERTIES for file in names})
    with tempfile.TemporaryDirectory() as folder:
        figures, report = Path(folder) / "figures.jsonl", Path(folder) / "report.xml"
        environ = {**os.environ, "TOCSIN_FAULT": length, "TOCSIN_SCORECARD": str(figures)}
        command = [sys.executable, "-m", "pytest", "-q", "-rs", f"--junitxml={report}", "--timeout=3600", *files]
        subprocess.run(command, cwd=ROOT, env=environ, check=False)
        recorded = [json.loads(line) for line in figures.read_text().splitlines()] if figures.exists() else []
        rows = [_row(*one, recorded, _cases(report), length) for one in PROPERTIES]
    out = ROOT / "out" / "scorecard.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(rows, indent=2) + "\n")
    table = _table(rows)
    print(f"\n{table}\n{out}")
    if "--docs" in sys.argv:
        PAGE.write_text(_page(table, rows))
    return 0 if all(row["pass"] for row in rows) else 1


def _cases(report: Path) -> list[dict[str, Any]]:
    """Every test that ran: its file, how long it took, and how it went."""
    cases = []
    for case in ElementTree.parse(report).iter("testcase"):
        went = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        file = str(case.get("classname", "")).replace(".", "/").removeprefix("tests/")
        cases.append({"file": file, "seconds": float(case.get("time", 0)), "went": went})
    return cases


def _row(
    name: str, what: str, files: list[str], recorded: list[dict[str, Any]], cases: list[dict[str, Any]], length: str
) -> dict[str, Any]:
    mine = [case for case in cases if any(case["file"].startswith(file) for file in files)]
    told = [line for line in recorded if line["name"] == name]
    went = [case["went"] for case in mine]
    passed, skipped = went.count("passed"), went.count("skipped")
    figure = f"{passed} tests pass" + (f", {skipped} skipped" if skipped else "")
    if len(told) > MOST_FIGURES:
        figure = f"{sum(line['pass'] for line in told)} of {len(told)} figures in their bound ({figure})"
    elif told:
        figure = "; ".join(line["figure"] for line in told) + f" ({figure})"
    return {
        "name": name,
        "property": what,
        "figure": figure,
        "bound": told[0]["bound"] if told else BY_FILE,
        "pass": passed > 0 and not _failures(length) & set(went) and all(line["pass"] for line in told),
        "seed": next((line["seed"] for line in told if line["seed"] is not None), None),
        "seconds": round(sum(case["seconds"] for case in mine), 1),
        "command": f"TOCSIN_FAULT={length} python -m tests.fault.scorecard",
        "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    }


def _failures(length: str) -> set[str]:
    """In the long form a test that could not run is one that failed."""
    return {"failure", "error", "skipped"} if length == "long" else {"failure", "error"}


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| | property | figure | bound | seconds | |", "|---|---|---|---|---|---|"]
    for row in rows:
        verdict = "yes" if row["pass"] else "**no**"
        cells = (row["name"], row["property"], row["figure"], row["bound"], row["seconds"], verdict)
        lines.append("| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def _page(table: str, rows: list[dict[str, Any]]) -> str:
    return f"""# Reliability scorecard

Made by `make fault` (`{rows[0]["command"]} --docs`), on {rows[0]["machine"]}. The tests themselves are in
`tests/fault/`; `make test` runs their short forms, `make fault-long` the long ones.

{table}
"""


if __name__ == "__main__":
    sys.exit(main())
