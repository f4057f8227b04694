"""An incident as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tocsin.model import Incident
from tocsin.text import clean
from tocsin.wording import described, lifted, span, usual


def render(incident: Incident) -> str:
    """All of an incident: figures, why, posts, and the SQL that counts it again. Safe to print, no line forged."""
    return "\n".join(clean(line).replace("\n", " ") for line in _lines(incident))


def _lines(incident: Incident) -> Iterator[str]:
    why = incident.explanation
    yield incident.headline
    low, high = usual(incident.low, incident.high)
    yield (
        f"  {incident.id}   severity {incident.severity} of 100   {incident.state}   "
        f"{incident.start:%Y-%m-%d %H:%M}{_until(incident)} (UTC)"
    )
    yield (
        f"  seen       {incident.observed:g} in {span(incident.scale)}; "
        f"expected {incident.expected:g} ({low} to {high})"
    )
    if why.get("why"):
        yield f"  why        {why['why']}"
    voices = why["voices"]
    yield (
        f"  voices     {voices['authors']} authors, {voices['texts']} different texts, {_copies(voices['copies'])}; "
        f"the busiest four wrote {voices['busiest_four_share']:.0%}"
    )
    for row in why["slices"]:
        yield f"  excess     {row['share']:5.1f} %  {_slice(row)}"
    if why["phrases"]:
        yield "  new words  " + ", ".join(f"{row['phrase']} ({row['authors']})" for row in why["phrases"])
    for name, title in (("entities", "names"), ("places", "places")):
        if why.get(name):
            yield f"  {title:9}  " + ", ".join(
                f"{row['value']} (in {row['share']:g} %, usually {row['usual']:g} %)" for row in why[name]
            )
    if why.get("together"):
        yield "  together   " + ", ".join(
            f"{row['category']} ({row['observed']}, usually {row['usual']:g})" for row in why["together"]
        )
    mood = why.get("sentiment")
    if mood and abs(mood["negative"] - mood["usual_negative"]) >= 5:
        yield f"  mood       {mood['negative']:g} % negative, usually {mood['usual_negative']:g} %"
    yield from _before(why)
    yield f"  coverage   {why['coverage']['share']:.1%} of the window was seen"
    for post in why["posts"]:
        copies = f"  (and {_copies(post['copies'] - 1)})" if post["copies"] > 1 else ""
        yield f"  {post['at'][11:16]}  @{post['author'] or '?'}: {post['text']}{copies}"
    yield f"  SQL        {incident.sql}"


def _before(why: dict[str, Any]) -> Iterator[str]:
    """How many there were at the same time of the day before, and a week ago."""
    known = [(why.get("yesterday"), "a day before"), (why.get("last_week"), "a week before")]
    told = [f"{number} {when}" for number, when in known if number is not None]
    if told:
        yield "  earlier    " + ", ".join(told)


def _until(incident: Incident) -> str:
    if incident.end is None:
        return ", still open"
    return (
        f" to {incident.end:%H:%M}"
        if incident.end.date() == incident.start.date()
        else f" to {incident.end:%d %b %H:%M}"
    )


def _copies(number: int) -> str:
    return "1 copy" if number == 1 else f"{number} copies"


def _slice(row: dict[str, Any]) -> str:
    if row["dimension"] == "rest":
        return "spread evenly" if row["share"] == 100 else "the rest, spread evenly"
    return f"{described(row)}  ({lifted(row['lift'])}, {row['posts']} posts)"
