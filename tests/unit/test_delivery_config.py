"""`delivery:` in the config: what it may say, and what is refused in one line."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from tocsin import config as configs
from tocsin.alerts.budget import Rate
from tocsin.alerts.manners import Manners
from tocsin.errors import ConfigError
from tocsin.queues.memory import Config as MemoryConfig
from tocsin.queues.memory import Memory
from tocsin.runners.assemble import Assembly
from tocsin.silences import quiet_hours
from tocsin.telemetry import Telemetry

HEAD = """
data_dir: data
watches: [{name: acme, match: acme}]
alerts:
  policies: [{name: volume}, {name: mood, measure: negative_share}]
  destinations:
    - {name: ops, type: log}
    - {name: pager, type: pagerduty, routing_key: "0123456789abcdef0123456789abcdef"}
  delivery:
"""


def read(folder: Path, *lines: str) -> configs.Config:
    file = folder / "tocsin.yaml"
    file.write_text(HEAD + "".join(f"    {line}\n" for line in lines))
    return configs.load(file, {})


def manners(folder: Path, *lines: str) -> dict[str, Manners]:
    assembly = Assembly(read(folder, *lines))
    assembly.prepare()
    state = assembly.state()
    try:
        queue = Memory(MemoryConfig(), assembly.context("queue"))
        couriers = assembly.couriers(state, queue, Telemetry())
        return dict(couriers.manners)
    finally:
        state.close()


def test_all_of_it(tmp_path: Path) -> None:
    found = manners(
        tmp_path,
        "ops: {zone: Europe/Berlin, quiet: ['22:00-07:00', 'sat sun 00:00-24:00'], wake_for: 70,",
        "      digest: daily, at: '09:30', rate: 20 per hour, budget: 1 per week, least_severity: 40,",
        "      policies: [mood, coverage], watches: [acme]}",
    )
    night, weekend = (quiet_hours(hours, "Europe/Berlin") for hours in ("22:00-07:00", "sat sun 00:00-24:00"))
    assert found["ops"] == Manners(
        zone="Europe/Berlin",
        quiet=(night, weekend),
        wake_for=70,
        digest="daily",
        at=time(9, 30),
        rate=Rate.parse("20 per hour"),
        budget=Rate.parse("1 per week"),
        least_severity=40,
        policies=frozenset({"mood", "coverage"}),
        watches=frozenset({"acme"}),
    )


def test_one_stretch_of_quiet_hours_needs_no_list(tmp_path: Path) -> None:
    assert manners(tmp_path, 'ops: {quiet: "22:00-07:00"}')["ops"].quiet == (quiet_hours("22:00-07:00", "UTC"),)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("opps: {rate: 1 per day}", "no destination is named 'opps'"),
        ("ops: {policies: [mod]}", "no policy is named 'mod'"),
        ("ops: {watches: [acne]}", "no watch is named 'acne'"),
        ("ops: {alerts: false}", "nothing would ever come"),
        ("ops: {quiet: 22-7}", 'quiet hours are written "22:00-07:00"'),
        ("ops: {quiet: 'mon-fri 22:00-07:00'}", "quiet hours are written"),
        ("ops: {rate: often}", "must be a number per hour"),
        ("ops: {budget: 0 per day}", "must be a number per hour"),
        ("ops: {zone: Mars}", "Mars"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, line)
    assert said in str(refused.value)


def test_a_destination_that_takes_no_digests_gets_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the destination 'pager' takes no digests"):
        manners(tmp_path, "pager: {digest: daily}")
