"""Compute an alert again from the lake, and compare: the same bytes, or exit 1.

All policies are run over the lake from its first row to the one that opened the incident, or that it last grew
with, and with the config as it is now. Where the config, the model or this program has changed since, it says so.
"""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, print_json

IdArgument = Annotated[str, typer.Argument(metavar="ALERT", help="The incident's id, or the beginning of it.")]


def command(
    id: IdArgument, config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False
) -> None:
    from tocsin.alerts.receipt import changed_since
    from tocsin.cli.alerts import one
    from tocsin.errors import Permanent
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.replay import replay

    assembly = Assembly(existing(config, data_dir))
    with closing(assembly.state()) as state, closing(assembly.lake()) as lake:
        incident = one(state, id)
        stored = state.evidence(incident.id)
        if stored is None or "seq" not in incident.receipt:
            raise Permanent(f"{incident.id} has no receipt: it is of a version of Tocsin that kept none")
        found = replay(assembly, lake, incident, stored)
        changed = changed_since(incident.receipt, assembly.receipt())
    if json:
        print_json({"id": incident.id, "same": found.same, "differs": found.differs, "changed_since": changed})
    elif found.same:
        typer.echo(f"{incident.id}: the same {len(stored):,} bytes, from {incident.receipt['seq']:,} rows of the lake.")
    else:
        typer.echo(f"{incident.id} comes out otherwise: {', '.join(found.differs)}.", err=True)
        for what in changed:
            typer.echo(f"  since then: {what}", err=True)
    if not found.same:
        raise typer.Exit(1)
