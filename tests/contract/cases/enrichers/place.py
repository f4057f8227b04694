"""The place enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.place import Config, Place


def make(tmp_path: Path) -> Place:
    return Place(Config(), Context("place", tmp_path))
