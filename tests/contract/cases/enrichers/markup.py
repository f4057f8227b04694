"""The markup enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.markup import Config, Markup


def make(tmp_path: Path) -> Markup:
    return Markup(Config(), Context("markup", tmp_path))
