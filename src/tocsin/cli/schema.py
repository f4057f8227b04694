"""Print the JSON schema of the config, for editors.

With --events: of the events that the webhook takes and that the queue holds.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

EventsOption = Annotated[bool, typer.Option("--events", help="The schema of events instead.")]


def command(events: EventsOption = False) -> None:
    from tocsin.schema import config_schema, event_schema

    typer.echo(json.dumps(event_schema() if events else config_schema(), indent=2))
