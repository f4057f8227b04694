"""The entities enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.entities import Config, Entities


def make(tmp_path: Path) -> Entities:
    config = Config(products=("Acme Bell", "Tower 15 Pro"), organisations=("Acme",), places=("bell tower",))
    return Entities(config, Context("entities", tmp_path))
