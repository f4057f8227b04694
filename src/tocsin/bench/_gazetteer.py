"""One fresh process with the gazetteer: how long it takes to open, and how much memory it needs.

The first argument says how far it goes: `numpy` imports numpy, `imported` the gazetteer too, `looked_up` also locates
the texts that come on stdin as JSON. Prints JSON: `peak_resident_mb`, `proportional_mb` (what is shared with other
processes is divided among them; both Linux only) and, for `looked_up`, `opening_ms` and `first_lookup_ms`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

AT_ONCE = 512


def main() -> None:
    step = sys.argv[1]
    texts: list[str] = json.load(sys.stdin)
    found: dict[str, Any] = {}
    import numpy as np

    np.zeros(1)
    if step != "numpy":
        from tocsin.component import Context
        from tocsin.gazetteer.embedded import Config, Embedded

        if step == "looked_up":
            began = time.perf_counter()
            gazetteer = Embedded(Config(), Context("bench", Path()))
            opened = time.perf_counter()
            gazetteer.locate(["Springfield, Illinois"])
            found = {
                "opening_ms": 1000 * (opened - began),
                "first_lookup_ms": 1000 * (time.perf_counter() - opened),
            }
            for start in range(0, len(texts), AT_ONCE):
                gazetteer.locate(texts[start : start + AT_ONCE])
    found["peak_resident_mb"] = _megabytes("status", "VmHWM:")
    found["proportional_mb"] = _megabytes("smaps_rollup", "Pss:")
    print(json.dumps(found))


def _megabytes(file: str, field: str) -> float:
    """Of this process; nan where the system does not say."""
    try:
        lines = Path("/proc/self", file).read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), float("nan"))


if __name__ == "__main__":
    main()
