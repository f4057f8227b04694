"""A backtest as people read it in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tocsin.detectors.volume import STRENGTH
from tocsin.runners.backtest_report import Fired, PolicyResult, Promise, Report, Week
from tocsin.text import clean

WIDTH = 40
"""Characters of the longest bar."""
MOST = 40
"""Of more incidents than this, only those that ring are listed."""
MARKS = "* rings   | is told with one that does   · is for the digest"


def render(report: Report) -> str:
    """All of a report. Safe to print, no line forged."""
    return "\n".join(clean(line).replace("\n", " ").rstrip() for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    alerts = sum(promise.alerts for promise in report.promises)
    yield (
        f"{report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC, "
        f"budget {' and '.join(promise.budget for promise in report.promises)}: "
        f"{_number(alerts, 'alert')} of {_number(len(report.incidents), 'incident')}"
    )
    yield ""
    yield from _policies(report.policies)
    yield ""
    yield from _incidents(report)
    for promise in report.promises:
        yield ""
        yield from _promise(promise, report)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as they need: words to the left, figures to the right, as in the last row."""
    columns = [(max(map(len, column)), column[-1][:1].isdigit()) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = zip(others, columns[1:], strict=True)
        figures = [cell.rjust(width) if figure else cell.ljust(width) for cell, (width, figure) in cells]
        yield "  ".join([first.ljust(columns[0][0]), *figures])


def _policies(policies: Sequence[PolicyResult]) -> Iterator[str]:
    head = ("policy", "sensitivity", "feedback", "series", "incidents", "alerts", "a week", "precision")
    yield from _table([head, *(_policy(one) for one in policies)])


def _policy(one: PolicyResult) -> tuple[str, ...]:
    said = one.useful + one.not_useful
    return (
        one.policy,
        one.sensitivity,
        f"{one.factor:.2f}x",
        f"{one.series:,}",
        str(one.incidents),
        str(one.alerts),
        f"{one.alerts_per_week:g}",
        "-" if one.precision is None else f"{one.precision:.0%} of {said}",
    )


def _incidents(report: Report) -> Iterator[str]:
    if not report.incidents:
        yield "Nothing would have opened."
        return
    ordered = sorted(report.incidents, key=lambda one: (one.detected_at, one.part_of is not None))
    shown = [one for one in ordered if one.told or len(ordered) <= MOST]
    yield "   detected          severity  worst      lasted"
    yield from (_incident(one, {*report.added}) for one in shown)
    if len(shown) < len(ordered):
        yield f"   and {len(ordered) - len(shown):,} for the digest; --json has them all"
    yield MARKS + ("   + did not ring in the live run" if report.added else "")
    if report.falls_away:
        yield f"Rang in the live run, and would not: {', '.join(report.falls_away)}"


def _incident(one: Fired, added: set[str]) -> str:
    new = "+" if one.id in added else " "
    bell = "·" if not one.told else "|" if one.part_of else "*"
    lasted = "still open" if one.end is None else _length((one.end - one.detected_at).total_seconds())
    said = f"  [{one.feedback.replace('_', ' ')}]" if one.feedback else ""
    return (
        f"{new}{bell} {one.detected_at:%Y-%m-%d %H:%M}  {one.severity:8d}  {one.worst:4.2f}x  {lasted:>10s}  "
        f"{one.headline}{said}"
    )


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _promise(promise: Promise, report: Report) -> Iterator[str]:
    of = f" ({', '.join(promise.policies)})" if len(report.promises) > 1 else ""
    yield f"Budget {promise.budget}{of}"
    live = bool(report.falls_away) or any(one.now for one in report.incidents)
    columns = 5 if live else 4
    head = ("week from", "promised", "alerts", "incidents", "rang live")
    yield from _table([row[:columns] for row in (head, *map(_week, promise.weeks))])
    if promise.whole_weeks:
        kept = round(promise.weeks_kept * promise.whole_weeks)
        yield f"At most 1.25 times the promise in {kept} of {_number(promise.whole_weeks, 'whole week')}."
    yield ""
    yield "Alerts a week without it, by threshold:"
    most = max((point.alerts_per_week for point in promise.curve), default=0) or 1
    for point in promise.curve:
        bar = "#" * round(WIDTH * point.alerts_per_week / most)
        holds = "kept" if point.factor >= promise.holds_at else ""
        yield f"{point.factor:6g}x {point.alerts_per_week:7g}  {holds:4s}  {bar}"
    own = {one.sensitivity for one in report.policies if one.policy in promise.policies}
    yield _holds(promise) + _in_words(own)


def _week(one: Week) -> tuple[str, ...]:
    return f"{one.start:%Y-%m-%d}", f"{one.promised:g}", str(one.alerts), str(one.incidents), str(one.rang)


def _holds(promise: Promise) -> str:
    if promise.holds_at == 1:
        return f"{promise.budget} holds without raising the threshold."
    return f"{promise.budget} holds by the threshold alone from {promise.holds_at:g}x on."


def _in_words(own: set[str]) -> str:
    """What x1 is, and where the stricter sensitivities lie."""
    if len(own) > 1:
        return " 1x is each policy's own sensitivity."
    (one,) = own
    stricter = [
        f"{name} about {STRENGTH[name] / STRENGTH[one]:.2f}x" for name in STRENGTH if STRENGTH[name] > STRENGTH[one]
    ]
    return f" 1x is {', '.join([one, *stricter])}."
