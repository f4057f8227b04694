"""The lake on disk for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.lakes.delta import Config, Delta


def make(tmp_path: Path) -> Delta:
    return Delta(Config(), Context("lake", tmp_path))
