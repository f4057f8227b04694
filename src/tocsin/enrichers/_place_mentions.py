"""Places named in posts: entities of the type LOC, with what stands directly behind them after a comma."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.model import Place

MOST = 20
"""So many names of a post are looked up."""
_BEHIND = re.compile(r",[ \n]{0,2}([^\W\d_][\w'’-]*)(?: ([^\W\d_][\w'’-]*))?")


@dataclass(frozen=True)
class Mention:
    """A name, and the same with one and with two words more ("Springfield, Illinois"); `end` is that of the name."""

    forms: tuple[str, ...]
    start: int
    end: int


def mentions(written: Sequence[str], entities: pa.ListArray) -> dict[int, list[Mention]]:
    """The places named in each post that names any, by row, from left to right."""
    rows, spans = pc.list_parent_indices(entities), entities.flatten()
    if not len(spans):
        return {}
    places = pc.equal(pc.struct_field(spans, "type"), "LOC")
    columns = (rows, pc.struct_field(spans, "start"), pc.struct_field(spans, "end"))
    found: dict[int, list[Mention]] = defaultdict(list)
    for row, start, end in zip(*(column.filter(places).to_pylist() for column in columns), strict=True):
        if len(found[row]) < MOST:
            found[row].append(Mention(tuple(_forms(written[row], start, end)), start, end))
    return found


def _forms(text: str, start: int, end: int) -> Iterator[str]:
    yield text[start:end]
    behind = _BEHIND.match(text, end) if text[end : end + 1] == "," else None
    if behind is None or not behind[1][0].isupper():
        return
    yield text[start : behind.end(1)]
    if behind[2] and behind[2][0].isupper():
        yield text[start : behind.end(2)]


def talked_about(named: Sequence[Mention], located: Mapping[str, Place | None]) -> Place | None:
    """The place that a post talks about: the surest that no area named beside it contradicts."""
    resolved = list(_resolved(named, located))
    places = [place for _, place in resolved]
    areas = {place.country for form, place in resolved if place.level in ("region", "country") or "," in form}
    towns = {place.country for place in places if place.level != "country"}
    fitting = [
        place
        for place in places
        if areas <= {place.country} and not (place.level == "country" and place.country in towns)
    ]
    return max(fitting, key=lambda place: place.confidence or 0.0, default=None)


def _resolved(named: Sequence[Mention], located: Mapping[str, Place | None]) -> Iterator[tuple[str, Place]]:
    """The surest form of each name, and its place; what stands behind a comma made it surer, so it is an area.

    A name that is part of the one before is not looked at again.
    """
    upto = 0
    for mention in named:
        if mention.start < upto:
            continue
        forms = [(form, place) for form in mention.forms if (place := located.get(form)) is not None]
        if forms:
            form, place = max(forms, key=lambda one: one[1].confidence or 0.0)
            upto = mention.start + len(form)
            yield form, place
