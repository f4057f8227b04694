"""Adtributor (Bhagwan et al., NSDI 2014), to compare with: the one attribute whose values surprise most."""

from __future__ import annotations

import numpy as np

from tocsin.alerts.explain.counting import Codes, Doubles
from tocsin.alerts.explain.slices import Sides

LEAST_OF_ONE, ENOUGH = 0.1, 0.67
"""The paper's thresholds: so much of the excess for each value, and for all values of an attribute."""


def adtributor(sides: Sides, names: list[str]) -> list[dict[str, str]]:
    """The causes, each a value of one attribute: those of the attribute that surprises most first."""
    found = []
    for name in names:
        codes = Codes.of(sides.now.column(name), sides.then.column(name))
        now, then = (counts.astype(np.float64) for counts in codes.counts)
        seen, usual = now * sides.weight, then * (sides.ratio * sides.weight)
        surprise = _surprise(usual / sides.expected, seen / sides.observed)
        power = (seen - usual) / (sides.observed - sides.expected)
        chosen: list[int] = []
        for place in np.argsort(-surprise, kind="stable").tolist():
            if power[place] > LEAST_OF_ONE:
                chosen.append(place)
            if power[chosen].sum() > ENOUGH:
                found.append((float(surprise[chosen].sum()), [{name: codes.names[place]} for place in chosen]))
                break
    return [where for _, causes in sorted(found, key=lambda one: -one[0]) for where in causes]


def _surprise(p: Doubles, q: Doubles) -> Doubles:
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(x > 0, x * np.log(2 * x / (p + q)), 0.0) for x in (p, q)]
    found: Doubles = (parts[0] + parts[1]) / 2
    return found
