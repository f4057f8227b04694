"""What a post says, in its own words: key phrases by rule (`models/_phrases.py`), in the post's language."""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from tocsin import posts, records
from tocsin.component import Context
from tocsin.models._phrases import Chunker
from tocsin.models._reading import words_of
from tocsin.models.embedded import mind
from tocsin.options import Options


class Config(Options):
    """No options."""


class Phrases:
    """Fills `phrases`: up to ten different phrases of title and text, in their order, in lower case."""

    fills: ClassVar[frozenset[str]] = frozenset({"phrases"})
    needs: ClassVar[frozenset[str]] = frozenset({"language"})

    def __init__(self, config: Config, context: Context) -> None:
        self._chunker = Chunker(mind().table.pieces.segmented_tag)

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        found = self._chunker.phrases(words_of(posts.texts(batch)), batch.column("language").to_pylist())
        return {"phrases": pa.array(found, records.SCHEMA.field("phrases").type)}
