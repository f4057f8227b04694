"""A message as every channel tells it: the first line stands alone, then why, figures, posts, actions.

Nothing in it is markup: each channel escapes what it shows. All of it is one line each, without control characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.model import Alert, Digest, Incident
from tocsin.model import Message as Told
from tocsin.text import clean, one_line, safe_url, truncate
from tocsin.wording import described, lasting, rarity, span, usual

FIRST_LINE = 140
ACTIONS = {
    "ack": "Acknowledge",
    "snooze": "Snooze",
    "useful": "Useful",
    "not_useful": "Not useful",
    "planned": "It was planned",
}
PAGE = "show"
DATE = "%d %b %H:%M UTC"

Link = Callable[[str, str], str | None]


@dataclass(frozen=True)
class Quote:
    """A post to read. `by` is "@handle" or empty; `copies` counts it too."""

    at: str
    by: str
    text: str
    url: str | None
    copies: int


@dataclass(frozen=True)
class Message:
    """What a channel shows. `title` is the first line; `lines` are incidents told with it, or those of a digest."""

    key: str
    event: str
    title: str
    severity: int
    why: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    slices: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    posts: tuple[Quote, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    page: str | None = None
    sql: str = ""
    footer: str = ""
    chart: Mapping[str, Any] | None = None
    start: datetime | None = None
    incident: str = ""

    @property
    def word(self) -> str:
        """The severity in a word."""
        return next(word for least, word in ((85, "critical"), (60, "high"), (0, "notable")) if self.severity >= least)


def of(told: Told, link: Link = lambda incident, action: None) -> Message:
    """The message of an alert or a digest. `link` gives the URLs of pages and actions, where there are any."""
    return _of_digest(told, link) if isinstance(told, Digest) else _of_alert(told, link)


def _of_alert(alert: Alert, link: Link) -> Message:
    incident, why = alert.incident, alert.incident.explanation
    over = alert.event in {"resolved", "expired"}
    found = [(name, link(incident.id, action)) for action, name in ACTIONS.items()]
    return Message(
        key=alert.key,
        event=alert.event,
        title=_title(alert),
        severity=incident.severity,
        why="" if over else _line(why.get("why") or ""),
        facts=tuple(_facts(incident, over=over)),
        slices=() if over else tuple(_slice(part) for part in why.get("slices", ()) if part.get("dimension") != "rest"),
        lines=tuple(_line(other.headline) for other in alert.also),
        posts=() if over else tuple(_quotes(why)),
        actions=tuple((name, url) for name, url in found if url and not over),
        page=link(incident.id, PAGE),
        sql=_line(incident.sql),
        footer=f"{_line(incident.policy)} · {incident.id} · {alert.key}",
        chart=why.get("chart"),
        start=incident.start,
        incident=incident.id,
    )


def _title(alert: Alert) -> str:
    incident = alert.incident
    headline = _line(incident.headline)
    if alert.event == "escalated":
        return truncate(f"Worse: {headline}", FIRST_LINE)
    if alert.event == "resolved":
        return truncate(f"Over: {headline}", FIRST_LINE)
    if alert.event == "expired":
        return truncate(f"New normal: {headline}", FIRST_LINE)
    if alert.event == "test":
        return truncate(f"Test: {headline}", FIRST_LINE)
    more = f" (and {len(alert.also)} more)" if alert.also else ""
    return truncate(headline, FIRST_LINE - len(more)) + more


def _facts(incident: Incident, *, over: bool) -> Iterator[tuple[str, str]]:
    low, high = usual(incident.low, incident.high)
    if over:
        yield "peak", f"{incident.peak:g} in {span(max(incident.scale, 60))}"
        if incident.end is not None:
            lasted = (incident.end - incident.start).total_seconds()
            yield "lasted", f"{lasting(lasted)}, to {incident.end:{DATE}}"
        if incident.total_excess is not None:
            yield "in all", f"{incident.total_excess:+.0f} against what was expected"
        return
    yield (
        "seen",
        f"{incident.observed:g} in {span(max(incident.scale, 60))}, expected {incident.expected:g} ({low} to {high})",
    )
    if incident.score >= 1:
        yield "how rare", rarity(incident.score)
    why = incident.explanation
    voices = why.get("voices")
    if voices and voices.get("posts"):
        yield "voices", f"{voices['authors']} authors, {voices['texts']} different texts"
    if why.get("phrases"):
        yield "new words", ", ".join(_line(_phrase(one)) for one in why["phrases"][:5])
    if why.get("last_week") is not None:
        yield "a week ago", f"{why['last_week']}"
    share = (why.get("coverage") or {}).get("share")
    if share is not None and share < 0.995:
        yield "coverage", f"{share:.0%} of the window was seen"


def _phrase(one: Any) -> str:
    return str(one["phrase"]) if isinstance(one, Mapping) else str(one)


def _slice(part: Mapping[str, Any]) -> str:
    return f"{part.get('share', 0):.0f} %  {_line(described(part))}"


def _quotes(why: Mapping[str, Any]) -> Iterator[Quote]:
    for post in why.get("posts", ())[:5]:
        url = post.get("url")
        yield Quote(
            at=str(post.get("at") or "")[11:16],
            by=f"@{_line(post['author'])}" if post.get("author") else "",
            text=_line(post.get("text") or ""),
            url=safe_url(url) if url else None,
            copies=int(post.get("copies") or 1),
        )


def _of_digest(digest: Digest, link: Link) -> Message:
    worst = max((one.severity for one in digest.incidents), default=0)
    told = sum(one.told for one in digest.incidents)
    count = f"{len(digest.incidents)} incident{'' if len(digest.incidents) == 1 else 's'}"
    first = f": {digest.incidents[0].headline}" if digest.incidents else ""
    facts = [("from", f"{_date(digest.since)} to {_date(digest.until)}")]
    if digest.promised is not None:
        facts.append(("alerts", f"{digest.told}, where the budget allows {digest.promised:g}"))
    if digest.coverage is not None:
        facts.append(("coverage", f"{digest.coverage:.0%} of the expected stream was seen"))
    return Message(
        key=digest.key,
        event="digest",
        title=truncate(_line(f"{digest.period.capitalize()} digest: {count}, {told} told{first}"), FIRST_LINE),
        severity=worst,
        facts=tuple(facts),
        lines=tuple(_entry(one, link) for one in digest.incidents),
        footer=digest.key,
    )


def _entry(incident: Incident, link: Link) -> str:
    state = incident.state if incident.told else f"{incident.state}, not told"
    return f"{incident.detected_at:%d %b %H:%M}  {_line(incident.headline)}  ({state})"


def _date(time: datetime) -> str:
    return f"{time:{DATE}}"


def _line(text: str) -> str:
    return one_line(clean(text)).strip()
