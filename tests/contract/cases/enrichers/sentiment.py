"""The sentiment enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.sentiment import Config, Sentiment


def make(tmp_path: Path) -> Sentiment:
    return Sentiment(Config(), Context("sentiment", tmp_path))
