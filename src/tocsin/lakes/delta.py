"""The lake: a Delta table on disk, one row an offset of the queue, one folder a day.

An append carries the queue's offset as an application transaction of the same commit: both are there, or neither.
deltalake 1.6.6 never calls fsync, so `flush` does. All changes come from this one object, behind its locks; any
number of readers, in any engine that knows Delta, read beside it.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, RemoveAction

from tocsin.clock import SystemClock
from tocsin.component import Change, Commit, Context, Revised, Snapshot
from tocsin.errors import ConfigError, Corrupt, Permanent, Transient
from tocsin.lakes import _delta_log as log
from tocsin.lakes import _delta_repair as repairs
from tocsin.lakes._delta_erase import Erasure
from tocsin.lakes._delta_faults import not_written, writing
from tocsin.lakes._delta_revise import Revision, next_file
from tocsin.lakes._delta_rewrite import STATISTICS, Written, merge, mergeable
from tocsin.lakes._delta_scan import Bounds, DataFile, data_files, read_files, scan
from tocsin.options import Duration, Options
from tocsin.records import SCHEMA

CHECKPOINT_EVERY = 20
UNUSED_FILES_KEPT = timedelta(hours=2)
"""How long readers may go on with the files of an old snapshot; so long stays what was erased, too."""

_SEQ = "seq"
"""The app id under which the table keeps the highest `seq` that it ever held."""

_PROPERTIES = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.dataSkippingStatsColumns": "seq,event_time",
    "delta.deletedFileRetentionDuration": "interval 1 days",
    "delta.enableExpiredLogCleanup": "true",
    "delta.logRetentionDuration": "interval 1 days",
}
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
_UNIQUE = ("seq", "uid", "uid_hash", "id", "url", "event_time", "created_at", "received_at", "text", "raw", "signature")
"""Columns whose values hardly repeat: a dictionary would only cost time and space."""


def _writer_properties() -> WriterProperties:
    columns = {
        name: ColumnProperties(
            statistics_enabled="CHUNK" if name in STATISTICS else "NONE", dictionary_enabled=name not in _UNIQUE
        )
        for name in {*_UNIQUE, *STATISTICS}
    }
    return WriterProperties(
        compression="ZSTD",
        compression_level=1,
        default_column_properties=ColumnProperties(statistics_enabled="NONE"),
        column_properties=columns,
    )


_WRITER = _writer_properties()


class Config(Options):
    retention: Duration | None = None
    """Drop days that lie further back than this, like "90d". Without it nothing is dropped."""


def folder(data_dir: Path) -> Path:
    """Where the table is."""
    return data_dir / "lake" / "events"


class Delta:
    """The lake in `<data_dir>/lake/events`. Thread-safe; made if missing.

    Raises Corrupt if what is there is not whole, Permanent if another version of Tocsin made it.
    """

    def __init__(self, config: Config, context: Context) -> None:
        self._retention = config.retention
        self._root = folder(context.data_dir)
        self._lock = threading.RLock()
        self._rewriting = threading.Lock()
        self._vacuumed: datetime | None = None
        self._unsafe = ""
        if "%" in str(self._root):
            raise ConfigError(f"the data directory {context.data_dir} has a % in its path, which deltalake decodes")
        if wrong := repairs.check(self._root, deep=False):
            raise Corrupt(str(wrong[0]))
        new = not DeltaTable.is_deltatable(self._root)
        if new:
            with writing(self._root):
                self._root.mkdir(parents=True, exist_ok=True)
                DeltaTable.create(self._root, SCHEMA, mode="ignore", partition_by=["day"], configuration=_PROPERTIES)
        self._table = _open(self._root)
        if [field.name for field in self._table.schema().fields] != SCHEMA.names:
            raise Permanent(f"{self._root}: this lake was made by another version of Tocsin; use that one")
        # What an earlier process has not flushed is at most this far back; flushing again costs little.
        self._flushed = max(-1, self._table.version() - 2 * CHECKPOINT_EVERY)
        if new:
            self.flush()
            with writing(self._root):
                log.flush_folders(self._root, levels=3)

    @property
    def table_id(self) -> str:
        with self._lock:
            return str(self._table.metadata().id)

    def offset(self, queue: str) -> int:
        return self._position(_app(queue))

    def last_seq(self) -> int:
        return self._position(_SEQ)

    def _position(self, app: str) -> int:
        with self._lock:
            self._refresh()
            return self._table.transaction_version(app) or 0

    def append(self, rows: pa.Table, queue: str, offset: int) -> int:
        with self._lock:
            for _ in range(3):
                self._refuse_repeat(rows, queue, offset)
                try:
                    self._write(rows, queue, offset)
                except CommitFailedError:
                    self._table = _open(self._root)
                    continue
                except (DeltaError, OSError) as error:
                    self._table = _open(self._root)
                    if self._table.transaction_version(_app(queue)) != offset:  # else only what follows a commit failed
                        raise not_written(self._root, error) from error
                return self._committed()
        raise Transient(f"{self._root}: others keep writing to the lake")

    def _refuse_repeat(self, rows: pa.Table, queue: str, offset: int) -> None:
        """Rule: positions only grow. They are read from the very handle that commits."""
        there = self._table.transaction_version(_app(queue)) or 0
        if there >= offset:
            raise Permanent(
                f"{self._root}: the lake already holds this queue up to offset {there}, so {offset} cannot be added: "
                "another process writes to it; stop that one"
            )
        last = self._table.transaction_version(_SEQ) or 0
        if rows.num_rows and rows.column("seq")[0].as_py() <= last:
            raise Permanent(
                f"{self._root}: the lake already holds rows up to seq {last}; a new queue must start after that"
            )

    def _write(self, rows: pa.Table, queue: str, offset: int) -> None:
        write_deltalake(
            self._table,
            rows,
            mode="append",
            writer_properties=_WRITER,
            commit_properties=CommitProperties(
                custom_metadata={"append": rows.num_rows},
                max_commit_retries=0,
                app_transactions=[Transaction(_app(queue), offset), Transaction(_SEQ, offset)],
            ),
            post_commithook_properties=_HOOKS,
        )

    def _committed(self) -> int:
        """After a commit: bound what is not flushed, and what the handle drags along."""
        version = int(self._table.version())
        if (version + 1) % CHECKPOINT_EVERY == 0:
            self._table = _open(self._root)  # a held handle gets slower with every commit since it was opened
        if version - self._flushed >= CHECKPOINT_EVERY:
            self.flush()
        return version

    def flush(self) -> None:
        with self._lock:
            if self._unsafe:
                raise Permanent(self._unsafe)
            version = int(self._table.version())
            try:
                log.flush(self._root, self._flushed, version)
            except OSError as error:  # asked again, the system would say yes to what it has thrown away
                self._unsafe = f"{self._root}: the lake could not be flushed to the disk ({error.strerror}); restart"
                raise Permanent(self._unsafe) from error
            self._flushed = version

    def version(self) -> int:
        with self._lock:
            self._refresh()
            return int(self._table.version())

    def _refresh(self) -> None:
        """See what another process committed. Costs a look into the folder where there is nothing."""
        version = self._table.version()
        if log.path_of(self._root, version + 1).exists():
            self._table.update_incremental()
        elif (log.hinted(self._root) or 0) > version:  # so far behind that the next entry was pruned
            self._table = _open(self._root)

    def commits(self, after: int, columns: Sequence[str] | None = None) -> Iterator[Commit]:
        names = SCHEMA.names if columns is None else columns
        last = self.version()
        for version in itertools.count(after + 1):
            if version > last:
                last = self.version()
            if version > last:
                return
            try:
                entry = log.read(self._root, version)
            except FileNotFoundError:
                raise _gone(f"version {version}") from None
            yield Commit(version, entry.fingerprint, self._rows_of(entry, names) if entry.ours else None)

    def _rows_of(self, entry: log.Entry, columns: Sequence[str]) -> pa.Table:
        try:
            return read_files(self._root, [(add.path, str(add.partition_values["day"])) for add in entry.adds], columns)
        except FileNotFoundError as error:
            raise _gone(f"a file of version {entry.version}") from error

    def fingerprint(self, version: int) -> str | None:
        return log.fingerprint(self._root, version)

    def rows(
        self,
        columns: Sequence[str] | None = None,
        *,
        after_seq: int = 0,
        upto_seq: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[pa.RecordBatch]:
        bounds = Bounds(after_seq, upto_seq, since, until)
        try:
            yield from scan(self._root, self._files(), SCHEMA.names if columns is None else columns, bounds)
        except FileNotFoundError as error:
            raise Transient(f"{self._root}: the lake was cleaned up while it was read; read it again") from error

    def _files(self) -> list[DataFile]:
        with self._lock:
            self._refresh()
            return data_files(pa.table(self._table.get_add_actions(flatten=True)))

    def snapshot(self) -> Snapshot:
        with self._lock:
            self._refresh()
            paths = pa.table(self._table.get_add_actions(flatten=True)).column("path").to_pylist()
            root = self._root.absolute()
            return Snapshot(int(self._table.version()), tuple(str(root / path) for path in sorted(paths)))

    def erase(self, *, uids: Collection[str] = (), authors: Collection[tuple[str, str]] = ()) -> int:
        with self._rewriting:
            files = self._files()
            erasure = Erasure(self._root, files, uids, authors)
            touched = [([file], erasure.apply) for file in files if erasure.touches(file)]
            if touched:
                self._rewrite(touched, erase=erasure.count)
            return erasure.count

    def revise(self, change: Change, *, after_seq: int = 0, since: datetime | None = None) -> Iterator[Revised]:
        upto = after_seq
        while (file := next_file(self._files(), upto, since)) is not None:
            revision = Revision(self._root, self.version(), file)
            for rows in revision.steps(change):
                yield Revised(upto, rows, revision.changed)
            upto = self._swap(file, revision, upto)
            yield Revised(upto, 0, revision.changed)

    def _swap(self, file: DataFile, revision: Revision, upto: int) -> int:
        """Up to where files are done: a file that was merged, emptied or dropped meanwhile has another in its place."""
        with self._rewriting:
            live = file.path in {live.path for live in self._files()}
            if live and revision.changed:
                self._replace([file], [_add(revision.written, changes=True)], {"revise": revision.changed})
            else:
                revision.drop()
            return file.last_seq if live else upto

    def maintain(self, now: datetime, *, erase_now: bool = False) -> None:
        with self._rewriting:
            self._expire(now)
            for group in mergeable(self._files(), now):
                self._rewrite([(group, None)])
            due = self._vacuumed is None or now - self._vacuumed >= UNUSED_FILES_KEPT / 2
            if due or erase_now:
                self._vacuum(timedelta() if erase_now else UNUSED_FILES_KEPT)
                self._vacuumed = now
            with self._lock:
                self.flush()
                log.prune(self._root)

    def _expire(self, now: datetime) -> None:
        if self._retention is None:
            return
        first = f"{now.astimezone(UTC) - timedelta(seconds=self._retention):%Y-%m-%d}"
        old = [file for file in self._files() if file.day < first]
        if old:
            self._replace(old, [], {"expire": sum(file.rows for file in old)})

    def _rewrite(self, groups: Sequence[tuple[list[DataFile], Change | None]], **metadata: int) -> None:
        """Write each group's rows anew, beside the appends, then swap the files in one commit.

        With metadata the rows are not the same ones as before.
        """
        version = self.version()
        with writing(self._root):
            written = [merge(self._root, version, files, change) for files, change in groups]
        adds = [_add(new, changes=bool(metadata)) for new in written]
        self._replace([file for files, _ in groups for file in files], adds, metadata)

    def _replace(self, old: list[DataFile], adds: list[AddAction], metadata: dict[str, int]) -> None:
        removes = [RemoveAction(file.path, bool(metadata), _millis(), file.size, {"day": file.day}) for file in old]
        rewrite = {"added": len(adds), "removed": len(removes)}
        with self._lock, writing(self._root):
            for _ in range(3):
                if not {file.path for file in old} <= {file.path for file in self._files()}:
                    break
                try:
                    self._table.create_write_transaction(
                        [*adds, *removes],
                        "append",
                        self._table.schema(),
                        ["day"],
                        commit_properties=CommitProperties(
                            custom_metadata={**metadata, "rewrite": rewrite}, max_commit_retries=0
                        ),
                        post_commithook_properties=_HOOKS,
                    )
                except CommitFailedError:
                    self._table = _open(self._root)
                    continue
                self._refresh()
                self._committed()
                return
        raise Transient(f"{self._root}: others keep writing to the lake; the rewrite was dropped")

    def _vacuum(self, kept: timedelta) -> None:
        """Drop files that no snapshot younger than `kept` needs, those of writes that died included."""
        with self._lock:
            self.flush()  # what replaces the files must be safe before they go
            with writing(self._root):
                self._table.vacuum(
                    retention_hours=int(kept / timedelta(hours=1)),
                    dry_run=False,
                    enforce_retention_duration=False,
                    full=True,
                    post_commithook_properties=_HOOKS,
                )
            self._table = _open(self._root)

    def close(self) -> None:
        self.flush()


def _millis() -> int:
    """The time for the table's log: the machine's, because deltalake's own entries have that one."""
    return int(SystemClock().now().timestamp() * 1000)


def _add(new: Written, *, changes: bool) -> AddAction:
    """`changes`: the rows are not the same ones as before."""
    return AddAction(
        path=new.path,
        size=new.size,
        partition_values={"day": new.day},
        modification_time=_millis(),
        data_change=changes,
        stats=new.stats(),
    )


def _app(queue: str) -> str:
    return f"{log.OURS}{queue}/0"


def _open(root: Path) -> DeltaTable:
    try:
        return DeltaTable(root)
    except DeltaError as error:
        reason = str(error).splitlines()[0]
        raise Corrupt(f"{root}: the lake does not open ({reason}); run `tocsin doctor --repair`") from None


def _gone(what: str) -> LookupError:
    return LookupError(f"{what} is no longer kept: read the rows instead")
