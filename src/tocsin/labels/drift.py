"""Whether a stream has become another one since its thresholds were learned.

The population stability index compares how many posts fall between the deciles that the scores had then (Siddiqi 2006,
Credit Risk Scorecards). By chance alone it is about 9 (1/n + 1/m) with ten bins (Yurdakul 2018, Western Michigan
University), a hundredth for a thousand posts; real streams vary more from hour to hour, which `MOVED` allows for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MOVED = 0.25
"""From here on the stream is another one; docs/reference/labels.md has the simulation."""
LEAST_POSTS = 500
"""Fewer recent posts are not judged."""


Spread = tuple[tuple[float, float], ...]
"""Ascending scores, and the share of the posts that score so much at most."""


def deciles(scores: npt.NDArray[np.float32]) -> Spread:
    """The scores that cut the posts into ten parts, as equal as they can be."""
    ranked = np.sort(scores.astype(np.float64))
    edges = np.unique(np.quantile(ranked, np.arange(1, 10) / 10, method="lower"))
    shares = np.searchsorted(ranked, edges, side="right") / len(ranked)
    return tuple(zip(edges.tolist(), shares.tolist(), strict=True))


def stability_index(then: Spread, recent: npt.NDArray[np.float32]) -> float:
    """0 where recent scores are spread as they were then; above MOVED the stream has changed."""
    edges = np.array([edge for edge, _ in then])
    expected = np.diff([0.0, *(share for _, share in then), 1.0])
    places = np.searchsorted(edges, recent.astype(np.float64), side="left")
    counted = np.bincount(places, minlength=len(edges) + 1)
    before, now = (np.maximum(share, 0.5 / len(recent)) for share in (expected, counted / len(recent)))
    return float(((now - before) * np.log(now / before)).sum())
