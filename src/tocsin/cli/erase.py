"""Forget posts: in the queue, the lake, the dead letters, incidents and the log of alerts.

Puts a demand to forget into the queue, and, where no other process runs, carries it out at once. A process that
runs carries it out within a minute; the bytes in files that are no longer used go after two to three hours.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, existing, print_json

UidOption = Annotated[list[str] | None, typer.Option("--uid", metavar="UID", help="A post, e.g. news:123. Repeatable.")]
AuthorOption = Annotated[
    list[str] | None, typer.Option("--author", metavar="SOURCE:ID", help="All posts of an author. Repeatable.")
]


def command(
    uid: UidOption = None,
    author: AuthorOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    json: JsonOption = False,
) -> None:
    from tocsin.model import Delete
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.erase import erase

    deletes = [Delete(source=one.partition(":")[0], uid=one) for one in uid or []]
    for one in author or []:
        source, colon, author_id = one.partition(":")
        if not colon or not author_id:
            raise typer.BadParameter(f"{one} is not SOURCE:ID", param_hint="--author")
        deletes.append(Delete(source=source, author_id=author_id, scope="author"))
    if not deletes:
        raise typer.BadParameter("name a post with --uid or an author with --author")
    report = erase(Assembly(existing(config, data_dir)), deletes)
    if json:
        print_json(report)
    elif report.at_once:
        typer.echo(
            f"Erased {report.rows:,} rows of the lake, {report.letters:,} dead letters, "
            f"and took them out of {report.alerts:,} logged alerts. No copy is left in {report.folder}."
        )
    else:
        typer.echo("Another process runs: it erases them within a minute.")
