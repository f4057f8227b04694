"""Say which categories fit a text, with the score of every one.

Give one TEXT, or --input FILE for many: one JSON object a text, in their order. Categories come from the config (-c,
or tocsin.yaml) or from --category. `[]` means other: none fits; --single gives the best one all the same.
"""

from __future__ import annotations

import sys

from tocsin.cli._common import ConfigOption
from tocsin.cli._texts import (
    CategoryOption,
    ColumnOption,
    InputOption,
    JsonOption,
    SingleOption,
    TextArgument,
    answers,
    tell,
    understanding,
)  # fmt: skip

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
    found = answers(understanding(config, category, single=single), text, source, column)
    part = ({name: value for name, value in answer.items() if name in PART} for answer in found)
    tell(part, pretty=sys.stdout.isatty() and not json and source is None)
