"""Listen, keep, notice and tell: the main job.

Runs until Ctrl-C, or with --until-idle until every finite source is drained and every log is at its end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, read_config

if TYPE_CHECKING:
    from tocsin.config import Config
    from tocsin.runners.local import Serve

SERVE = "serve"

OnlyOption = Annotated[
    str | None, typer.Option("--only", metavar="LOOPS", help="Only these: ingest,process,detect,notify,serve.")
]
IdleOption = Annotated[bool, typer.Option("--until-idle", help="End when there is nothing left to do.")]
LevelOption = Annotated[str, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")]
JsonLogOption = Annotated[bool, typer.Option("--log-json", help="Log JSON lines.")]


def command(
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    only: OnlyOption = None,
    until_idle: IdleOption = False,
    log_level: LevelOption = "info",
    log_json: JsonLogOption = False,
) -> None:
    from tocsin.runners import places
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.local import Runner
    from tocsin.telemetry import configure_logging

    read = read_config(config, data_dir)
    if log_level not in ("debug", "info", "warning", "error"):
        raise typer.BadParameter(f"{log_level} is not one of debug, info, warning, error", param_hint="--log-level")
    places.verify(read)
    configure_logging(log_level, as_json=log_json, redactor=read.redactor)
    loops = _loops(only)
    wanted = SERVE in loops if only is not None else not until_idle
    assembly = Assembly(read)
    runner = Runner(assembly, [loop for loop in loops if loop != SERVE], until_idle=until_idle, serve=_server(wanted))
    asyncio.run(runner.run())
    _summary(read, runner.started_at_seq)
    if runner.failures:
        raise runner.failures[0]


def _server(wanted: bool) -> Serve | None:
    if not wanted:
        return None
    from tocsin.server.serve import serve

    return serve


def _loops(only: str | None) -> tuple[str, ...]:
    from tocsin.runners.local import LOOPS

    if only is None:
        return LOOPS
    wanted = tuple(part.strip() for part in only.split(",") if part.strip())
    for loop in wanted:
        if loop not in (*LOOPS, SERVE):
            raise typer.BadParameter(f"{loop} is not one of {', '.join((*LOOPS, SERVE))}", param_hint="--only")
    if not wanted:
        raise typer.BadParameter(f"name one or more of {', '.join((*LOOPS, SERVE))}", param_hint="--only")
    return wanted


def _summary(config: Config, after_seq: int) -> None:
    """What this run did, counted in the lake, so that nothing can be missing unseen."""
    from contextlib import closing

    from tocsin.cli._common import open_lake, open_queue

    kinds: dict[str, int] = {}
    with closing(open_lake(config)) as lake, closing(open_queue(config)) as queue:
        for batch in lake.rows(["kind"], after_seq=after_seq):
            for row in batch.column("kind").value_counts().to_pylist():
                kinds[row["values"]] = kinds.get(row["values"], 0) + row["counts"]
        dead = sum(1 for _ in queue.dead_letters())
        waiting = max(queue.end() - lake.last_seq(), 0)
    names = {
        "post": "posts", "duplicate": "duplicates", "delete": "deletes", "erased": "erased", "gap": "gaps",
        "dead": "unprocessable",
    }  # fmt: skip
    parts = [
        f"{kinds[kind]:,} {name.removesuffix('s') if kinds[kind] == 1 else name}"
        for kind, name in names.items()
        if kinds.get(kind)
    ]
    typer.echo(
        f"This run: {', '.join(parts) or 'nothing new'}. Dead letters: {dead:,}. Still queued: {waiting:,}.", err=True
    )
