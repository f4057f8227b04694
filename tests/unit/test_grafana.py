"""The Grafana dashboard asks for metrics that there are, with labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from tocsin.telemetry import METRICS

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
BOARD = json.loads((FOLDER / "tocsin.json").read_text())
KNOWN = {metric.name: set(metric.labels) for metric in METRICS}
KNOWN |= {f"{metric.name}_bucket": {*metric.labels, "le"} for metric in METRICS if metric.kind == "histogram"}


def test_every_expression_asks_for_a_metric_that_there_is() -> None:
    asked = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    assert len(asked) >= 10
    for expression in asked:
        names = re.findall(r"tocsin_\w+", expression)
        assert names
        labels = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", group)}
        labels |= set(re.findall(r"[{,](\w+)=", expression))
        for name in names:
            assert labels <= KNOWN[name], expression


def test_panels_lie_beside_each_other() -> None:
    spots = [panel["gridPos"] for panel in BOARD["panels"]]
    cells = [
        (x, y)
        for one in spots
        for x in range(one["x"], one["x"] + one["w"])
        for y in range(one["y"], one["y"] + one["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 24 for x, _ in cells)


def test_what_provisions_it_can_be_read_and_holds_no_secret() -> None:
    for file in (FOLDER / "provisioning").rglob("*.yaml"):
        assert yaml.safe_load(file.read_text())["apiVersion"] == 1
    text = (FOLDER / "provisioning" / "datasources" / "tocsin.yaml").read_text()
    assert "$TOCSIN_TOKEN" in text
