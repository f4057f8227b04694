"""What goes wrong with a platform, and when: a script of faults, written down or drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`kind` happens once `after` events have been sent; `seconds` is how long it lasts, for kinds that last."""

    kind: str
    after: int
    seconds: float = 0.0


def script(seed: int, kinds: Sequence[str], events: int, most: int = 5) -> list[Fault]:
    """A random script: up to `most` faults of these kinds within so many events, in order."""
    draw = random.Random(seed)
    faults = [
        Fault(draw.choice(kinds), draw.randrange(events), draw.choice([0.0, 0.05, 0.2]))
        for _ in range(draw.randint(1, most))
    ]
    return sorted(faults, key=lambda fault: fault.after)
