"""The phrases enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.phrases import Config, Phrases


def make(tmp_path: Path) -> Phrases:
    return Phrases(Config(), Context("phrases", tmp_path))
