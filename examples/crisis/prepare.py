"""Make posts.csv of a crisis of CrisisLexT26: its labelled posts, over invented small talk of four posts an hour.

    python examples/crisis/prepare.py FOLDER_OF_A_CRISIS posts.csv Colorado

The ids of the posts tell when they were written: (id >> 22) + 1288834974657 milliseconds.
"""

from __future__ import annotations

import csv
import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

EPOCH = 1_288_834_974_657
AN_HOUR, DAYS_BEFORE = 4.0, 9
TALK = (
    "a lovely morning in {place}", "looking for a good café in {place}, any ideas?", "traffic in {place} again",
    "our team plays in {place} tonight", "three days in {place}, so much to see", "moving to {place} next month",
    "the new museum in {place} is worth a visit", "who else from {place} is here?", "job offer in {place}, yes or no",
    "best breakfast in {place} so far", "sunset over {place}", "concert in {place} was great",
)  # fmt: skip


def main(folder: Path, output: Path, place: str) -> None:
    with next(folder.glob("*labeled.csv")).open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    posts = [(_time(int(row[0])), row[0], row[1], f"reader{int(row[0]) % 997}") for row in rows]
    first, last = min(posts)[0] - timedelta(days=DAYS_BEFORE), max(posts)[0]
    posts += _talk(first, last, place)
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "id", "text", "author"])
        writer.writerows((time.isoformat(), *rest) for time, *rest in sorted(posts))


def _time(id: int) -> datetime:
    return datetime.fromtimestamp(((id >> 22) + EPOCH) / 1000, UTC)


def _talk(first: datetime, last: datetime, place: str) -> list[tuple[datetime, str, str, str]]:
    """Small talk at random times, more by day than by night."""
    chance, found, at = random.Random(7), [], first
    while at < last:
        by_day = 1 - 0.7 * math.cos((at.hour + at.minute / 60) / 24 * math.tau)
        at += timedelta(hours=chance.expovariate(AN_HOUR * max(by_day, 0.05)))
        text = chance.choice(TALK).format(place=place)
        found.append((at, f"talk{len(found)}", f"{text} {chance.randrange(10_000)}", f"local{chance.randrange(400)}"))
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
