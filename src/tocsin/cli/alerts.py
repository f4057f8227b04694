"""Incidents: list them, read one, take one on."""

from __future__ import annotations

import getpass
import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, group, print_json
from tocsin.errors import Permanent

if TYPE_CHECKING:
    from tocsin.model import Incident
    from tocsin.state import State

app = group()
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The incident's id, or the beginning of it.")]


@app.command("list")
def list_(config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """All incidents, newest first."""
    from tocsin.text import one_line

    with closing(_state(config, data_dir)) as state:
        found = state.incidents()
    if json:
        print_json(found)
        return
    for incident in found:
        seen = " acked" if incident.acked_at else ""
        typer.echo(
            f"{incident.id}  {incident.detected_at:%Y-%m-%d %H:%M}  {incident.severity:3d}  "
            f"{incident.state + seen:15s} {one_line(incident.headline)}"
        )
    if not found:
        typer.echo("No incidents.")


@app.command()
def show(id: IdArgument, config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """One incident: figures, why, posts, SQL."""
    from tocsin.cli._alert_text import render

    with closing(_state(config, data_dir)) as state:
        incident = _one(state, id)
    if json:
        print_json(incident)
    else:
        typer.echo(render(incident))


@app.command()
def ack(
    id: IdArgument,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    by: Annotated[str | None, typer.Option("--by", help="Who takes it on. [default: this user]")] = None,
    json: JsonOption = False,
) -> None:
    """Say that somebody has seen an incident and takes it on."""
    from tocsin.clock import SystemClock

    with closing(_state(config, data_dir)) as state:
        found = _one(state, id)
        incident = state.acknowledge(found.id, by or _user(), SystemClock().now()) or found
    if json:
        print_json(incident)
    else:
        typer.echo(f"{incident.id} is taken on by {incident.acked_by}.")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may have no name
        return f"user {os.getuid()}"


def _state(config: Path | None, data_dir: Path | None) -> State:
    from tocsin.state import State

    return State(existing(config, data_dir).data_dir / "state.db")


def _one(state: State, id: str) -> Incident:
    found = [incident for incident in state.incidents() if incident.id.startswith(id)]
    if len(found) == 1:
        return found[0]
    what = "is the beginning of several ids" if found else "is no incident"
    raise Permanent(f"{id} {what}: `tocsin alerts list` shows them")
