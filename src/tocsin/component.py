"""The Protocols: the one file a plug-in author reads.

A component is one module: `<stage>/<type>.py`, or a module named by an entry point of the group
`tocsin.<stage>`. The module holds a model `Config` (its options, an `Options` of options.py) and one class
named after the file in CamelCase (`sources/file.py` has `File`, `sources/my_feed.py` has `MyFeed`), made as
`Class(config, context)`.

Raise `Transient` or `Permanent` (errors.py); the pipeline alone retries, backs off and dead-letters.
Take time, randomness and the data directory from the `Context`; never from the system.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tocsin.clock import Clock, SystemClock
from tocsin.model import Batch, DeadLetter, Message, Place

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Context:
    """What a component may use of the world. `name` is the key under which the config names it."""

    name: str
    data_dir: Path
    clock: Clock = field(default_factory=SystemClock)
    random: random.Random = field(default_factory=lambda: random.Random(0))
    base_dir: Path = field(default_factory=Path)
    """Relative paths in the config start here: the folder of the config file."""
    link: Callable[[str, str], str | None] = lambda incident, action: None
    """The signed URL under which a person may do `action` with an incident; None where there is no server to ask."""
    accounts: Path | None = None
    """Where it is kept what paid services cost, if not in `data_dir`."""


class WatchRule(Protocol):
    """What a source may know of a watch, where its options have a field `watches` and its `takes` names it.

    A source that hears all of a platform keeps what a watch might match; without watches, everything.
    """

    @property
    def name(self) -> str: ...
    @property
    def match(self) -> str: ...
    @property
    def sources(self) -> Sequence[str] | None: ...


class Source(Protocol):
    """Yields batches. Being resumed after a `yield` means: that batch is durably queued.

    So "resumed" is the acknowledgement: a webhook answers 202 only then. Closing the iterator (`aclose`) means:
    stop. A `finite` source ends its iterator when it has delivered all it has.
    """

    finite: ClassVar[bool]
    live: ClassVar[bool]
    """Live: posts are of about now, and a `created_at` far from `received_at` is not believed.
    Otherwise the source replays an archive, and `created_at` is all there is."""

    def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Batches from `cursor` on (None: from the beginning), each with the cursor to go on from."""


class Slice(Protocol):
    """Some consecutive queued events: `offsets[i]` (ascending, not always dense) belongs to `bodies[i]`."""

    @property
    def offsets(self) -> Sequence[int]: ...
    @property
    def bodies(self) -> Sequence[bytes]: ...


class Queue(Protocol):
    """A durable append log of events with source cursors and dead letters. Thread-safe, blocking.

    Offsets start at 1 and only grow. What is dead-lettered has no offset.
    """

    @property
    def uuid(self) -> str:
        """The log's identity: a new log has a new one, and positions in another log mean nothing here."""

    def put(self, source: str, batch: Batch) -> int:
        """Append events, dead letters and the source's cursor in one transaction.

        Durable on return. Gives the log's last offset. Raises LowSpace when there is no room: nothing is kept.
        """

    def cursor(self, source: str) -> str | None: ...

    def read(self, after: int, limit: int) -> Slice:
        """Up to `limit` events with offsets above `after`, in order; empty at the end."""

    def end(self) -> int:
        """The last offset ever given (0: none)."""

    def start_after(self, offset: int) -> None:
        """Give only offsets above `offset`. For a new log beside an older lake."""

    def trim(self, upto: int) -> None:
        """Everything up to `upto` is safe elsewhere and may be dropped; a queue may keep some of it for a while."""

    def drop_tail(self) -> None:
        """Drop all that was trimmed, so that no bytes of it are left."""

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters. One with the source, stage and place of an earlier one replaces it."""

    def dead_letters(self) -> Iterator[tuple[int, DeadLetter]]: ...

    def forget(self, numbers: Collection[int]) -> int:
        """Remove dead letters by number; how many there were."""

    def close(self) -> None: ...


class Enricher(Protocol):
    """Fills columns of a batch. Synchronous, batched, and the same output for the same rows in the same order,
    however they are cut into batches.

    `fills` are names of columns in `records.SCHEMA`; `needs` are columns that must be filled before.
    """

    fills: ClassVar[frozenset[str]]
    needs: ClassVar[frozenset[str]]

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        """One array for each name in `fills`, as long as the batch, of the schema's type."""


@dataclass(frozen=True)
class Patience:
    """How long a batch may take at most, beyond what is usual; an Enricher or Model that is slow has one.

    What takes longer is taken for hung.
    """

    seconds: float = 0.0
    seconds_a_post: float = 0.0


@dataclass(frozen=True)
class Label:
    """A category as a model knows it: a name, what belongs to it in words, posts that do and posts that do not."""

    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    counterexamples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Span:
    """A stretch `text[start:end]` that names somebody or something: PER, ORG, LOC, PRODUCT, EVENT or OTHER."""

    type: str
    start: int
    end: int


class Model(Protocol):
    """How texts are understood. A model has the methods of those tasks that it can do, and no others.

    It is made as `Class(target, config, context)`, where `target` is what stands behind the colon in the config's
    `model: "hf:org/name"`. Texts are as they were written. Every method gives one answer a text, in their order, the
    same however the texts are cut into batches. Where it has none for a text (the daily cap is spent, the service
    refuses it) the row is NaN, or None; where it has none at all it raises Transient or Permanent. The enricher then
    asks the embedded model, and the record says so.
    """

    id: str
    """What the records say they were made with: the model and its version."""
    languages: frozenset[str] | None
    """ISO 639-1 codes of the languages that it knows; None: it has not said."""

    def classifier(self, labels: Sequence[Label]) -> Classifier:
        """Something that tells which of these labels fit."""

    def sentiment(self, texts: Sequence[str]) -> Floats:
        """Probabilities (n, 3) of negative, neutral and positive; each row sums to 1."""

    def entities(self, texts: Sequence[str]) -> Sequence[list[Span] | None]:
        """Who and what is named in each text, from left to right, without overlap."""


class Geocoder(Protocol):
    """Where the places are that people write: one place a text, or None for nowhere.

    A text is what somebody wrote as a place, such as an author's location or a name out of a post; its language (ISO
    639-1) may help. Answers come in the order of the texts, the same however the texts are cut into batches, with
    level, country, position and confidence; whoever asks adds the `origin`. Raises Transient or Permanent where it
    can answer nothing at all.
    """

    id: str
    """What it is and its version."""
    attribution: str
    """Whom the licence of its answers wants named wherever they are shown."""

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> Sequence[Place | None]: ...


class Classifier(Protocol):
    """Tells how well each label fits, each for itself: none, one or several may."""

    def scores(self, texts: Sequence[str]) -> Floats:
        """(n, labels) from 0 to 1, in the order of the labels; the higher the better, comparable between labels."""

    @property
    def thresholds(self) -> Floats:
        """(labels,) the scores from which on a label is said to fit, where nothing better is known."""


class Recalling(Protocol):
    """An Enricher that remembers earlier rows also has these: its memory is rebuilt from the lake at start."""

    recalls: ClassVar[frozenset[str]]
    """The columns that it wants to see again."""

    def recall(self, batch: pa.RecordBatch) -> None:
        """Rows already in the lake, in the order of `seq`."""


@dataclass(frozen=True)
class Commit:
    """One step of the lake's history. `rows` is None unless it was an append of ours."""

    version: int
    fingerprint: str
    rows: pa.Table | None


@dataclass(frozen=True)
class Snapshot:
    """The files that make up the table at `version`, as paths that DuckDB and pyarrow can open."""

    version: int
    files: tuple[str, ...]


Change = Callable[[pa.RecordBatch], pa.RecordBatch]
"""The same rows in the same order with other values."""


@dataclass(frozen=True)
class Revised:
    """How far a revision has come: every file whose last row is at or below `upto_seq` is done.

    `rows` were looked at since the last one of these; `changed` of those in the file at work differ from before.
    """

    upto_seq: int
    rows: int
    changed: int


class History(Protocol):
    """What has been committed to a table of records: for those who only read it."""

    @property
    def table_id(self) -> str: ...

    def last_seq(self) -> int:
        """The highest `seq` in the lake (0: none)."""

    def version(self) -> int: ...

    def commits(self, after: int, columns: Sequence[str] | None = None) -> Iterator[Commit]:
        """The commits with versions above `after`, in order; rows have only `columns` where some are named.

        Raises LookupError if one of them (or its files) is no longer kept: read `rows` instead.
        """

    def fingerprint(self, version: int) -> str | None:
        """What the commit's log entry looked like, or None if it is no longer kept."""

    def rows(
        self,
        columns: Sequence[str] | None = None,
        *,
        after_seq: int = 0,
        upto_seq: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Rows of the current snapshot in the order of `seq`; `since` (inclusive) and `until` (exclusive) are on
        `event_time`."""


class Lake(History, Protocol):
    """An open table of records with a transaction log. One writer; any number of readers.

    Rows follow `records.SCHEMA`. The table is append-only but for erasure, revision and compaction.
    """

    def offset(self, queue: str) -> int:
        """Up to which offset of the queue with this uuid the lake holds everything (0: nothing)."""

    def append(self, rows: pa.Table, queue: str, offset: int) -> int:
        """Add rows and move the queue's offset, in one commit; gives its version.

        Raises Permanent if the lake is already at or past `offset`: then somebody else wrote.
        """

    def flush(self) -> None:
        """Make everything committed so far survive a power cut. Only then may the queue be trimmed."""

    def snapshot(self) -> Snapshot: ...

    def erase(self, *, uids: Collection[str] = (), authors: Collection[tuple[str, str]] = ()) -> int:
        """Empty the rows of posts, by uid or by (source, author id), and their duplicates' rows; how many that were.

        The rows stay as `erased`, with what they are counted by. The bytes go with the next `maintain` after the
        retention of old files.
        """

    def revise(self, change: Change, *, after_seq: int = 0, since: datetime | None = None) -> Iterator[Revised]:
        """Give the rows of every file that ends behind `after_seq` (and has rows from `since` on) other values.

        In small steps, each of which ends with a `Revised`; appends and `maintain` may come between them. Closed
        early, the file at work stays as it was. `changed` of a file is known before its rows are swapped in.
        """

    def maintain(self, now: datetime, *, erase_now: bool = False) -> None:
        """Compact, clean the log, drop what is past its retention. `erase_now`: also drop unused files at once."""

    def close(self) -> None: ...


Visible = npt.NDArray[np.bool_] | npt.NDArray[np.float32]
"""What share of each series could be seen: 0 to 1, or whether it could."""


@dataclass(frozen=True)
class Readings:
    """What a detector says of all its series in one bucket: arrays, one element a series.

    `score` is the reading over its threshold (1 or more would alert), `value`, `expected`, `low`, `high` are
    counts in the window of `scale` seconds that gave the score; `down` marks a fall.
    """

    score: Floats
    value: Floats
    expected: Floats
    low: Floats
    high: Floats
    scale: npt.NDArray[np.int32]
    down: npt.NDArray[np.bool_]
    alert: npt.NDArray[np.bool_]


class Detector(Protocol):
    """Judges all series of one policy, bucket by bucket. Deterministic; no look-ahead; bounded memory."""

    def add(self, parents: Sequence[int], groups: Sequence[int]) -> None:
        """Add series after those already there. `parents[i]` is the index of its parent series (-1: none);
        series of one group share a daily rhythm."""

    def step(self, time: int, counts: Floats, visible: Visible) -> Readings:
        """Judge, then learn, the bucket that starts at `time` (Unix seconds).

        `visible[i]` is the share of series i that could be seen. Where it is 0 (False), the source was blind: the
        bucket is neither judged nor learned; in between, as much less is expected.
        """

    def look(self, now: int, counts: Floats, visible: Visible) -> Readings | None:
        """Judge rises up to `now` (Unix seconds), before their buckets are over; nothing is learned.

        `counts` are of all buckets since the last step; a reading's window of `scale` seconds ends at `now`. None where
        nothing can be worth an alert.
        """

    def band(self, seconds: int) -> Floats:
        """What is expected of a window of so many seconds that ends with the last step: (3, series): expected, low and
        high counts. Zeros while nothing is known."""

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped."""

    def load(self, saved: bytes) -> None: ...


class Notifier(Protocol):
    """Sends one message to one destination. Its `key` makes a repeat harmless where the other side can tell.

    One that takes no digests says so by `takes_digests = False`.
    """

    async def send(self, message: Message) -> None:
        """Returns when the other side has it. Raises Transient (try again) or Permanent (give up)."""
