"""What each source brings, and whether it can be relied on: last post, posts against what is usual, gaps.

Reads only; a run may be going on. Times are event time. What is usual follows the source's own rhythm of day and week.
`tocsin sources try NAME` opens one for a moment, and keeps nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tocsin.cli._common import (
    ConfigOption,
    DataDirOption,
    JsonOption,
    existing,
    open_lake,
    open_state,
    print_json,
    read_config,
)
from tocsin.errors import ConfigError, TocsinError, Transient
from tocsin.model import Batch, Post
from tocsin.text import clean, one_line

if TYPE_CHECKING:
    from tocsin.config import Config

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name in the config.")]
SecondsOption = Annotated[float, typer.Option("--seconds", min=0.1, max=3600, help="How long.")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="Add and take away rules at the platform.")]
UNKNOWN = "unknown"
STREAMS = """
WITH heard AS (SELECT source, coalesce(stream, 'unknown') AS stream, max(event_time) AS last
               FROM events WHERE kind = 'post' GROUP BY ALL),
     hours AS (SELECT source, stream, max_by(arrived, start) AS arrived, max_by(expected, start) AS expected,
                      max_by(state, start) AS state,
                      avg(seen) FILTER (start > newest - INTERVAL 1 DAY) AS day,
                      avg(seen) FILTER (start > newest - INTERVAL 7 DAY) AS week
               FROM coverage, (SELECT max(start) AS newest FROM coverage) GROUP BY ALL)
SELECT source, stream, last, arrived, expected, state, day, week
FROM heard FULL JOIN hours USING (source, stream) ORDER BY 1, 2
"""


class Stream(msgspec.Struct, frozen=True):
    """One stream. `arrived` and `usual` are of the last hour that is over; `seen_day` and `seen_week` are shares."""

    source: str
    stream: str | None
    state: str
    last_post: datetime | None
    arrived: int | None
    usual: float | None
    seen_day: float | None
    seen_week: float | None
    blind_since: datetime | None


@app.callback()
def _by_default(
    context: typer.Context, config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False
) -> None:
    if context.invoked_subcommand is None:
        show_all(config, data_dir, json)


@app.command("list")
def show_all(config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """What each source brings; the same as without a word."""
    found = _streams(existing(config, data_dir))
    if json:
        print_json(found)
        return
    if not found:
        typer.echo("No sources: add a block to `sources:`.")
    for one in found:
        typer.echo(clean(_line(one)).replace("\n", " "))


@app.command("try")
def listen(
    name: NameArgument, seconds: SecondsOption = 10.0, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Open a source as a run would, show what comes, keep nothing."""
    from tocsin.clock import SystemClock
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.listen import listen

    assembly = Assembly(read_config(config), SystemClock())
    heard = asyncio.run(listen(assembly, name, seconds, (lambda _: None) if json else _tell))
    if json:
        print_json(heard)
        return
    first = "nothing came" if heard.first is None else f"the first after {heard.first:.1f} s"
    lag = "" if heard.lag is None else f", {heard.lag:.1f} s after they were written"
    said = f"{heard.posts} posts in {seconds:g} s ({first}{lag}), {heard.deletes} deletes, {heard.gaps} gaps"
    typer.echo(f"{said}, {heard.dead} dead letters, {heard.faults} faults. Nothing was kept.")


@app.command("rules")
def rules(
    name: NameArgument, apply: ApplyOption = False, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """What a platform filters by (X), beside what the watches ask for. Changes nothing without --apply.

    The platform is asked whether it would take the rules. A run applies them by itself; rules of others stay.
    """
    from tocsin.capabilities import Filtered
    from tocsin.clock import SystemClock
    from tocsin.runners.assemble import Assembly

    source = Assembly(read_config(config), SystemClock()).source(name)
    if not isinstance(source, Filtered):
        raise ConfigError(f"the source '{name}' keeps no rules at its platform", hint="it is filtered here")
    found = asyncio.run(source.rules(apply=apply))
    if json:
        print_json(found)
        return
    for sign, some in (("+", found.add), ("-", found.remove), ("=", found.keep)):
        for text, tag in some:
            typer.echo(one_line(f"{sign} {text} ({tag})", 1200))
    todo = len(found.add) + len(found.remove)
    what = "done" if apply else "add --apply, or let a run do it"
    said = f"{len(found.add)} to add, {len(found.remove)} to take away: {what}" if todo else "Nothing to do"
    typer.echo(f"{said}. {len(found.keep)} stay; {found.foreign} of others are not touched.")


def _tell(what: Batch | Transient) -> None:
    """A line for each post that came, dead letter and fault."""
    if isinstance(what, TocsinError):
        typer.echo(clean(f"! {what}"), err=True)
        return
    for event in what.events:
        if isinstance(event, Post):
            typer.echo(one_line(f"{event.received_at:%H:%M:%S}  {event.uid.partition(':')[0]}  {event.text}", 160))
    for letter in what.dead:
        typer.echo(one_line(f"! {letter.place}: {letter.reason}", 160), err=True)


def _streams(config: Config) -> list[Stream]:
    from tocsin.alerts.blindness import POLICY
    from tocsin.sql import query

    with closing(open_lake(config)) as lake, closing(open_state(config)) as state:
        rows = query(STREAMS, lake.snapshot, state.tables()).rows.to_pylist()
        blind = {
            one.series["source"]: one.start for one in state.incidents() if one.policy == POLICY and one.state == "open"
        }
    known = [_stream(row, blind.get(row["source"])) for row in rows]
    silent = [name for name in config.sources if name not in {row["source"] for row in rows}]
    return [*known, *(Stream(name, None, "never heard", None, None, None, None, None, None) for name in silent)]


def _stream(row: dict[str, Any], blind: datetime | None) -> Stream:
    state = "blind" if blind else row["state"] or "learning"
    usual, day, week = (
        None if row[name] is None else round(float(row[name]), 4) for name in ("expected", "day", "week")
    )
    return Stream(row["source"], row["stream"], state, row["last"], row["arrived"], usual, day, week, blind)


def _line(one: Stream) -> str:
    name = one.source if one.stream in {None, UNKNOWN, one.source} else f"{one.source} / {one.stream}"
    parts = [f"{name:24}", f"{one.state:11}"]
    if one.blind_since is not None:
        parts.append(f"since {one.blind_since:%Y-%m-%d %H:%M}")
    if one.last_post is not None:
        parts.append(f"last post {one.last_post:%Y-%m-%d %H:%M}")
    if one.arrived is not None:
        usual = "" if one.usual is None else f", usually {one.usual:.0f}"
        parts.append(f"{one.arrived:,} in the last hour{usual}")
    if one.seen_day is not None and one.seen_week is not None:
        parts.append(f"seen {one.seen_day:.1%} of a day, {one.seen_week:.1%} of a week")
    return "  ".join(parts)
