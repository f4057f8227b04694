"""Posts found by their words and counted by what they are: an index beside the lake, made from it at any time.

A search is written in the watch language and finds what a watch would. The index is Tantivy's
(https://docs.rs/tantivy), in `index` in the data directory; nothing is in it that the lake cannot give again.
"""

from tocsin.search.filters import Filters
from tocsin.search.index import Index, Place

__all__ = ["Filters", "Index", "Place"]
