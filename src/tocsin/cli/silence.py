"""Say nothing of some incidents for a while: they are kept and shown, and told of when the silence is over.

A matcher is name=value, name!=value, name=~regex or name!~regex; names are watch, category, source, policy, direction,
severity (warning, critical) and whatever else the series have. All must hold.
"""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, group, print_json, user
from tocsin.errors import Permanent

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.silences import Silence
    from tocsin.state import State

app = group()

Matchers = Annotated[list[str], typer.Argument(metavar="MATCHER...", help="Like category=outage or watch=~acme.*")]
LengthOption = Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long.")]
CommentOption = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who does it. [default: this user]")]
AllOption = Annotated[bool, typer.Option("--all", help="Also those that are over.")]


@app.command()
def add(
    matchers: Matchers,
    length: LengthOption = "1h",
    comment: CommentOption = "",
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    by: ByOption = None,
) -> None:
    """Silence incidents from now on."""
    from tocsin.clock import SystemClock
    from tocsin.options import parse_duration
    from tocsin.silences import Matcher, Silence

    try:
        wait = parse_duration(length)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
    now = SystemClock().now()
    parsed = tuple(Matcher.parse(text) for text in matchers)
    ends = now + timedelta(seconds=wait)
    made = Silence(str(uuid.uuid4()), parsed, now, ends, by or user(), comment, now)
    with closing(_state(config, data_dir)) as state:
        state.silences.put(made)
    typer.echo(f"{made.id}  until {ends:%Y-%m-%d %H:%M} UTC")


@app.command("list")
def list_(
    config: ConfigOption = None, data_dir: DataDirOption = None, every: AllOption = False, json: JsonOption = False
) -> None:
    """What is silenced, until when, by whom and why."""
    from tocsin.clock import SystemClock
    from tocsin.silences import plain
    from tocsin.text import one_line

    now = SystemClock().now()
    with closing(_state(config, data_dir)) as state:
        found = [one for one in state.silences.all() if every or one.state(now) != "expired"]
    if json:
        print_json([plain(one, now) for one in found])
        return
    for one in found:
        what = ", ".join(map(str, one.matchers))
        until = f"{one.state(now):8}until {one.ends_at:%Y-%m-%d %H:%M} UTC"
        typer.echo("  ".join(map(one_line, (one.id, until, what, f"{one.created_by}: {one.comment}"))))
    if not found:
        typer.echo("Nothing is silenced.")


@app.command()
def expire(
    id: Annotated[str, typer.Argument(metavar="ID", help="The silence's id, or the beginning of it.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """End a silence now: what it held back is told."""
    from tocsin.clock import SystemClock

    with closing(_state(config, data_dir)) as state:
        found = _one(state.silences.all(), id)
        state.silences.expire(found, SystemClock().now())
    typer.echo(f"{found.id} has ended.")


def _one(silences: list[Silence], beginning: str) -> Silence:
    found = [one for one in silences if one.id.startswith(beginning)]
    if len(found) != 1:
        what = "no silence" if not found else "more than one silence"
        raise Permanent(f"there is {what} whose id begins with {beginning!r}: `tocsin silence list --all` shows them")
    return found[0]


def _state(config: Path | None, data_dir: Path | None) -> State:
    from tocsin.runners.assemble import Assembly

    assembly = Assembly(existing(config, data_dir))
    assembly.prepare()
    return assembly.state()
