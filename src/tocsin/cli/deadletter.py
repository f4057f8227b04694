"""See what could not be used, with the reason, and try it again.

A dead letter of the stage `process` is a whole event: `replay` puts it back into the queue. One of the stage
`ingest` is what a source could not read: it has to be put right where it came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tocsin import text
from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, group, open_queue, print_json
from tocsin.errors import Permanent
from tocsin.model import Batch, DeadLetter, decoder

if TYPE_CHECKING:
    from tocsin.component import Queue

app = group()

Numbers = Annotated[list[int], typer.Argument(metavar="NUMBER...", help="The numbers that `list` shows.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The number that `list` shows.")]


@app.command("list")
def show_all(config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """All dead letters, oldest first: number, time, stage, source, place, reason."""
    queue = _queue(config, data_dir)
    letters = list(queue.dead_letters())
    if json:
        print_json([_plain(number, letter) for number, letter in letters])
        return
    for number, letter in letters:
        at = letter.at.strftime("%Y-%m-%d %H:%M:%S") if letter.at else "-"
        words = (f"{number:>6}", at, f"{letter.stage:<7}", letter.source, letter.place or "-", letter.reason)
        typer.echo("  ".join(text.clean(word).replace("\n", " ") for word in words))
    if not letters:
        typer.echo("no dead letters")


@app.command()
def show(number: Number, config: ConfigOption = None, data_dir: DataDirOption = None, json: JsonOption = False) -> None:
    """One dead letter with its whole body."""
    letter = _letter(_queue(config, data_dir), number)
    plain = _plain(number, letter)
    if json:
        print_json(plain)
        return
    for name, value in plain.items():
        if name != "body":
            typer.echo(f"{name:<7} {text.one_line(str(value))}")
    typer.echo(f"\n{text.clean(plain['body'])}")


@app.command()
def replay(numbers: Numbers, config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Put events back into the queue, at its end."""
    queue = _queue(config, data_dir)
    letters = {number: _letter(queue, number) for number in numbers}
    batches = {number: _batch(number, letter) for number, letter in letters.items()}
    for number, batch in batches.items():
        queue.put(letters[number].source, batch)
        queue.forget([number])
    typer.echo(f"{len(batches)} put back into the queue")


@app.command()
def drop(numbers: Numbers, config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Delete dead letters for good."""
    queue = _queue(config, data_dir)
    for number in numbers:
        _letter(queue, number)
    typer.echo(f"{queue.forget(numbers)} deleted")


def _queue(config: Path | None, data_dir: Path | None) -> Queue:
    return open_queue(existing(config, data_dir))


def _letter(queue: Queue, number: int) -> DeadLetter:
    for found, letter in queue.dead_letters():
        if found == number:
            return letter
    raise Permanent(f"there is no dead letter {number}: `tocsin deadletter list` shows them")


def _plain(number: int, letter: DeadLetter) -> dict[str, Any]:
    fields = {name: getattr(letter, name) for name in ("at", "stage", "source", "place", "reason")}
    return {"number": number, **fields, "body": letter.body.decode("utf-8", "backslashreplace")}


def _batch(number: int, letter: DeadLetter) -> Batch:
    if letter.stage == "ingest":
        where = letter.place or letter.source
        raise Permanent(
            f"dead letter {number} is no event: put it right in {where}, where it came from, and read it again"
        )
    if letter.stage == "notify":
        raise Permanent(f"dead letter {number} is an alert that could not be sent: `tocsin alerts` shows it")
    try:
        event = decoder.decode(letter.body)
    except msgspec.DecodeError as error:
        raise Permanent(
            f"dead letter {number} is no whole event ({error}): `tocsin deadletter show {number}`"
        ) from None
    return Batch(events=[event])
