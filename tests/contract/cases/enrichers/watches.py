"""The watches enricher for the contract suite."""

from pathlib import Path

from tocsin.component import Context
from tocsin.enrichers.watches import Config, Watch, Watches


def make(tmp_path: Path) -> Watches:
    watches = (
        Watch(name="acme", match='(acme OR #acme OR "bell tower") -is:repost'),
        Watch(name="answers", match="is:reply lang:en", sources=("feed",)),
        Watch(name="links", match="url:acme.example OR has:geo"),
    )
    return Watches(Config(watches=watches), Context("watches", tmp_path))
