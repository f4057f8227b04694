"""Say which categories fit a text, with the score of every one.

Give one TEXT, or --input FILE for many: one JSON object a text, in their order. Categories come from the config (-c,
or tocsin.yaml) or from --category. `[]` means other: none fits; --single gives the best one all the same.
"""

from __future__ import annotations

import sys

import typer

from tocsin.cli._common import ConfigOption
from tocsin.cli._texts import (
    CategoryOption,
    ColumnOption,
    InputOption,
    JsonOption,
    SingleOption,
    TextArgument,
    answers,
    understanding,
)  # fmt: skip
from tocsin.cli.analyze import print_line

PART = ("text", "error", "language", "categories", "scores")


def command(
    text: TextArgument = None,
    source: InputOption = None,
    column: ColumnOption = "text",
    category: CategoryOption = None,
    single: SingleOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    pretty = sys.stdout.isatty() and not json and source is None
    for answer in answers(understanding(config, category, single=single), text, source, column):
        part = {name: value for name, value in answer.items() if name in PART}
        if pretty:
            from tocsin.cli._analysis import shown

            typer.echo(shown(part), nl=False)
        else:
            print_line(part)
