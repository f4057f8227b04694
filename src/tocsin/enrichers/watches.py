"""Which watches a post matches."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from tocsin import posts, records, rules
from tocsin.component import Context
from tocsin.options import Options


class Watch(Options):
    name: str
    match: str
    """A rule of the watch language."""
    sources: tuple[str, ...] | None = None
    """Only posts of these sources count. Default: all."""


class Config(Options):
    """The watches, from the config's own list."""

    takes: ClassVar[frozenset[str]] = frozenset({"watches"})

    watches: tuple[Watch, ...] = ()


class Watches:
    """Fills `watches` with the names of all that match, in the order of the config."""

    fills: ClassVar[frozenset[str]] = frozenset({"watches"})
    needs: ClassVar[frozenset[str]] = posts.NEEDS

    def __init__(self, config: Config, context: Context) -> None:
        """Raises RuleError (a ConfigError) for a rule that cannot be read."""
        self._matcher = rules.Matcher({watch.name: rules.parse(watch.match) for watch in config.watches})
        self._sources = {watch.name: frozenset(watch.sources) for watch in config.watches if watch.sources is not None}

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        matched = [self._matcher.match(document) for document in posts.documents(batch)]
        if self._sources:
            sources = batch.column("source").to_pylist()
            matched = [self._heard(names, source) for names, source in zip(matched, sources, strict=True)]
        return {"watches": pa.array(matched, records.SCHEMA.field("watches").type)}

    def _heard(self, names: tuple[str, ...], source: str) -> tuple[str, ...]:
        """Those of the watches that listen to the source."""
        return tuple(name for name in names if name not in self._sources or source in self._sources[name])
