"""Entities as other models name them, put into our own types and order."""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.component import Span

TYPES = ("PER", "ORG", "LOC", "PRODUCT", "EVENT", "OTHER")
_NAMES = {
    "PERSON": "PER",
    "ORGANIZATION": "ORG",
    "ORGANISATION": "ORG",
    "CORPORATION": "ORG",
    "GROUP": "ORG",
    "LOCATION": "LOC",
    "GPE": "LOC",
    "FAC": "LOC",
    "COMMERCIAL_ITEM": "PRODUCT",
}
_QUANTITIES = frozenset({"DATE", "TIME", "QUANTITY", "MONEY", "PERCENT", "CARDINAL", "ORDINAL"})


def span_type(name: str) -> str | None:
    """The type that a model calls `name`; None for what names nobody and nothing, such as a date.

    >>> span_type("ORGANIZATION"), span_type("misc"), span_type("DATE")
    ('ORG', 'OTHER', None)
    """
    upper = name.upper()
    if upper in _QUANTITIES:
        return None
    known = _NAMES.get(upper, upper)
    return known if known in TYPES else "OTHER"


def in_order(spans: Iterable[Span]) -> list[Span]:
    """From left to right; where two overlap the one that begins first stays, the longer of two that begin together.

    >>> in_order([Span("ORG", 4, 9), Span("PER", 0, 5), Span("PER", 0, 3)])
    [Span(type='PER', start=0, end=5)]
    """
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if span.start < span.end and (not kept or span.start >= kept[-1].end):
            kept.append(span)
    return kept
