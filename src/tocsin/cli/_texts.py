"""Texts from the command line, a CSV or JSON-lines file, or standard input; one answer each, in their order."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from tocsin.errors import ConfigError

if TYPE_CHECKING:
    from tocsin.config import Config
    from tocsin.runners.understand import Understanding

BATCH = 1000
LONGEST_CELL = 2**24

TextArgument = Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What somebody wrote.")]
InputOption = Annotated[
    str | None,
    typer.Option("--input", "-i", metavar="FILE", help="Many texts: CSV with a header, or JSON lines; - is stdin."),
]
ColumnOption = Annotated[str, typer.Option("--column", metavar="NAME", help="The column or key that holds the text.")]
CategoryOption = Annotated[
    list[str] | None,
    typer.Option("--category", metavar="'NAME: DESCRIPTION'", help="A category. Repeatable. Instead of a config's."),
]
SingleOption = Annotated[bool, typer.Option("--single", help="Exactly one category, the best, however low its score.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON lines, also on a terminal.")]


@dataclass(frozen=True)
class Row:
    """One text, or why there is none in this place."""

    text: str
    error: str | None = None


def understanding(config: Path | None, categories: list[str] | None, *, single: bool) -> Understanding:
    """What answers, with the categories of the command line or of the config. Raises ConfigError."""
    from tocsin.runners.understand import Understanding

    return Understanding(config_of(config, categories), single=single)


def config_of(file: Path | None, categories: list[str] | None = None) -> Config:
    """The config of a command that also works without one."""
    from tocsin import config as configs
    from tocsin.cli._common import DEFAULT_CONFIG, read_config

    without = file is None and (categories or not DEFAULT_CONFIG.exists())
    config = configs.Config() if without else read_config(file)
    if not categories:
        return config
    return config.model_copy(update={"categories": _categories(categories)})


def _categories(written: list[str]) -> tuple[Any, ...]:
    from pydantic import ValidationError

    from tocsin.settings import Category

    made: dict[str, Category] = {}
    for text in written:
        name, _, description = (part.strip() for part in text.partition(":"))
        try:
            category = Category(name=name, description=description or None)
        except ValidationError as error:
            raise typer.BadParameter(
                error.errors()[0]["msg"].removeprefix("Value error, "), param_hint="--category"
            ) from None
        if name in made:
            raise typer.BadParameter(f"the name '{name}' is taken", param_hint="--category")
        made[name] = category
    return tuple(made.values())


def answers(who: Understanding, text: str | None, source: str | None, column: str) -> Iterator[dict[str, Any]]:
    """One object for each text. Rows that hold none say why, on stderr too."""
    for rows in batches([] if text is None else [text], source, column):
        found = iter(who.analyze([row.text for row in rows if row.error is None]))
        for row in rows:
            yield {"text": None, "error": row.error} if row.error is not None else next(found)


def batches(texts: list[str], source: str | None, column: str, size: int = BATCH) -> Iterator[list[Row]]:
    """The texts of the command line, or those of a file, so many at once."""
    if bool(texts) == (source is not None):
        raise typer.BadParameter("give a TEXT, or --input FILE", param_hint="TEXT")
    if source is None:
        yield [Row(text) for text in texts]
        return
    from tocsin.cli._common import opened

    with opened(source) as lines:
        rows = _rows(lines, source, column)
        while batch := list(islice(rows, size)):
            yield batch


def _rows(lines: TextIO, source: str, column: str) -> Iterator[Row]:
    first = lines.readline()
    if first.lstrip().startswith("{"):
        yield from _of_json(first, lines, source, column)
    else:
        yield from _of_csv(first, lines, source, column)


def _of_json(first: str, lines: TextIO, source: str, column: str) -> Iterator[Row]:
    number = 0
    line = first
    while line:
        number += 1
        if line.strip():
            yield _told(_of_line(line, column), source, number)
        line = lines.readline()


def _of_line(line: str, column: str) -> Row:
    try:
        value = json.loads(line)
    except ValueError as error:
        return Row("", f"not JSON: {error}")
    if not isinstance(value, dict) or column not in value:
        return Row("", f"has no '{column}'")
    text = value[column]
    return Row(text or "") if text is None or isinstance(text, str) else Row("", f"'{column}' is not text")


def _of_csv(first: str, lines: TextIO, source: str, column: str) -> Iterator[Row]:
    before = csv.field_size_limit(LONGEST_CELL)  # the whole process has one limit
    try:
        yield from _cells(first, lines, source, column)
    finally:
        csv.field_size_limit(before)


def _cells(first: str, lines: TextIO, source: str, column: str) -> Iterator[Row]:
    header = next(csv.reader([first]), [])
    if column not in header:
        names = ", ".join(header[:20]) or "nothing"
        raise ConfigError(
            f"there is no column '{column}', but {names}", file=source, line=1, hint="name one with --column"
        )
    place = header.index(column)
    reader = csv.reader(lines)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _told(Row("", str(error)), source, reader.line_num + 1)
            continue
        if row:
            short = Row("", f"has {len(row)} of {len(header)} columns")
            yield _told(Row(row[place]) if place < len(row) else short, source, reader.line_num + 1)


def _told(row: Row, source: str, line: int) -> Row:
    if row.error is not None:
        from tocsin import text

        typer.echo(f"{source}:{line}: {text.one_line(row.error, 200)}", err=True)
    return row


def tell(found: Iterator[dict[str, Any]], *, pretty: bool) -> None:
    """Print the answers: for a person, with the source of the places if there are any, or as JSON lines."""
    from tocsin.cli._analysis import shown

    if not pretty:
        write_lines(found)
        return
    placed = False
    for answer in found:
        typer.echo(shown(answer), nl=False)
        placed = placed or answer.get("place") is not None
    if placed:
        from tocsin.gazetteer.embedded import Embedded

        typer.echo(Embedded.attribution)


def write_lines(found: Iterator[dict[str, Any]]) -> None:
    """Print the answers as JSON lines."""
    import msgspec

    from tocsin import text

    encode = msgspec.json.Encoder().encode
    for answer in found:
        sys.stdout.write(text.escape_json(encode(answer).decode()) + "\n")
