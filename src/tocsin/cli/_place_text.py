"""Places and what speaks for them, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tocsin import text

MOST = 5
"""Readings of a text that are shown."""
LEAST = 0.001
"""How probable a reading must be to be shown, unless it is the best."""
WEIGHTY = 3
"""Reasons of a reading that are shown."""
_HIDDEN = frozenset({"base"})
_WORDS = {  # where a reason may also speak against a reading, what it is called then stands behind the bar
    "country": "it is a country",
    "first level": "it is a state, province or the like",
    "second level": "it is a county, district or the like",
    "region": "it is a region",
    "town": "it is a town",
    "quarter": "it is a part of a town",
    "locality": "it is a small place",
    "primary": "that is its own name",
    "curated": "that is a well-known short name of it",
    "official": "that is an official name of it",
    "translated": "that is its name in another language",
    "alternate": "that is only another name of it",
    "code": "that is its code",
    "iso code": "that is its ISO code",
    "airport": "that is its airport's code",
    "weak": "that is hardly a name of it",
    "flag": "that is its flag",
    "population of area": "many live there|few live there",
    "population of town": "many live there|few live there",
    "population, supported": "many live there|few live there",
    "in country": "its country is named too",
    "in first level": "its state or province is named too",
    "in second level": "its county or district is named too",
    "in region": "its region is named too",
    "near town": "a town near it is named too",
    "flag agrees": "the flag beside it is its country's",
    "any support": "something else in the text agrees",
    "contradiction": "something else in the text contradicts",
    "share": "large among those of that name|small among those of that name",
    "share, supported": "large among those of that name|small among those of that name",
    "coverage": "its name is much of the text",
    "explained": "much of the text speaks of it",
    "explained fully": "all of the text speaks of it",
    "three letters": "only three letters",
    "two letters": "only two letters",
    "long": "a long name",
    "words": "many words",
    "small letters": "written in small letters",
    "inside longer name": "part of a longer name",
    "denied": "a usual word or joke rather than a place",
    "common word": "a usual word, too",
    "common word, supported": "a usual word, too",
    "common word, small letters": "a usual word in small letters",
    "chatter": "the rest of the text is talk",
    "ordinary words": "usual words around it",
    "ordinary words, supported": "usual words around it",
    "ordinary word beside": "a usual word beside it",
    "unknown word beside": "an unknown word beside it",
    "other script": "its script is not Latin",
    "other script, supported": "its script is not Latin",
    "other script, unknown word beside": "an unknown word beside it",
    "town of its area's name": "the town bears the name of its area",
    "area of its town's name": "the area bears the name of its town",
    "position": "it stands late in the text",
    "later part": "another place stands before it",
    "airport alone": "an airport's code alone",
    "fame of area": "known by many names",
    "fame of town": "known by many names",
    "fame, supported": "known by many names",
    "in the US": "it is in the United States",
    "where English is written": "its people write much in English",
    "area, supported": "its country is named too",
    "strangers": "a large town in the text is not in it",
    "whole segment": "all between two commas",
    "whole segment, supported": "all between two commas",
    "code, US": "its code is in common use",
    "code, where usual": "its code is in common use",
    "foreign name with code": "a foreign name beside a code",
    "here": "the text says that they live there",
    "once": "the text says that they come from there",
    "code after break": "a code behind a name",
    "code in small letters": "a code in small letters",
}  # fmt: skip
_ORIGINS = {"coordinates": "from the coordinates", "text": "named in the text", "profile": "as somebody states it"}


def place_line(place: Mapping[str, Any]) -> str:
    """One line: name, country, level, position, how sure."""
    name = text.one_line(place["name"], 80) if place["name"] else "no name"
    where = f", {place['lat']:.4f} {place['lon']:.4f}" if place["lat"] is not None else ""
    sure = f", {place['confidence']:.2f}" if place["confidence"] is not None else ""
    origin = f", {_ORIGINS[place['origin']]}" if place["origin"] in _ORIGINS else ""
    country = f", {place['country']}" if place["country"] else ""
    return f"{name}{country} ({place['level'] or 'place'}{where}{sure}{origin})"


def located(answer: Mapping[str, Any]) -> str:
    """A text, its place, and under them the readings if there are any."""
    place = answer["place"]
    lines = [f"{text.one_line(answer['text'], 80)}: {place_line(place) if place else 'no place'}"]
    if "readings" in answer:
        lines += _explained(answer)
    return "".join(f"{line}\n" for line in lines)


def _explained(answer: Mapping[str, Any]) -> Iterator[str]:
    place, readings = answer["place"], answer["readings"]
    if not readings:
        given = "the position stands in the text, or is one of your own places" if place else "no part of it is a name"
        yield f"  {given}"
        return
    for reading in readings:
        weighed = ", ".join(f"{sign} {reason}" for sign, reason in reading["reasons"])
        yield f"  {reading['probability']:6.1%}  {text.one_line(reading['words'], 40)} = {_title(reading)}: {weighed}"
    yield f"  {max(0.0, 1 - sum(one['probability'] for one in readings)):6.1%}  something else, or no place"
    if place is None:
        yield "  nothing is given: no reading, and no area that several agree on, is sure enough"


def _title(reading: Mapping[str, Any]) -> str:
    place = reading["place"]
    name = text.one_line(place["name"] or "no name", 60)
    within = [text.one_line(area, 60) for area in (place["area"], place["country"]) if area]
    return f"{', '.join([name, *within])} ({place['level']})"


def weightiest(reasons: Mapping[str, float]) -> list[tuple[str, str]]:
    """The reasons that weigh most, in words, with + for those that speak for the reading and - for the others."""
    told = [(value, name) for name, value in reasons.items() if name not in _HIDDEN and value]
    told.sort(key=lambda one: -abs(one[0]))
    said: dict[str, str] = {}
    for value, name in told:
        words, _, against = _WORDS.get(name, name).partition("|")
        said.setdefault(against if against and value < 0 else words, "+" if value > 0 else "-")
    return [(sign, words) for words, sign in said.items()][:WEIGHTY]
