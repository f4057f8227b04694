"""All loops in one process: they end when they should, and no fault of one leaves the others hanging."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin import config as configs
from tocsin.clock import SystemClock
from tocsin.component import Enricher
from tocsin.errors import ConfigError, Locked, Permanent, TocsinError, Transient
from tocsin.model import Alert, Batch, Heartbeat, Post
from tocsin.pipeline import Detect, Process
from tocsin.pipeline.notify import Courier
from tocsin.pipeline.process import Chain
from tocsin.runners import local
from tocsin.runners.assemble import Assembly
from tocsin.runners.local import Runner
from tocsin.runners.locks import Locks

pytestmark = pytest.mark.timeout(60)
START = datetime(2026, 3, 2, tzinfo=UTC)
SOON = 0.02


class Inline(Chain):
    """The enrichers in this process: what a child process adds is tested elsewhere."""

    def __init__(self, make: Callable[[], Sequence[Enricher]], stopping: Callable[[], bool]) -> None:
        super().__init__(make())

    def close(self) -> None:
        pass


def posts(count: int, name: str = "news") -> list[Post]:
    times = [START + timedelta(minutes=number) for number in range(count)]
    return [
        Post(uid=f"{name}:{n}", source=name, id=str(n), text=f"post {n}", received_at=time, created_at=time)
        for n, time in enumerate(times)
    ]


class Scripted:
    """A source that gives its posts one by one, and then ends, fails, or has no end."""

    live = False

    def __init__(self, count: int = 0, *, fault: Exception | None = None, endless: bool = False, name: str = "news"):
        self.finite = not endless
        self._posts, self._fault = posts(count, name), fault
        self.stored = 0

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        for number in range(int(cursor or 0), len(self._posts)):
            yield Batch(events=[self._posts[number]], cursor=str(number + 1))
            self.stored = number + 1
        if self._fault is not None:
            raise self._fault
        if self.finite:
            yield Batch(events=[Heartbeat(source="news", stream="main", at=START + timedelta(days=1))])
        else:
            await asyncio.Event().wait()


@pytest.fixture
def assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assembly:
    monkeypatch.setattr(local, "Worker", Inline)
    monkeypatch.setattr(local, "POLL_SECONDS", SOON)
    return made(tmp_path)


def made(folder: Path) -> Assembly:
    (folder / "tocsin.yaml").write_text("data_dir: data\n")
    return Assembly(configs.load(folder / "tocsin.yaml", os.environ), seed=1)


def listening(monkeypatch: pytest.MonkeyPatch, **sources: Scripted) -> None:
    monkeypatch.setattr(Assembly, "sources", lambda self: sources)


async def run(assembly: Assembly, *loops: str, until_idle: bool = True) -> Runner:
    runner = Runner(assembly, loops or local.LOOPS, until_idle=until_idle, commit_seconds=SOON)
    await runner.run()
    return runner


async def run_until(runner: Runner, reached: Callable[[], bool]) -> float:
    """Run, stop when something is reached, and give how long the end took."""
    running = asyncio.create_task(runner.run())
    while not reached():
        assert not running.done()
        await asyncio.sleep(SOON)
    began = SystemClock().monotonic()
    runner.stop()
    await running
    return SystemClock().monotonic() - began


def kinds(assembly: Assembly) -> dict[str, int]:
    found: dict[str, int] = {}
    with closing(assembly.lake()) as lake:
        for batch in lake.rows(["kind"]):
            for kind in batch.column("kind").to_pylist():
                found[kind] = found.get(kind, 0) + 1
    return found


def fails_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, fault: Exception) -> list[Exception]:
    """The first call of a method raises; what is raised is taken from the list given back."""
    left, inner = [fault], getattr(owner, name)

    def call(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return inner(*arguments)

    monkeypatch.setattr(owner, name, call)
    return left


async def test_until_idle_ends_with_every_log_at_its_end(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, news=Scripted(30))
    runner = await run(assembly)
    assert (runner.failures, runner.started_at_seq) == ([], 0)
    assert kinds(assembly) == {"post": 30, "heartbeat": 1}
    with closing(assembly.state()) as state, closing(assembly.lake()) as lake:
        position = state.position(lake.table_id)
        assert position is not None
        assert (position.version, position.seq) == (lake.version(), 31)
        counted = state.tables()["series"].to_pylist()
    assert sum(row["count"] for row in counted if row["series"] == '["all"]') == 30


async def test_a_second_run_goes_on_where_the_first_one_ended(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(monkeypatch, news=Scripted(5))
    await run(assembly)
    listening(monkeypatch, news=Scripted(8))
    runner = await run(assembly)
    assert runner.started_at_seq == 6
    assert kinds(assembly) == {"post": 8, "heartbeat": 2}


async def test_metrics_are_written_for_the_collector(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, news=Scripted(3))
    await run(assembly)
    text = (assembly.data_dir / "metrics.prom").read_text()
    assert "tocsin_lake_rows_total 4.0" in text
    assert 'tocsin_events_total{kind="post",source="news"} 3.0' in text
    assert not [file for file in assembly.data_dir.iterdir() if file.suffix == ".part"]


def test_two_processes_may_write_metrics_at_the_same_moment(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    assembly.prepare()
    one, other, write = Runner(assembly, ["ingest"]), Runner(assembly, ["process"]), Path.write_bytes

    def written_between(path: Path, text: bytes) -> None:
        monkeypatch.setattr(Path, "write_bytes", write)
        write(path, text)
        other._write_metrics()

    monkeypatch.setattr(Path, "write_bytes", written_between)
    one._write_metrics()
    assert [file.name for file in assembly.data_dir.iterdir()] == ["metrics.prom"]


async def test_metrics_are_written_while_it_runs(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "METRICS_SECONDS", 0.0)
    listening(monkeypatch, news=Scripted(endless=True))
    written = assembly.data_dir / "metrics.prom"
    await run_until(Runner(assembly), written.exists)


async def test_stopping_takes_seconds_and_loses_nothing(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Scripted(200, endless=True)
    listening(monkeypatch, news=source)
    took = await run_until(Runner(assembly, commit_seconds=3600), lambda: source.stored >= 50)
    assert took < 5
    listening(monkeypatch, news=Scripted())
    await run(assembly, "process", "detect")
    assert kinds(assembly)["post"] >= source.stored


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_without_an_error(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    source = Scripted(3, endless=True)
    listening(monkeypatch, news=source)
    runner = Runner(assembly, commit_seconds=SOON)
    running = asyncio.create_task(runner.run())
    while source.stored < 3:
        await asyncio.sleep(SOON)
    os.kill(os.getpid(), number)
    await running
    assert runner.failures == []


async def test_a_source_that_cannot_be_read_stops_alone(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = Permanent("401: the token is wrong")
    listening(monkeypatch, bad=Scripted(2, fault=fault, name="bad"), good=Scripted(40, name="good"))
    runner = await run(assembly)
    assert runner.failures == [fault]
    assert kinds(assembly) == {"post": 42, "heartbeat": 1}


async def test_when_every_source_has_failed_the_run_ends(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[TocsinError] = [Permanent("gone"), ConfigError("wrong")]
    sources = {f"s{n}": Scripted(fault=fault, endless=True) for n, fault in enumerate(faults)}
    listening(monkeypatch, **sources)
    runner = await run(assembly, until_idle=False)
    assert sorted(map(str, runner.failures)) == ["gone", "wrong"]


async def test_a_source_that_has_ended_does_not_end_a_run_without_until_idle(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(monkeypatch, bad=Scripted(fault=Permanent("gone")), good=Scripted(2))
    runner = Runner(assembly, commit_seconds=SOON)
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(20 * SOON)
    assert not running.done()
    runner.stop()
    await running


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Process, "step"), (Process, "recover"), (Detect, "step"), (Detect, "recover"), (Courier, "deliver")],
)
async def test_a_bug_in_a_loop_ends_the_whole_run_loudly(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    listening(monkeypatch, news=Scripted(3, endless=True))
    fails_once(monkeypatch, owner, name, RuntimeError("a bug"))
    with pytest.raises(RuntimeError, match="a bug"):
        await run(assembly, until_idle=False)


async def test_a_bug_in_a_source_ends_the_whole_run_loudly(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, bad=Scripted(3, fault=RuntimeError("a bug")), good=Scripted(3, endless=True))
    with pytest.raises(RuntimeError, match="a bug"):
        await run(assembly, until_idle=False)
    with Locks(assembly.data_dir, local.LOOPS):
        pass


@pytest.mark.parametrize("owner", [Process, Detect])
@pytest.mark.parametrize("name", ["step", "recover"])
async def test_after_a_fault_that_passes_a_loop_begins_anew(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    listening(monkeypatch, news=Scripted(20))
    left = fails_once(monkeypatch, owner, name, Transient("the disk is busy", retry_after=SOON))
    runner = await run(assembly)
    assert (left, runner.failures) == ([], [])
    assert kinds(assembly) == {"post": 20, "heartbeat": 1}
    with closing(assembly.state()) as state:
        counted = state.tables()["series"].to_pylist()
    assert sum(row["count"] for row in counted if row["series"] == '["all"]') == 20
    assert b"tocsin_retries_total{" in runner.telemetry.render()


async def test_a_run_that_waits_to_begin_anew_can_be_stopped(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(monkeypatch, news=Scripted(3, endless=True))
    left = fails_once(monkeypatch, Process, "step", Transient("the disk is busy", retry_after=3600))
    assert await run_until(Runner(assembly), lambda: not left) < 5


@pytest.mark.parametrize(("owner", "name"), [(Process, "step"), (Detect, "recover")])
async def test_a_fault_that_cannot_pass_stops_the_run_in_order(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    listening(monkeypatch, news=Scripted(3, endless=True))
    fault = Permanent("the lake is of another version")
    fails_once(monkeypatch, owner, name, fault)
    runner = await run(assembly, until_idle=False)
    assert runner.failures == [fault]
    assert (assembly.data_dir / "metrics.prom").exists()


@pytest.mark.parametrize("parts", [(("ingest",), ("process", "detect")), (("ingest", "process"), ("detect",))])
async def test_loops_may_run_apart(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, parts: tuple[tuple[str, ...], ...]
) -> None:
    listening(monkeypatch, news=Scripted(12))
    for loops in parts:
        await run(assembly, *loops)
    with closing(assembly.state()) as state:
        assert len(state.tables()["series"].to_pylist()) == 24
    assert kinds(assembly) == {"post": 12, "heartbeat": 1}


async def test_two_runs_share_a_data_directory_at_the_same_time(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(local, "METRICS_SECONDS", 0.0)
    listening(monkeypatch, news=Scripted(60))
    other = Runner(made(tmp_path), ("process", "detect"), commit_seconds=SOON)
    working = asyncio.create_task(other.run())
    await run(assembly, "ingest")
    while kinds(assembly) != {"post": 60, "heartbeat": 1}:
        assert not working.done()
        await asyncio.sleep(SOON)
    other.stop()
    await working
    assert other.failures == []


async def test_a_data_directory_in_use_is_refused(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    listening(monkeypatch, news=Scripted(1))
    with (
        Locks(assembly.data_dir, ["detect"]),
        pytest.raises(Locked, match=f"process {os.getpid()} runs its detect loop"),
    ):
        await run(assembly)
    assert (await run(assembly)).failures == []


async def test_a_run_without_sources_is_a_mistake_of_the_config(assembly: Assembly) -> None:
    with pytest.raises(ConfigError, match="no sources"):
        await run(assembly)
    assert (await run(assembly, "process", "detect", "notify")).failures == []


async def test_until_idle_waits_until_every_alert_was_tried(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.helpers.alerts import an_alert

    tried: list[str] = []

    class Desk:
        async def send(self, alert: Alert) -> None:
            tried.append(alert.key)
            if len(tried) == 1:
                raise Transient("busy")

    assembly.prepare()
    with closing(assembly.state()) as state, state.transaction() as tx:
        for number in (1, 2):
            tx.post_alert(an_alert(number), ["log"], 0.0)
    monkeypatch.setattr(Assembly, "notifiers", lambda self: {"log": Desk()})
    listening(monkeypatch, news=Scripted(1))
    await run(assembly)
    assert tried == [an_alert(number).key for number in (1, 2)]


async def test_a_send_that_hangs_does_not_hold_up_the_end(assembly: Assembly, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.helpers.alerts import an_alert

    hangs = asyncio.Event()

    class Hanging:
        async def send(self, alert: Alert) -> None:
            hangs.set()
            await asyncio.Event().wait()

    assembly.prepare()
    with closing(assembly.state()) as state, state.transaction() as tx:
        tx.post_alert(an_alert(1), ["log"], 0.0)
    monkeypatch.setattr(Assembly, "notifiers", lambda self: {"log": Hanging()})
    monkeypatch.setattr(local, "GRACE_SECONDS", SOON)
    listening(monkeypatch, news=Scripted(1, endless=True))
    await run_until(Runner(assembly, commit_seconds=SOON), hangs.is_set)
    with closing(assembly.state()) as state:
        assert [row["state"] for row in state.outbox()] == ["pending"], "the next run sends it"
