"""See it work: invented posts, a planted incident, its alert, the dashboard. No account, no key, no network.

A week of history at once, then the last half hour a minute a second. In a terminal the dashboard opens, and it goes on
until Ctrl-C; with --exit, or without a terminal, it ends after the alert.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import socket
import sys
from collections import Counter
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.errors import Permanent

if TYPE_CHECKING:
    from tocsin.component import Lake
    from tocsin.model import Incident
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.local import Runner, Serve

ExitOption = Annotated[bool, typer.Option("--exit", help="End after the alert.")]
BrowserOption = Annotated[bool, typer.Option("--no-browser", help="Do not open the dashboard.")]
FolderOption = Annotated[Path, typer.Option("--data-dir", metavar="DIR", help="Where the demo keeps its data.")]

COMMIT_SECONDS = 0.3
PORT = 8321


def command(
    exit_: ExitOption = False, no_browser: BrowserOption = False, data_dir: FolderOption = Path("tocsin-data/demo")
) -> None:
    from tocsin.clock import SystemClock
    from tocsin.telemetry import configure_logging

    file = _prepare(data_dir, SystemClock().now())
    config = _load(file)
    configure_logging("error", as_json=False, redactor=config.redactor)
    typer.echo(f"Tocsin demo. Everything is invented; nothing leaves this machine. Data: {data_dir}\n")
    stay = not exit_ and sys.stdout.isatty()
    incident = asyncio.run(_play(config, data_dir, stay=stay, browser=stay and not no_browser))
    if incident is None:
        raise Permanent("the demo ended without an alert: please report this with the output of `tocsin doctor`")


def _prepare(folder: Path, now: datetime) -> Path:
    """An empty folder with the demo's config in it."""
    import yaml

    from tocsin.runners.local import LOOPS
    from tocsin.runners.locks import Locks
    from tocsin.sources.scenario import demo_config

    file = folder / "tocsin.yaml"
    rest = Path(__file__).with_name("_demo.yaml").read_text(encoding="utf-8")
    if folder.exists() and any(folder.iterdir()):
        if not file.exists() or not file.read_text(encoding="utf-8").startswith(rest.splitlines()[0]):
            raise Permanent(f"{folder} holds something else: name another folder with --data-dir")
        with Locks(folder, LOOPS):
            shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    source = {
        "type": "scenario",
        **demo_config(now).model_dump(mode="json", exclude_defaults=True),
        "truth": "truth.json",
    }
    parts = {"sources": {"stream": source}, "server": {"port": _port()}}
    file.write_text(f"{rest}{yaml.safe_dump(parts, sort_keys=False)}", encoding="utf-8")
    return file


def _port() -> int:
    """The usual one, or, where something listens there, any that is free."""
    for port in (PORT, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as free:
                return int(free.getsockname()[1])
        except OSError:
            continue
    return PORT


def _load(file: Path) -> Any:
    from tocsin import config

    return config.load(file, {})


async def _play(config: Any, folder: Path, *, stay: bool, browser: bool) -> Incident | None:
    """Run everything, tell what happens, and give the incident that was rung for."""
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.local import Runner

    assembly = Assembly(config)
    runner = Runner(assembly, until_idle=True, commit_seconds=COMMIT_SECONDS, serve=_server() if stay else None)
    running = asyncio.create_task(runner.run())
    address = f"http://127.0.0.1:{config.server.port}"
    if stay:
        _show(address, browser=browser)
    try:
        found = await _tell(assembly, runner, running)
        if found is not None and not stay:
            found = await _as_it_ends(found, assembly, runner, running)
        if found is not None:
            _ending(found, folder, address if stay else None)
    finally:
        with suppress(asyncio.CancelledError):
            await running
    if found is None and runner.interrupted:
        raise KeyboardInterrupt
    return found


def _server() -> Serve:
    from tocsin.server.serve import serve

    return serve


def _show(address: str, *, browser: bool) -> None:
    """Say where the dashboard is, and open it once it answers."""
    import threading
    import webbrowser

    typer.echo(f"Dashboard: {address}\n")
    if browser:
        opened = threading.Timer(2.0, webbrowser.open, [address])
        opened.daemon = True
        opened.start()


async def _as_it_ends(found: Incident, assembly: Assembly, runner: Runner, running: asyncio.Task[None]) -> Incident:
    """The incident once everything has stopped: it may have grown, and `alerts show` tells the last of it."""
    runner.stop()
    await running
    with closing(assembly.state()) as state:
        return next(incident for incident in state.incidents() if incident.id == found.id)


async def _tell(assembly: Assembly, runner: Runner, running: asyncio.Task[None]) -> Incident | None:
    while not runner.ready and not running.done():
        await asyncio.sleep(0.05)
    if running.done():
        return None
    stream: Any = assembly.config.sources["stream"].options
    live_from = stream.start + timedelta(seconds=stream.paced_from)
    story = _Story(live_from, stream.speed)
    with closing(assembly.lake()) as lake, closing(assembly.state()) as state:
        over = False
        while not over:
            over = running.done()  # what a slow machine finds at the very end is looked at too
            await asyncio.sleep(0.5)
            await asyncio.to_thread(story.read, lake)
            for incident in await asyncio.to_thread(state.incidents):
                if story.has_seen_rise(incident):
                    return incident
    return None


class _Story:
    """What the terminal shows of the posts that pass."""

    def __init__(self, live_from: datetime, speed: float) -> None:
        self._live_from, self._speed = live_from, speed
        self._seq = 0
        self._history = 0
        self._live_seq: int | None = None
        self._minute: datetime | None = None
        self._counts: Counter[str] = Counter()
        self._sample = ""

    def read(self, lake: Lake) -> None:
        columns = ["seq", "kind", "event_time", "watches", "author_handle", "text"]
        for batch in lake.rows(columns, after_seq=self._seq):
            for row in batch.to_pylist():
                self._seq = row["seq"]
                if row["kind"] == "post":
                    self._post(row)
        if self._live_seq is None:
            _status(f"History: {self._history:,} posts")

    def has_seen_rise(self, incident: Incident) -> bool:
        """Whether an incident rang for posts that have passed live; one of the history may have grown."""
        leads = incident.told and incident.part_of is None
        return leads and self._live_seq is not None and incident.receipt["seq"] >= self._live_seq

    def _post(self, row: dict[str, Any]) -> None:
        if row["event_time"] < self._live_from:
            self._history += 1
            return
        if self._live_seq is None:
            self._live_seq = self._seq
            _status("")
            typer.echo(f"History  a week, {self._history:,} posts: read, kept, counted.")
            typer.echo(f"Live     a minute of posts every {60 / self._speed:g} s; mentions of each watch:\n")
        minute = row["event_time"].replace(second=0, microsecond=0)
        if self._minute is not None and minute > self._minute:
            self._print()
        self._minute = minute
        self._counts.update(row["watches"])
        self._sample = self._sample or f"@{row['author_handle']}: {row['text']}"

    def _print(self) -> None:
        from tocsin.text import one_line

        assert self._minute is not None
        counts = "  ".join(f"{name} {self._counts[name]:2d}" for name in ("acme", "borealis", "cumulo"))
        typer.echo(f"  {self._minute:%H:%M}  {counts}   {one_line(self._sample, 60)}")
        self._counts.clear()
        self._sample = ""


def _status(text: str) -> None:
    """A line that is overwritten, where there is a terminal."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{text}", nl=False, err=True)


def _ending(incident: Incident, folder: Path, dashboard: str | None) -> None:
    from tocsin.cli._alert_text import render
    from tocsin.cli._common import program

    rule, tocsin = "-" * 78, program()
    where = f"-c {shlex.quote(str(folder / 'tocsin.yaml'))}"
    typer.echo(f"\n{rule}\nThe bell rings.\n\n{render(incident)}\n{rule}\n")
    typer.echo("Go on with:")
    if dashboard is not None:
        typer.echo(f"  {dashboard}/alerts/{incident.id}")
    typer.echo(f"  {tocsin} alerts show {incident.id} {where}")
    typer.echo(f'  {tocsin} query "SELECT category, count(*) AS posts FROM posts GROUP BY 1 ORDER BY 2 DESC" {where}')
    if dashboard is None:
        typer.echo(f"  {tocsin} serve {where}")
    typer.echo(f"  {tocsin} init")
    if dashboard is not None:
        typer.echo("\nPosts go on. Ctrl-C ends the demo.")
