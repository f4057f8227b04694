"""The modules of places/build, which are scripts beside the package and import one another by bare names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

FOLDER = Path(__file__).parents[2] / "places" / "build"


def modules(*names: str) -> list[ModuleType]:
    """Import some of them, and leave nothing behind under names as common as theirs.

    pandas may be missing: what needs no table runs without it.
    """
    try:
        import pandas  # noqa: F401

        passing = set()
    except ImportError:
        sys.modules["pandas"] = ModuleType("pandas")
        passing = {"pandas"}
    passing |= {path.stem for path in FOLDER.glob("*.py")}
    try:
        with patch.object(sys, "path", [str(FOLDER), *sys.path]):
            return [importlib.import_module(name) for name in names]
    finally:
        for name in passing:
            sys.modules.pop(name, None)
