"""The language enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.language import Config, Language


def make(tmp_path: Path) -> Language:
    return Language(Config(), Context("language", tmp_path))
