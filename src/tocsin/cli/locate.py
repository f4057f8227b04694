"""Say where the places are that people write, such as "nyc" or "Leeds, West Yorkshire".

Give one TEXT or several, or --input FILE for many: one JSON object a text, in their order. `null` means that there is
no place, or none that is sure enough. Your own places come from the config (-c, or tocsin.yaml). Nobody is asked over
the network.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from tocsin.cli._common import ConfigOption
from tocsin.cli._texts import ColumnOption, InputOption, JsonOption, batches, config_of, write_lines

if TYPE_CHECKING:
    from tocsin.enrichers._place_lookup import Lookup
    from tocsin.model import Place

BATCH = 5000

TextsArgument = Annotated[list[str] | None, typer.Argument(metavar="[TEXT]...", help="What people wrote.")]
ExplainOption = Annotated[bool, typer.Option("--explain", help="Also what else it may be, how probably, and why.")]


_AS_TEXT = "\0"
"""Stands before an argument that is no option. No program is ever given one with it."""


class _Command(TyperCommand):
    """Takes what begins like a number below zero for a text."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [re.sub(r"^(?=-[\d.])", _AS_TEXT, argument) for argument in args])


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(cls=_Command)
def command(
    text: TextsArgument = None,
    source: InputOption = None,
    column: ColumnOption = "text",
    explain: ExplainOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    from tocsin.runners import places

    lookup = places.lookup(config_of(config))
    texts = [one.removeprefix(_AS_TEXT) for one in text or []]
    found = _answers(lookup, texts, source, column, explain=explain)
    if json or source is not None or not on_a_terminal():
        write_lines(found)
        return
    from tocsin.cli._place_text import located

    for answer in found:
        typer.echo(located(answer), nl=False)
    typer.echo(lookup.gazetteer.attribution)


def on_a_terminal() -> bool:
    return sys.stdout.isatty()


def _answers(
    lookup: Lookup, texts: list[str], source: str | None, column: str, *, explain: bool
) -> Iterator[dict[str, Any]]:
    from tocsin.text import storable

    for rows in batches(texts, source, column, BATCH):
        clean = [replace(row, text=storable(row.text)) for row in rows]
        found = iter(lookup.stated([row.text for row in clean if row.error is None]))
        for row in clean:
            if row.error is not None:
                yield {"text": None, "error": row.error}
                continue
            answer = {"text": row.text, "place": _plain(next(found))}
            yield answer | {"readings": _readings(lookup, row.text)} if explain else answer


def _plain(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    fields = ("name", "level", "country", "lat", "lon", "confidence", "origin")
    return {name: getattr(place, name) for name in fields}


def _readings(lookup: Lookup, text: str) -> list[dict[str, Any]]:
    from tocsin.cli._place_text import LEAST, MOST, weightiest

    readings = lookup.gazetteer.readings(text, MOST)
    return [
        {
            "words": reading.words,
            "probability": reading.place.confidence,
            "place": {name: getattr(reading.place, name) for name in ("name", "level", "country", "lat", "lon")}
            | {"area": reading.area},
            "reasons": weightiest(reading.reasons),
        }
        for number, reading in enumerate(readings)
        if not number or (reading.place.confidence or 0.0) >= LEAST
    ]
