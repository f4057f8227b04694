"""The near-duplicate enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.cluster import Cluster, Config


def make(tmp_path: Path) -> Cluster:
    return Cluster(Config(), Context("cluster", tmp_path))
