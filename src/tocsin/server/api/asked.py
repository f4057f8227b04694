"""What a request asks for, understood: times, numbers, and the filters that all panels of posts share."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.requests import Request

from tocsin.rules import Rule, RuleError, parse
from tocsin.search import Filters, Index
from tocsin.search.fields import VALUES
from tocsin.server.api.answers import Wrong
from tocsin.server.app import Site

DAY = 86_400
LONGEST = 3650 * DAY
AT_REST = 7 * DAY
"""A lake whose newest post is so old is an archive: its newest post is "now"."""
MOST_VALUES = 50

TIMES = {
    "start": "ISO 8601, or seconds back from now, like -86400. Default: a day before the end.",
    "end": "The same. Default: now; for an archive, its newest post.",
}
FILTERS = {
    **TIMES,
    **{kind: f"Only posts with this {kind}; several by repeating it." for kind in VALUES},
    "match": "Only posts that match this rule of the watch language.",
}
"""What every panel of posts may be asked."""


def index_of(site: Site) -> Index:
    if site.index is None:
        raise Wrong("there is no index of posts here", 404)
    return site.index()


def horizon(site: Site) -> int:
    """The present (Unix seconds): the clock's, or, for an archive, just after its newest post."""
    now = int(site.clock.now().timestamp())
    newest = [] if site.index is None else site.index().newest(Filters(), 1)
    if newest and newest[0].time < now - AT_REST:
        return int(newest[0].time) + 1
    return now


def filters(site: Site, request: Request) -> Filters:
    """Raises Wrong."""
    asked = request.query_params
    since, until = stretch(request, horizon(site))
    values = {kind: tuple(asked.getlist(kind)) for kind in VALUES if kind in asked}
    if any(len(some) > MOST_VALUES for some in values.values()):
        raise Wrong(f"a filter has {MOST_VALUES} values at most")
    return Filters(since, until, values, _rule(asked.get("match", "")))


def _rule(text: str) -> Rule | None:
    if not text.strip():
        return None
    try:
        return parse(text)
    except RuleError as error:
        raise Wrong(f"match: {error}") from None


def stretch(request: Request, now: int) -> tuple[int, int]:
    """Start and end (Unix seconds). Raises Wrong."""
    asked = request.query_params
    until = moment(asked.get("end"), now, now)
    since = moment(asked.get("start"), now, until - DAY)
    if not 0 < until - since <= LONGEST:
        raise Wrong("start must be before end, by ten years at most")
    return since, until


def moment(text: str | None, now: int, default: int) -> int:
    """Unix seconds of a time in ISO 8601, or of so many seconds before now. Raises Wrong."""
    if text is None:
        return default
    if text.lstrip("-").isdigit():
        return now + int(text[:12])
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Wrong("start and end are times like 2026-03-01T12:00Z, or seconds back like -86400") from None


def whole(request: Request, name: str, default: int, most: int) -> int:
    """A number from 1 to `most`. Raises Wrong."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise Wrong(f"{name} is a number from 1 to {most}")
    return int(text)


def one_of(request: Request, name: str, known: tuple[str, ...], default: str) -> str:
    """One of the values known. Raises Wrong."""
    text = request.query_params.get(name, default)
    if text not in known:
        raise Wrong(f"{name} is one of {', '.join(known)}")
    return text
