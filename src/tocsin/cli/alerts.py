"""Incidents: list them, read one, take one on."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, group, print_json, read_config, user
from tocsin.errors import Permanent

if TYPE_CHECKING:
    from tocsin.model import Incident
    from tocsin.people import Action, Done
    from tocsin.state import State

app = group()
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or the beginning of it.")]


By = Annotated[str | None, typer.Option("--by", help="Who does it. [default: this user]")]


class Standing(StrEnum):
    open = "open"
    resolved = "resolved"
    expired = "expired"


class Feedback(StrEnum):
    useful = "useful"
    not_useful = "not_useful"
    planned = "planned"
    none = "none"


@app.command("list")
def list_(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    state: Annotated[Standing | None, typer.Option("--state", help="Only those in this state.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", metavar="NAME", help="Only those of this policy.")] = None,
    days: Annotated[float | None, typer.Option("--days", min=0, help="Only those of the last days.")] = None,
    json: JsonOption = False,
) -> None:
    """All incidents, newest first. What the budget left to the digest is marked with a dot."""
    from datetime import timedelta

    from tocsin.clock import SystemClock
    from tocsin.text import one_line

    with closing(_state(config, data_dir)) as database:
        found = database.incidents()
    since = None if days is None else SystemClock().now() - timedelta(days=days)
    found = [
        incident
        for incident in found
        if (state is None or incident.state == state.value)
        and (policy is None or incident.policy == policy)
        and (since is None or incident.detected_at >= since)
    ]
    if json:
        print_json(found)
        return
    for incident in found:
        typer.echo(
            f"{incident.id}  {incident.detected_at:%Y-%m-%d %H:%M}  {incident.severity:3d}  "
            f"{_standing(incident):15s} {one_line(incident.headline)}"
        )
    if not found:
        typer.echo("No incidents.")


def _standing(incident: Incident) -> str:
    """Its state, and what people did with it."""
    marks = [incident.state, "acked" if incident.acked_at else "", "snoozed" if incident.snoozed_until else ""]
    told = "" if incident.told else "·"
    return " ".join(mark for mark in marks if mark) + told


@app.command()
def show(id: IdArgument, config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """One incident: figures, why, posts, SQL."""
    from tocsin.cli._alert_text import render

    with closing(_state(config, data_dir)) as state:
        incident = one(state, id)
    if json:
        print_json(incident)
    else:
        typer.echo(render(incident))


@app.command()
def ack(
    id: IdArgument, config: ConfigOption = None, data_dir: DataDirOption = None, by: By = None, json: JsonOption = False
) -> None:
    """Say that somebody has seen an incident and takes it on."""
    _act(config, data_dir, id, "ack", None, by, json=json)


@app.command()
def snooze(
    id: IdArgument,
    length: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long; 0s ends a snooze.")] = "1h",
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    by: By = None,
    json: JsonOption = False,
) -> None:
    """Hear no more of an incident for a while, unless it gets far worse."""
    from tocsin.clock import SystemClock
    from tocsin.options import parse_duration
    from tocsin.people import snooze_end

    try:
        wait = parse_duration(length)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
    if wait:
        _act(config, data_dir, id, "snooze", snooze_end(SystemClock().now(), wait), by, json=json)
    else:
        _act(config, data_dir, id, "unsnooze", None, by, json=json)


@app.command()
def assign(
    id: IdArgument,
    to: Annotated[str, typer.Argument(metavar="WHO", help="Who is to see to it; '' for nobody.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    by: By = None,
    json: JsonOption = False,
) -> None:
    """Say who is to see to an incident."""
    _act(config, data_dir, id, "assign" if to else "unassign", to or None, by, json=json)


@app.command()
def note(
    id: IdArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be known of it.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    by: By = None,
    json: JsonOption = False,
) -> None:
    """Write something down about an incident."""
    _act(config, data_dir, id, "note", text, by, json=json)


@app.command()
def feedback(
    id: IdArgument,
    said: Annotated[Feedback, typer.Argument(metavar="FEEDBACK", help="useful, not_useful, planned, or none.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    by: By = None,
    json: JsonOption = False,
) -> None:
    """Say whether an alert was worth it: that moves the threshold of its policy."""
    if said is Feedback.none:
        _act(config, data_dir, id, "no_feedback", None, by, json=json)
    else:
        _act(config, data_dir, id, "feedback", said.value, by, json=json)


@app.command()
def log(id: IdArgument, config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """What was done with an incident, by whom and when."""
    from tocsin.text import one_line

    with closing(_state(config, data_dir)) as state:
        done = state.done(one(state, id).id)
    if json:
        print_json(done)
        return
    for entry in done:
        typer.echo(f"{entry.at:%Y-%m-%d %H:%M}  {one_line(entry.by)}  {entry.action} {one_line(entry.argument or '')}")
    if not done:
        typer.echo("Nothing was done with it.")


def _act(
    config: Path | None,
    data_dir: Path | None,
    id: str,
    action: Action,
    argument: str | None,
    by: str | None,
    *,
    json: bool,
) -> None:
    from tocsin.clock import SystemClock
    from tocsin.people import Done

    with closing(_state(config, data_dir)) as state:
        found = one(state, id)
        state.did(Done(found.id, action, argument, by or user(), SystemClock().now()))
        incident = state.incident(found.id) or found
        done = state.done(found.id)[-1]
    if json:
        print_json(incident)
    else:
        typer.echo(_said(done))


def _said(done: Done) -> str:
    match done.action:
        case "ack":
            return f"{done.incident} is taken on by {done.by}."
        case "snooze":
            return f"{done.incident} is snoozed until {done.argument}."
        case _:
            return f"{done.incident}: {done.action} {done.argument or ''}".rstrip() + f", by {done.by}."


def _state(config: Path | None, data_dir: Path | None) -> State:
    from tocsin.state import State

    return State(existing(config, data_dir).data_dir / "state.db")


def one(state: State, id: str) -> Incident:
    """The incident whose id begins so. Raises Permanent if there is none, or several."""
    found = [incident for incident in state.incidents() if incident.id.startswith(id)]
    if len(found) == 1:
        return found[0]
    what = "is the beginning of several ids" if found else "is no incident"
    raise Permanent(f"{id} {what}: `tocsin alerts list` shows them")


@app.command("test")
def rehearse(
    destination: Annotated[str, typer.Argument(metavar="DEST", help="The destination's name in the config.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Send a test alert to a destination, now, on the way that real ones take."""
    import asyncio

    from tocsin.errors import ConfigError, TocsinError
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.rehearsal import rehearsal

    assembly = Assembly(read_config(config, data_dir))
    assembly.prepare()
    notifiers = assembly.notifiers()
    if destination not in notifiers:
        known = ", ".join(notifiers)
        raise ConfigError(f"there is no destination {destination!r}; there are {known}", hint="see `destinations:`")
    try:
        asyncio.run(asyncio.wait_for(notifiers[destination].send(rehearsal(assembly.clock.now())), 60))
    except (TocsinError, TimeoutError) as fault:
        raise Permanent(f"{destination} did not take it: {str(fault) or 'no answer within 60 s'}") from None
    typer.echo(f"{destination} took the test alert.")
