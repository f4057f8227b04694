"""Write a config to begin with, and its schema for your editor.

Says what it wrote and what to do next; `tocsin check` accepts it as it is.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tocsin.cli._common import DEFAULT_CONFIG, program
from tocsin.cli._templates import render, rule_for
from tocsin.errors import Permanent

SCHEMA = "tocsin.schema.json"


class Kind(StrEnum):
    brand = "brand"
    incident = "incident"
    news = "news"


TemplateOption = Annotated[Kind, typer.Option("--template", help="What it is for.")]
TermOption = Annotated[str, typer.Option("--term", metavar="WORD", help="What to listen for: a name, or a few words.")]
FileOption = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="Where to write it.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]


def command(
    template: TemplateOption = Kind.brand,
    term: TermOption = "acme",
    config: FileOption = DEFAULT_CONFIG,
    force: ForceOption = False,
) -> None:
    from tocsin import rules
    from tocsin.schema import config_schema
    from tocsin.settings import Watch

    try:
        rules.parse(rule_for(term))
        Watch(name=term, match=rule_for(term))
    except ValueError:
        raise typer.BadParameter("a name or a few words, without operators", param_hint="--term") from None
    try:
        with config.open("w" if force else "x", encoding="utf-8") as file:
            file.write(render(template, term))
        schema = config.parent / SCHEMA
        schema.write_text(json.dumps(config_schema(), indent=2) + "\n", encoding="utf-8")
    except FileExistsError:
        raise Permanent(f"{config} is there already: --force writes over it") from None
    option = "" if config == DEFAULT_CONFIG else f" -c {config}"
    typer.echo(f"Wrote {config} and {schema}. Next:")
    typer.echo(f"  {program()} check{option}     reads it over")
    typer.echo(f"  {program()} run{option}       listens to Bluesky; send other posts to http://127.0.0.1:8322/events")
