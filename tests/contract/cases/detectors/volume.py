"""The volume detector for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.detectors.volume import Config, Volume

BUCKET = 600


def make(tmp_path: Path) -> Volume:
    return Volume(Config(bucket=BUCKET), Context("volume", tmp_path))
