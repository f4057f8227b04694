"""Say all that is understood of a text: language, categories, sentiment, phrases, entities.

Give one TEXT, or --input FILE for many: one JSON object a text, in their order, the same as a run would keep.
Categories come from the config (-c, or tocsin.yaml) or from --category. `[]` means other: none fits. A row without a
text gives an object with an `error`, so that lines in and lines out stay side by side.
"""

from __future__ import annotations

import sys
from typing import Any

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
        if pretty:
            from tocsin.cli._analysis import shown

            typer.echo(shown(answer), nl=False)
        else:
            print_line(answer)


def print_line(answer: dict[str, Any]) -> None:
    import msgspec

    from tocsin.text import escape_json

    sys.stdout.write(escape_json(msgspec.json.encode(answer).decode()) + "\n")
