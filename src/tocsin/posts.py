"""Posts of a batch as the documents that watch rules look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.rules import Document

NEEDS = frozenset({"hashtags", "mentions", "urls", "language", "country", "place_origin"})
"""Columns that must be filled before posts can be matched."""

_COLUMNS = (
    *("text", "title", "hashtags", "mentions", "urls", "author_id", "author_handle", "language", "country"),
    *("is_repost", "reply_to", "quote_of", "media", "place_origin"),
)
LONGEST = 10_000
"""Characters of a text that models read; what a longer one is about is clear by then."""
_GUESSED_PLACE = pa.array(["coordinates", "text", "profile"])


def documents(batch: pa.RecordBatch) -> list[Document]:
    """One document a row. Enrichers that match the same batch one after the other share them."""
    return _documents(_Columns([batch.column(name) for name in _COLUMNS]))


class _Columns:
    """Columns with the identity of their memory, which `lru_cache` keeps alive, so that no other can take its place."""

    def __init__(self, arrays: list[pa.Array]) -> None:
        self.arrays = arrays
        self.identity = tuple(
            (len(array), array.offset, *(buffer.address for buffer in array.buffers() if buffer)) for array in arrays
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Columns) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)


@lru_cache(maxsize=1)
def _documents(columns: _Columns) -> list[Document]:
    text, title, hashtags, mentions, urls, *names, repost, reply, quote, media, origin = columns.arrays
    return list(
        map(
            Document,
            pc.fill_null(text, "").to_pylist(),
            title.to_pylist(),
            *map(lists, (hashtags, mentions, urls)),
            *(column.to_pylist() for column in names),
            pc.fill_null(repost, False).to_pylist(),
            reply.is_valid().to_pylist(),
            quote.is_valid().to_pylist(),
            pc.fill_null(pc.greater(media, 0), False).to_pylist(),
            pc.and_(origin.is_valid(), pc.invert(pc.is_in(origin, _GUESSED_PLACE))).to_pylist(),
        )
    )


def texts(batch: pa.RecordBatch) -> list[str]:
    """Title and text of each row, a line end between them, as models read them.

    Enrichers that read the same batch one after the other get the same list, which a model may know again.
    """
    return _texts(_Columns([batch.column("title"), batch.column("text")]))


@lru_cache(maxsize=1)
def _texts(columns: _Columns) -> list[str]:
    title, text = (pc.fill_null(array, "").to_pylist() for array in columns.arrays)
    return [(f"{above}\n{below}" if above else below)[:LONGEST] for above, below in zip(title, text, strict=True)]


def lists(column: pa.Array) -> list[Sequence[str]]:
    """A column of lists as Python's, nulls as empty ones; several times faster than `to_pylist`."""
    values = column.flatten().to_pylist()
    ends = accumulate(pc.fill_null(pc.list_value_length(column), 0).to_pylist(), initial=0)
    return [values[start:end] if end > start else () for start, end in pairwise(ends)]
