"""Look over everything that Tocsin stands on, and say what to do.

Each line is ok, warn or fail. Ends with 0 if nothing fails, 78 if the config does, else with 1. With --repair it
heals what it can in the queue, the lake and the state; what is taken out is kept beside it.
"""

from __future__ import annotations

import glob
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tocsin.cli._common import ConfigOption, DataDirOption, JsonOption, print_json, read_config
from tocsin.cli._config_warnings import about_places
from tocsin.errors import ConfigError, Locked, TocsinError, Transient
from tocsin.model import Batch, DeadLetter

if TYPE_CHECKING:
    from tocsin.cli._stores import Store
    from tocsin.config import Config

LEAST_SPACE, LITTLE_SPACE = 256 * 2**20, 2 * 2**30
"""Bytes below which the queue takes nothing in, and below which it is time to act."""

PROBE_SECONDS = 5.0

RepairOption = Annotated[bool, typer.Option("--repair", help="Heal what can be healed, while nothing runs.")]


@dataclass(frozen=True)
class Finding:
    level: Literal["ok", "warn", "fail"]
    what: str
    detail: str


def command(
    config: ConfigOption = None, data_dir: DataDirOption = None, repair: RepairOption = False, json: JsonOption = False
) -> None:
    findings: list[Finding] = []
    for finding in _examine(config, data_dir, repair):
        findings.append(finding)
        if not json:
            typer.echo(f"{finding.level:<5} {finding.what:<10} {finding.detail}")
    if json:
        print_json(findings)
    failed = {finding.what for finding in findings if finding.level == "fail"}
    if failed:
        raise typer.Exit(78 if "config" in failed else 1)


def _examine(file: Path | None, data_dir: Path | None, repair: bool) -> Iterator[Finding]:
    yield _python(sys.version_info[:2])
    try:
        config = read_config(file, data_dir)
        warnings = [*config.warnings, *about_places(config)]
    except ConfigError as error:
        for line in str(error).splitlines():
            yield Finding("fail", "config", line)
        return
    for warning in warnings:
        yield Finding("warn", "config", str(warning))
    yield Finding("ok", "config", "can be used")
    yield from _folder(config.data_dir)
    yield from _alone(config, repair)
    yield from _outbox(config)
    yield from _files(config)
    yield from _live(config)


def _python(version: tuple[int, ...]) -> Finding:
    text = ".".join(str(part) for part in version)
    if (3, 11) <= version < (3, 14):
        return Finding("ok", "python", text)
    return Finding("warn", "python", f"{text}: Tocsin is tested on 3.11 to 3.13")


def _folder(data_dir: Path) -> Iterator[Finding]:
    here = next(folder for folder in (data_dir, *data_dir.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=here):
            pass
    except OSError as error:
        detail = f"{here} cannot be written ({error.strerror}): give it to this user, or set another data_dir"
        yield Finding("fail", "data_dir", detail)
        return
    yield Finding("ok", "data_dir", f"{data_dir}" if here == data_dir else f"{data_dir}, not there yet")
    free = shutil.disk_usage(here).free
    detail = f"{free / 2**30:.1f} GiB free"
    if free < LEAST_SPACE:
        yield Finding("fail", "space", f"{detail}: nothing is taken in below {LEAST_SPACE // 2**20} MiB; make room")
    else:
        yield Finding("warn" if free < LITTLE_SPACE else "ok", "space", detail)


def _alone(config: Config, repair: bool) -> Iterator[Finding]:
    """What can only be looked at while no process works on the data directory."""
    from tocsin.cli._stores import stores
    from tocsin.runners.local import LOOPS
    from tocsin.runners.locks import Locks

    if not config.data_dir.is_dir():
        yield from _ports(config)
        return
    try:
        with Locks(config.data_dir, LOOPS):
            for store in stores(config):
                yield from _store(store, repair)
            yield from _stream(config)
            yield from _ports(config)
    except Locked as error:
        left = "nothing was repaired" if repair else "so queue, lake, state and ports are not looked at"
        yield Finding("fail" if repair else "ok", "running", f"{error}; {left}")


def _store(store: Store, repair: bool) -> Iterator[Finding]:
    if not any(store.path.parent.glob(f"{store.path.name}*")):
        yield Finding("ok", store.name, f"{store.path}, not there yet")
        return
    try:
        problems = store.check(store.path)
        if problems and repair:
            for line in store.repair(store.path):
                yield Finding("warn", store.name, line)
            problems = store.check(store.path)
    except TocsinError as error:
        problems = [str(error)]
    for problem in problems:
        yield Finding("fail", store.name, problem)
    if not problems:
        yield Finding("ok", store.name, str(store.path))


def _stream(config: Config) -> Iterator[Finding]:
    """Whether recent posts are like those that thresholds were learned from."""
    from contextlib import closing

    from tocsin.cli._common import open_lake
    from tocsin.cli._stores import stores
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.learn import drift_in_words

    try:
        assembly = Assembly(config)
        if not assembly.learned[1] or any(store.check(store.path) for store in stores(config)):
            return
        with closing(open_lake(config)) as lake:
            said = drift_in_words(assembly, lake)
    except TocsinError:
        return  # what is wrong with the stores was said before
    yield Finding("warn" if said else "ok", "stream", said or "recent posts are like those it learned from")


def _outbox(config: Config) -> Iterator[Finding]:
    """What waits to be told, by destination; also while Tocsin runs."""
    from contextlib import closing

    from tocsin.clock import SystemClock
    from tocsin.runners.assemble import STATE_FILE, Assembly

    if not (config.data_dir / STATE_FILE).exists():
        return
    assembly = Assembly(config)
    try:
        with closing(assembly.state()) as state:
            waiting = state.waiting()
    except TocsinError:
        return  # what is wrong with the state was said before
    now = SystemClock().now().timestamp()
    for name, found in sorted(waiting.items()):
        hours = max(now - found.since, 0.0) / 3600
        held = f", {found.held} of them held back" if found.held else ""
        fault = f"; last: {found.fault}" if found.fault else ""
        detail = f"{found.number} wait for {name}{held}, the oldest for {hours:.1f} h{fault}"
        yield Finding("warn" if found.fault else "ok", "outbox", detail)
    if not waiting:
        yield Finding("ok", "outbox", "all is told")


def _ports(config: Config) -> Iterator[Finding]:
    """Whether the ports that sources listen on are free."""
    for name, part in config.sources.items():
        host, port = getattr(part.options, "host", None), getattr(part.options, "port", None)
        if not isinstance(host, str) or not isinstance(port, int):
            continue
        try:
            with socket.create_server((host, port)):
                yield Finding("ok", "port", f"{host}:{port} is free for the source {name}")
        except OSError as error:
            detail = f"{host}:{port} cannot be had for the source {name} ({error.strerror}): set another port"
            yield Finding("fail", "port", detail)


def _files(config: Config) -> Iterator[Finding]:
    """Whether the files that sources read are there."""
    for name, part in config.sources.items():
        if part.type != "file":
            continue
        pattern = str(config.base_dir / str(getattr(part.options, "path", "")))
        found = sorted(glob.glob(pattern))
        if found:
            yield Finding("ok", "file", f"{name}: {len(found)} found, {found[0]}")
        else:
            yield Finding("fail", "file", f"{name}: there is no {pattern}")


def _live(config: Config) -> Iterator[Finding]:
    """Whether the platforms that sources listen to answer. Asked one after the other, for some seconds each."""
    import asyncio

    from tocsin import load
    from tocsin.capabilities import Probed
    from tocsin.runners.assemble import Assembly
    from tocsin.runners.listen import listen

    assembly = Assembly(config)
    for name, part in config.sources.items():
        kind = load.component("sources", part.type).component_class
        if not kind.live or hasattr(part.options, "port"):
            continue
        letters: list[DeadLetter] = []
        try:
            source = assembly.source(name)
            if isinstance(source, Probed):
                yield Finding("ok", "source", f"{name}: {asyncio.run(source.probe())}")
                continue
            heard = asyncio.run(listen(assembly, name, PROBE_SECONDS, partial(_keep, letters), enough=1))
        except TocsinError as fault:
            yield Finding("warn", "source", f"{name}: {fault}")
            continue
        if letters and not heard.posts:
            yield Finding("warn", "source", f"{name}: {letters[0].place}: {letters[0].reason}")
            continue
        first = "answers" if heard.first is None else f"the first word after {heard.first:.1f} s"
        yield Finding("ok", "source", f"{name}: {first}")


def _keep(letters: list[DeadLetter], what: Batch | Transient) -> None:
    if not isinstance(what, TocsinError):
        letters += what.dead
