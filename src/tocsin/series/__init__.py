"""Records folded into series: counts per event-time bucket, with watermark and lateness.

A series is one combination of a policy's dimensions, e.g. (acme, outage). Its parents are the combinations
without the last dimension: (acme,). Parents lend their rhythm and their share.

What comes out depends on the rows and their order alone, not on how they are cut into commits: a bucket closes
at the row whose watermark passes its end, and a row is late if its bucket had closed before it.
"""

from tocsin.series.dimensions import ALL_POSTS, COLUMNS, NOTHING, Dimensions, Key, columns
from tocsin.series.fold import SKIP_AFTER, Counting, Fold, Look, Tick

__all__ = [
    "ALL_POSTS",
    "COLUMNS",
    "NOTHING",
    "SKIP_AFTER",
    "Counting",
    "Dimensions",
    "Fold",
    "Key",
    "Look",
    "Tick",
    "columns",
]
