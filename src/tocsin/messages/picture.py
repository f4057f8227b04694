"""The picture of an incident: posts in bars, what was expected, and since when it is unusual. SVG, and PNG by resvg.

The font comes with Tocsin: slim containers have none. The picture holds no text that people wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 34, 28
DASHED = ' stroke-dasharray="4 3"'
INK, PALE, CALM, LOUD = "#1f2430", "#8a93a5", "#9db4d6", "#d1495b"


def svg(chart: Mapping[str, Any], start: datetime, title: str = "") -> str:
    """The chart of an explanation; bars from `start` on are of another colour."""
    counts, bucket, first = list(chart["counts"]), int(chart["bucket"]), int(chart["start"])
    if not counts:
        counts = [0]
    top = max(*counts, float(chart["expected"]), 1.0)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = wide / len(counts)

    def y(value: float) -> float:
        return float(TOP + high * (1 - value / top))

    def color(number: int) -> str:
        return LOUD if first + (number + 1) * bucket > start.timestamp() else CALM

    bars = "".join(
        f'<rect x="{LEFT + number * step:.1f}" y="{y(count):.1f}" width="{max(step * 0.85, 0.6):.1f}" '
        f'height="{TOP + high - y(count):.1f}" fill="{color(number)}"/>'
        for number, count in enumerate(counts)
        if count
    )
    line, expected = y(float(chart["expected"])), f"- - expected {_round(float(chart['expected'])):g}"
    labels = [_text(LEFT - 6, y(value) + 4, f"{value:g}", "end") for value in (0, _round(top))]
    for number in _ticks(first, bucket, len(counts)):
        labels.append(_text(LEFT + number * step, HEIGHT - 8, f"{_time(first + number * bucket):%H:%M}", "middle"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="DejaVu Sans" font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f"{_text(LEFT, 20, title or f'posts in {_long(bucket)}, UTC', 'start', INK)}{_line(TOP + high, PALE)}{bars}"
        f"{_line(line, INK, DASHED)}"
        f"{_text(WIDTH - RIGHT, 20, expected, 'end', INK)}"
        f"{''.join(labels)}</svg>"
    )


def _line(y: float, ink: str, more: str = "") -> str:
    return f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{ink}"{more}/>'


def png(chart: Mapping[str, Any], start: datetime, title: str = "") -> bytes:
    """The same as PNG, at twice the size for sharp screens."""
    import resvg_py

    with resources.as_file(resources.files("tocsin.messages") / "font.ttf") as font:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg(chart, start, title),
                font_files=[str(font)],
                skip_system_fonts=True,
                font_family="DejaVu Sans",
                zoom=2,
            )
        )


def _text(x: float, y: float, words: str, anchor: str, ink: str = PALE) -> str:
    safe = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}">{safe}</text>'


def _ticks(first: int, bucket: int, many: int) -> list[int]:
    """The bars that start at a whole number of hours: six or so."""
    hours = next((each for each in (1, 2, 3, 4, 6, 8, 12, 24) if many * bucket / 3600 / each <= 8), 24)
    whole = hours * 3600
    start = -first % whole
    return [(start + place) // bucket for place in range(0, many * bucket - start, whole)]


def _round(value: float) -> float:
    return round(value) if value >= 10 else round(value, 1)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _long(bucket: int) -> str:
    return f"{bucket // 60} min" if bucket < 3600 else f"{bucket // 3600} h"
