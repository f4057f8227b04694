"""Finds unusual volumes: four time scales, a shared daily rhythm, the share of the parent, one budget of false alarms.

Each series is judged by itself, against its own past, on windows of 15 minutes, 1, 3 and 24 hours (`_bank`), and on
its share of its parent in the last hour (`_share`). Siblings lend one another their rhythm of the day (`_rhythm`). A
series that is often far out needs more to alert (`_tail`). The first day of a series is learning: no alerts. What is
in the window is judged before it is learned, and nothing later is ever used. docs/reference/detector.md has the
formulas, what was measured and what it cannot see.

Guarantees: the same input gives the same output, bit for bit; `save` and `load` in between change nothing; a bucket
where the source was blind is neither judged nor learned; memory is about 4 kB a series and does not grow with time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from tocsin import times
from tocsin.bands import rescaled
from tocsin.component import Context, Readings, Visible
from tocsin.detectors._bank import DAY, DOWN, EXPECTED, FIELDS, HELD_BACK, HIGH, LOW, SCORE, VALUE, Bank
from tocsin.detectors._columns import Bools, Columns, Floats, Integers, Packed, floats, pack, unpack
from tocsin.detectors._rhythm import Rhythm
from tocsin.detectors._share import Share
from tocsin.detectors._silence import Silence
from tocsin.errors import Corrupt
from tocsin.options import Duration, Options

STRENGTH = {"balanced": 0.90, "quiet": 1.0, "strict": 1.15}
LEARNING = DAY
MOST = 1e12
"""The highest count of a bucket."""
ROOM = 0.8
"""A look is worth its cost where a window holds this part of what would alert."""
MOST_OPEN = 900
"""Seconds of open buckets that a look can judge: the shortest window."""
BLOCK = 4096
"""Series that are worked on together: what they touch fits the processor's cache."""

Lengths = npt.NDArray[np.int32]
Sensitivity = Literal["balanced", "quiet", "strict"]


class Config(Options):
    bucket: Duration = Field(default=60.0, ge=10, le=3600, multiple_of=1)
    """Length of a bucket: 10 s to 1 h, whole seconds."""
    sensitivity: Sensitivity = "balanced"
    """How easily it alerts. docs/reference/detector.md says how often each does."""
    judge: Literal["volume", "share"] = "volume"
    """What is judged: the volume of each series and its share of its parent, or the share alone."""
    zone: str = "UTC"
    """IANA name of the time zone whose hours of the day the rhythm follows."""
    min_count: int = Field(default=10, ge=1)
    """No alert for a rise to fewer mentions than this in the window."""

    @field_validator("zone")
    @classmethod
    def _known(cls, name: str) -> str:
        times.zone(name)
        return name


@dataclass
class Seen(Columns):
    """`seconds` each series was visible for; the last `reading` (channel, FIELDS, n) of each channel."""

    seconds: Integers
    reading: Floats


@dataclass
class Members(Columns):
    """The series' number of its parent, or -1."""

    parent: Integers


class Tick(NamedTuple):
    """One bucket of some series. `seen` (3, n): mentions, rhythm and exposure; `shared` (2, n): own and parent's."""

    now: int
    turn: int
    seen: Floats
    shared: Floats


class Block:
    """Up to `BLOCK` series with all that is known of them, but for the rhythm."""

    def __init__(self, config: Config) -> None:
        self.bucket, strength = int(config.bucket), STRENGTH[config.sensitivity]
        self.bank = Bank(self.bucket, strength, config.min_count)
        self.share = Share(self.bucket, strength, config.min_count)
        self.windows = np.array([*self.bank.seconds, self.share.seconds], np.int32)
        self.silence = Silence(self.windows.tolist())
        self.only_share = config.judge == "share"
        self.seen = Seen(np.zeros(0, np.int64), floats(len(self.windows), FIELDS))

    @property
    def size(self) -> int:
        return self.seen.seconds.size

    def parts(self) -> dict[str, Columns]:
        return {
            "windows": self.bank.windows,
            "past": self.bank.past,
            "tail": self.bank.tail,
            "share_windows": self.share.windows,
            "share_past": self.share.past,
            "share_tail": self.share.tail,
            "silence": self.silence.until,
            "seen": self.seen,
        }

    def add(self, more: int) -> None:
        for part in self.parts().values():
            part.grow(more)

    def step(self, tick: Tick) -> Readings:
        """Judge one bucket, then learn it."""
        readings, visible = self.seen.reading, tick.seen[2] > 0
        self.bank.windows.pending += tick.seen
        self.share.windows.pending += tick.shared
        due, share_due = self.bank.due(tick.turn), self.share.due(tick.turn)
        if due:
            self.bank.close(tick.turn, due, readings[:due])
        if self.only_share:
            readings[:-1, SCORE] = -1
        if share_due:
            self.share.close(tick.turn, readings[-1])
        awake = visible & (self.seen.seconds >= LEARNING)
        self.seen.seconds += visible * self.bucket
        return self._combine(tick.now, due, share_due, visible, awake)

    def promising(self, counts: Floats) -> bool:
        """Whether what is in open buckets may be enough for an alert: a quick test that lets most looks pass."""
        if self.only_share:
            return False
        quick = self.seen.reading[: self.bank.quick]
        room = (quick[:, HIGH] * np.float32(ROOM) - quick[:, VALUE]).min(axis=0, initial=np.inf)
        return bool((counts > np.maximum(room, 0)).any())

    def look(self, now: int, turn: int, seen: Floats) -> Readings:
        """Judge windows that end now; what alerts is silenced, nothing else changes."""
        quick = self.bank.quick
        readings = np.zeros_like(self.seen.reading)
        windows = self.windows.copy()
        windows[:quick] = now - np.array(self.bank.look(turn, seen, readings[:quick]))
        visible = seen[2] > 0
        awake = visible & (self.seen.seconds >= LEARNING)
        return self._judged(now, readings, windows, np.arange(len(windows))[:, None] < quick, visible, awake)

    def _combine(self, now: int, due: int, share_due: bool, visible: Bools, awake: Bools) -> Readings:
        judged = np.zeros((len(self.windows), 1), np.bool_)
        judged[:due], judged[-1] = True, share_due
        return self._judged(now, self.seen.reading, self.windows, judged, visible, awake)

    def _judged(
        self, now: int, readings: Floats, windows: Lengths, judged: Bools, visible: Bools, awake: Bools
    ) -> Readings:
        """The reading of the channel with the highest score, and which series alert by a channel that was judged.

        `windows` are the channels' lengths in seconds.
        """
        scores = readings[:, SCORE]
        alert = np.zeros(self.size, np.bool_)
        over = (scores >= 1) & judged
        if over.any():
            alert = self.silence.alerts(now, over & awake, readings[:, DOWN] > 0)
        best = scores.argmax(axis=0)
        score, value, expected, low, high, down = readings[best, :, np.arange(self.size)].T
        score = np.where(awake, score, np.minimum(score, np.float32(HELD_BACK))) * visible
        return Readings(score, value, expected, low, high, windows[best], down > 0, alert)


class Volume:
    """The detector of mention volume. Buckets come in order; one that is left out counts as blind for all."""

    def __init__(self, config: Config, context: Context) -> None:
        self.config, self.context = config, context
        self.bucket = int(config.bucket)
        self.rhythm = Rhythm(config.zone, self.bucket)
        self.blocks = [Block(config)]
        self.members = Members(np.zeros(0, np.int64))
        self.last: int | None = None

    @property
    def learning(self) -> Bools:
        """Which series have not been seen for a day yet, and so never alert."""
        return np.concatenate([block.seen.seconds < LEARNING for block in self.blocks])

    def add(self, parents: Sequence[int], groups: Sequence[int]) -> None:
        """Add series after those already there. Raises ValueError for a parent that does not exist."""
        size = self.members.parent.size + len(parents)
        if len(parents) != len(groups) or any(not -1 <= parent < size for parent in parents):
            raise ValueError("every new series needs a group, and a parent that exists (or -1)")
        self.members.parent = np.concatenate([self.members.parent, np.array(parents, np.int64)])
        self.rhythm.add(groups)
        self._fill(size)

    def _fill(self, size: int) -> None:
        """Room for this many series in all."""
        free = sum(block.size for block in self.blocks)
        while free < size:
            if self.blocks[-1].size == BLOCK:
                self.blocks.append(Block(self.config))
            more = min(size - free, BLOCK - self.blocks[-1].size)
            self.blocks[-1].add(more)
            free += more

    def step(self, time: int, counts: Floats, visible: Visible) -> Readings:
        """Judge, then learn, the bucket that starts at `time` (Unix seconds).

        Raises ValueError, having changed nothing, for a bucket that is not after the last one on its grid, and for
        counts that are negative, not finite or not one a series.
        """
        self._check(time, counts, visible)
        left_out = 0 if self.last is None else min((time - self.last) // self.bucket - 1, 2 * DAY // self.bucket)
        for back in range(left_out, 0, -1):
            self._step(time - back * self.bucket, np.zeros_like(counts), np.zeros_like(visible))
        self.last = time
        return self._step(time, counts, visible)

    def look(self, now: int, counts: Floats, visible: Visible) -> Readings | None:
        """Judge rises before their buckets are over: `counts` are of all buckets since the last step, up to `now`.

        A bucket that is still open counts as if it were over, so what alerts here would alert then too. Nothing is
        learned; an alert silences as one of `step` does. None where nothing can be worth an alert.
        """
        if self.last is None or not self.members.parent.size:
            return None
        width = -(-(now - self.last - self.bucket) // self.bucket)
        if not 0 < width <= MOST_OPEN // self.bucket or not self._promising(counts):
            return None
        seen = np.empty((3, counts.size), np.float32)
        np.multiply(counts, visible > 0, out=seen[0])
        np.multiply(self.rhythm.factors(now - self.bucket), visible, out=seen[1])
        seen[1] *= width
        seen[2] = visible * np.float32(width)
        turn, first, found = self.last // self.bucket + 1, 0, []
        for block in self.blocks:
            own = slice(first, first + block.size)
            found.append(block.look(now, turn, seen[:, own]))
            first += block.size
        return found[0] if len(found) == 1 else _joined(found)

    def band(self, seconds: int) -> Floats:
        """Expected, low and high counts (3, series) of a window of so many seconds that ends now, from the scale whose
        window is nearest; zeros while nothing is known."""
        windows = self.blocks[0].bank.seconds
        scale = int(np.abs(np.log(np.array(windows) / seconds)).argmin())
        reading = np.concatenate([block.seen.reading[scale] for block in self.blocks], axis=-1)
        return rescaled(reading[[EXPECTED, LOW, HIGH]], seconds / windows[scale])

    def _promising(self, counts: Floats) -> bool:
        first = 0
        for block in self.blocks:
            if block.promising(counts[first : first + block.size]):
                return True
            first += block.size
        return False

    def _check(self, time: int, counts: Floats, visible: Visible) -> None:
        if counts.shape != self.members.parent.shape or visible.shape != self.members.parent.shape:
            raise ValueError(f"{counts.size} counts and {visible.size} marks for {self.members.parent.size} series")
        if self.last is not None and (time <= self.last or (time - self.last) % self.bucket):
            raise ValueError(f"a bucket of {self.bucket} s at {time} cannot follow the one at {self.last}")
        if counts.size and not (counts.min() >= 0 and counts.max() <= MOST):
            raise ValueError(f"counts must be 0 to {MOST:.0e}")

    def _step(self, time: int, counts: Floats, visible: Visible) -> Readings:
        factors = self.rhythm.turn(time)
        seen = np.empty((3, counts.size), np.float32)
        lit = visible > 0
        np.multiply(counts, lit, out=seen[0])
        np.multiply(factors, visible, out=seen[1])
        seen[2] = visible
        both = lit & lit[self.members.parent] & (self.members.parent >= 0) if counts.size else lit
        shared = np.empty((2, counts.size), np.float32)
        np.multiply(counts, both, out=shared[0])
        np.multiply(counts[self.members.parent], both, out=shared[1])
        self.rhythm.learn(seen[0], seen[2])
        now, turn, first, found = time + self.bucket, time // self.bucket + 1, 0, []
        for block in self.blocks:
            own = slice(first, first + block.size)
            found.append(block.step(Tick(now, turn, seen[:, own], shared[:, own])))
            first += block.size
        return found[0] if len(found) == 1 else _joined(found)

    def _parts(self) -> dict[str, Columns]:
        return {"members": self.members, "hours": self.rhythm.hours}

    @property
    def nbytes(self) -> int:
        """Memory of the state."""
        parts = [*self._parts().values(), *(part for block in self.blocks for part in block.parts().values())]
        return sum(array.nbytes for part in parts for _, array in part.arrays())

    def save(self) -> bytes:
        """Everything that `load` needs to go on as if never stopped; the same bytes for the same state."""
        header = {
            "format": 2,
            "bucket": self.bucket,
            "zone": self.config.zone,
            "last": self.last,
            "hour": self.rhythm.hour,
            "groups": list(self.rhythm.groups),
        }
        parts = self._parts()
        for number, block in enumerate(self.blocks):
            parts |= {f"{number}.{name}": part for name, part in block.parts().items()}
        return pack(header, parts)

    def load(self, saved: bytes) -> None:
        """Go on where `save` was; sensitivity and min_count may differ. Raises Corrupt for what does not fit."""
        fresh = Volume(self.config, self.context)
        try:
            fresh._restore(unpack(saved))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, IndexError) as error:
            raise Corrupt(f"the saved state of the volume detector cannot be used ({error}): count anew") from None
        self.rhythm, self.blocks, self.members, self.last = fresh.rhythm, fresh.blocks, fresh.members, fresh.last

    def _restore(self, packed: Packed) -> None:
        header = packed.header
        if (header["format"], header["bucket"], header["zone"]) != (2, self.bucket, self.config.zone):
            raise ValueError(f"it is of a bucket of {header['bucket']} s in the zone {header['zone']}")
        size = packed.arrays["members.parent"].shape[-1]
        for name, part in self._parts().items():
            packed.restore(name, part, size)
        self.blocks = []
        for first in range(0, max(size, 1), BLOCK):
            block = Block(self.config)
            for name, part in block.parts().items():
                packed.restore(f"{len(self.blocks)}.{name}", part, min(BLOCK, size - first))
            self.blocks.append(block)
        self.last = header["last"]
        self.rhythm.restored(header["groups"], header["hour"])


def _joined(found: Sequence[Readings]) -> Readings:
    """The readings of all blocks, in the order of the series."""
    return Readings(*(np.concatenate([getattr(one, field.name) for one in found]) for field in fields(Readings)))
