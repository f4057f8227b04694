"""See what could not be used, with the reason, and try it again.

A dead letter of the stage `process` is a whole event: `replay` puts it back into the queue. One of the stage `notify`
is an alert: `replay` sends it again, with the same key. One of the stage `ingest` is what a source could not read: it
has to be put right where it came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
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
    from tocsin.config import Config

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
    """Put events back into the queue, at its end, and send alerts again."""
    settings = existing(config, data_dir)
    queue = open_queue(settings)
    letters = {number: _letter(queue, number) for number in numbers}
    alerts = {number: letter for number, letter in letters.items() if letter.stage == "notify"}
    batches = {number: _batch(number, letter) for number, letter in letters.items() if number not in alerts}
    _send_again(settings, alerts)
    queue.forget(list(alerts))
    for number, batch in batches.items():
        queue.put(letters[number].source, batch)
        queue.forget([number])
    if batches or not alerts:
        typer.echo(f"{len(batches)} put back into the queue")
    if alerts:
        typer.echo(f"{len(alerts)} to be sent again")


def _send_again(config: Config, letters: Mapping[int, DeadLetter]) -> None:
    """Wake alerts in the outbox. Raises Permanent, having woken none, where one is not there any more."""
    from tocsin.clock import SystemClock
    from tocsin.runners.assemble import Assembly

    if not letters:
        return
    with closing(Assembly(config).state()) as state:
        rows = {f"{row['key']} to {row['destination']}": row for row in state.outbox()}
        for number, letter in letters.items():
            if letter.place not in rows:
                raise Permanent(f"the alert of dead letter {number} is not in the outbox any more")
        found = [rows[letter.place] for letter in letters.values()]
        dead = [row["number"] for row in found if row["state"] == "dead"]  # others were sent again before
        state.revive(dead, SystemClock().now().timestamp())


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
    try:
        event = decoder.decode(letter.body)
    except msgspec.DecodeError as error:
        raise Permanent(
            f"dead letter {number} is no whole event ({error}): `tocsin deadletter show {number}`"
        ) from None
    return Batch(events=[event])
