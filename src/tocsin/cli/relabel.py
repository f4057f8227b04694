"""Label the posts in the lake anew, after categories were added or edited or `tocsin label` was answered.

Thresholds are learned anew, series are counted anew, incidents stay as they are. It can be stopped at any time and
goes on where it was. A run does the same by itself in the background, once it was started with the new config.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin import text
from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, print_json

if TYPE_CHECKING:
    from tocsin.runners.preview import Difference, Example, Preview

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", metavar="TIME", help="Only posts since then (UTC); older ones stay.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Also sentiment, entities, phrases, language and watches.")]


def command(
    dry_run: DryRunOption = False,
    since: SinceOption = None,
    everything: AllOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    from datetime import UTC

    from tocsin.runners.assemble import Assembly
    from tocsin.runners.preview import preview
    from tocsin.runners.relabel import relabel

    assembly = Assembly(existing(config, data_dir))
    moment = None if since is None else since.replace(tzinfo=since.tzinfo or UTC)
    with _bar("Comparing" if dry_run else "Labelling") as progress:
        found = (
            preview(assembly, since=moment, progress=progress)
            if dry_run
            else relabel(assembly, since=moment, everything=everything, progress=progress)
        )
    if json:
        print_json(found)
    elif dry_run:
        _print(found)  # type: ignore[arg-type]
    else:
        typer.echo(_summary(found))


def _summary(report: object) -> str:
    from tocsin.runners.relabel import Report

    assert isinstance(report, Report)
    left = f" {report.left:,} could not be labelled and keep theirs." if report.left else ""
    return f"Looked at {report.posts:,} posts; {report.changed:,} are in other categories now.{left}"


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print(found: Preview) -> None:
    typer.echo(f"{found.changed:,} of {found.posts:,} posts would be in other categories.")
    for difference in found.categories:
        if difference.before or difference.after:
            _print_one(difference)


def _print_one(difference: Difference) -> None:
    name = text.one_line(difference.category)
    typer.echo(f"{name}: {difference.before:,} before, {difference.after:,} after")
    for verb, count, flows, examples in (
        ("wins", difference.won, difference.won_from, difference.won_examples),
        ("loses", difference.lost, difference.lost_to, difference.lost_examples),
    ):
        if count:
            others = ", ".join(f"{text.one_line(of)} {n:,}" for of, n in sorted(flows.items(), key=lambda f: -f[1])[:3])
            typer.echo(f"  {verb} {count:,} ({'from' if verb == 'wins' else 'to'} {others})")
            for example in examples:
                typer.echo(f"    {_shown(example)}")


def _shown(example: Example) -> str:
    return f"{example.uid}: {text.one_line(example.text, 120)}"
