"""Say all that is understood of a text: language, categories, sentiment, phrases, entities.

Give one TEXT, or --input FILE for many: one JSON object a text, in their order, the same as a run would keep.
Categories come from the config (-c, or tocsin.yaml) or from --category. `[]` means other: none fits. A row without a
text gives an object with an `error`, so that lines in and lines out stay side by side.
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
    tell(found, pretty=sys.stdout.isatty() and not json and source is None)
