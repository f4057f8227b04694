"""Run the detector alone on counts in a CSV file, bucket by bucket: one JSON line each.

Rows of one bucket are summed, missing buckets are zero; without a value column each row counts as one. With --series
the table is long and its series are siblings: they share a daily rhythm, and each is also judged by its share of
their sum. Nothing later than a bucket is used to judge it.

Fields: time (start of the bucket, UTC), series, value (of the bucket), score (1 or more alerts), expected, low, high
and observed (counts a bucket, over the last `window` seconds, which were judged), severity (0 to 100), direction,
learning (the first day, without alerts), alert.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tocsin.cli._counts import Counts
    from tocsin.component import Readings
    from tocsin.detectors._columns import Bools, Doubles
    from tocsin.detectors.volume import Config

SHOWN = 10


class Sensitivity(StrEnum):
    balanced = "balanced"
    quiet = "quiet"
    strict = "strict"


InputOption = Annotated[str, typer.Option("--input", "-i", metavar="FILE", help="CSV with a header; - is stdin.")]
TimeOption = Annotated[str | None, typer.Option("--time", metavar="COL", help="The column of times. [default: found]")]
FormatOption = Annotated[
    str | None,
    typer.Option("--time-format", metavar="FORM", help="iso, unix, day_first, … or a % pattern. [default: found]"),
]
ValueOption = Annotated[
    str | None, typer.Option("--value", metavar="COL", help="The column of counts. [default: found, else 1 a row]")
]
SeriesOption = Annotated[str | None, typer.Option("--series", metavar="COL", help="The column that names the series.")]
BucketOption = Annotated[str, typer.Option("--bucket", metavar="LENGTH", help="10s to 1h.")]
SensitivityOption = Annotated[Sensitivity, typer.Option("--sensitivity", help="How easily it alerts.")]
ZoneOption = Annotated[
    str, typer.Option("--zone", metavar="ZONE", help="Time zone of the rhythm, and of times without an offset.")
]


def command(  # noqa: PLR0913 - one argument for each option that the command has
    source: InputOption,
    time: TimeOption = None,
    value: ValueOption = None,
    series: SeriesOption = None,
    bucket: BucketOption = "5m",
    sensitivity: SensitivityOption = Sensitivity.balanced,
    zone: ZoneOption = "UTC",
    time_format: FormatOption = None,
) -> None:
    from tocsin import times
    from tocsin.cli import _counts
    from tocsin.cli._common import opened

    config = volume_config(bucket, sensitivity, zone)
    try:
        form = times.Form(time_format, times.zone(zone)) if time_format else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--time-format") from None
    names = _counts.Names(time, value, series)
    bad = Bad(source)
    with opened(source) as lines:
        counts = _counts.read(lines, names, int(config.bucket), form or times.zone(zone), bad.tell)
    for chunk in _lines(counts, config, named=series is not None):
        sys.stdout.write(chunk)
    bad.sum_up(counts.rows)


def volume_config(bucket: str, sensitivity: Sensitivity, zone: str = "UTC") -> Config:
    """The detector's options. Raises BadParameter for one that is wrong."""
    from pydantic import ValidationError

    from tocsin.detectors.volume import Config

    try:
        return Config.model_validate({"bucket": bucket, "sensitivity": sensitivity.value, "zone": zone})
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(
            first["msg"].removeprefix("Value error, "), param_hint=f"--{first['loc'][0]}"
        ) from None


class Bad:
    """Rows that were left out: the first few on stderr with their lines, all of them counted."""

    def __init__(self, source: str) -> None:
        self.source, self.number = source, 0

    def tell(self, line: int, reason: str) -> None:
        from tocsin import text

        self.number += 1
        if self.number <= SHOWN:
            typer.echo(f"{self.source}:{line}: {text.one_line(reason, 200)}", err=True)

    def sum_up(self, good: int) -> None:
        if self.number:
            typer.echo(f"{self.number} of {self.number + good} rows were left out", err=True)


def _lines(counts: Counts, config: Config, *, named: bool) -> Iterator[str]:
    """The output, one string for each bucket. The sum of several series is their parent and is not shown."""
    from pathlib import Path

    import msgspec
    import numpy as np

    from tocsin import text
    from tocsin.component import Context
    from tocsin.detectors.volume import Volume

    detector = Volume(config, Context(name="detect", data_dir=Path()))
    size = len(counts.series)
    total = [size] if size > 1 else []
    detector.add([size if total else -1] * size + [-1] * len(total), [0] * size + [1] * len(total))
    visible = np.ones(size + len(total), np.bool_)
    names = [name if named else None for name in counts.series]
    encode = msgspec.json.Encoder().encode
    for start, sums in counts.grid():
        values = np.zeros(visible.size)
        values[list(sums)] = list(sums.values())
        values[total] = values[:size].sum()
        learning = detector.learning
        readings = detector.step(start, np.minimum(values, 1e12).astype(np.float32), visible)
        rows = _rows(start, values[:size], names, readings, learning, counts.bucket)
        yield "".join(text.escape_json(encode(row).decode()) + "\n" for row in rows)


def _rows(
    start: int, values: Doubles, names: list[str | None], readings: Readings, learning: Bools, bucket: int
) -> Iterator[dict[str, Any]]:
    """One bucket's objects. What the detector says of a window is given for each of its buckets."""
    from datetime import UTC, datetime

    from tocsin.severity import severity

    time = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    part = bucket / readings.scale
    of_bucket = (readings.expected, readings.low, readings.high, readings.value)
    scaled = [[round(count, 4) for count in (array * part)[: len(names)].tolist()] for array in of_bucket]
    columns = (names, values.tolist(), readings.score[: len(names)].tolist(), *scaled)
    marks = [of[: len(names)].tolist() for of in (readings.scale, readings.down, learning, readings.alert)]
    everything = zip(*columns, *marks, strict=True)
    for name, value, score, expected, low, high, observed, window, down, new, alert in everything:
        yield {
            "time": time,
            "series": name,
            "value": value,
            "score": round(score, 4),
            "expected": expected,
            "low": low,
            "high": high,
            "observed": observed,
            "window": window,
            "severity": severity(score),
            "direction": "down" if down else "up",
            "learning": new,
            "alert": alert,
        }
