"""R2: the fault tests bite. Each rule of the spine is broken on purpose, and the tests that guard it must see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fault.mutants import MUTANTS
from tests.helpers.faults import SEED, by_length, python, record

CYCLES = by_length(120, 300, 600)
KILLED = [name for name, mutant in MUTANTS.items() if mutant.test == "kill"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the kill test says of each mutant."""
    order = [f"--mutant={name}" for name in KILLED]
    done = python(
        "-m", "tests.fault.killer", tmp_path_factory.mktemp("mutants"), f"--cycles={CYCLES}", f"--seed={SEED}",
        "--round=15", "--aimed=0.8", *order, seconds=by_length(280, 1_800, 3_600),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    caught = [result for result in results if result["wrong"]]
    slowest = max(result["cycles"] for result in results)
    figure = f"{len(caught)} of {len(KILLED)} caught by kills, the last after {slowest}"
    record("R2", figure, f"all, within {CYCLES} kills", len(caught) == len(KILLED), SEED)
    return {result["mutant"]: result for result in results}


@pytest.mark.timeout(by_length(300, 2_000, 4_000))
@pytest.mark.parametrize("name", KILLED)
def test_a_mutant_is_caught_by_kills(found: dict[str, dict[str, Any]], name: str) -> None:
    assert found[name]["wrong"], f"{found[name]['cycles']} kills, and nobody saw that not: {MUTANTS[name].rule}"


def test_every_other_mutant_has_its_test() -> None:
    """Kills cannot show a missing flush: test_order.py plants these."""
    others = {name: mutant.test for name, mutant in MUTANTS.items() if mutant.test != "kill"}
    assert set(others.values()) == {"order"}
    assert all((Path(__file__).parent / f"test_{test}.py").exists() for test in others.values())
