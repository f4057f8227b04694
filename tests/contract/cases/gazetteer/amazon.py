"""Amazon Location Service for the contract suite, on a fake of its service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.geocoders import FAKES, geocoder


@contextmanager
def make(tmp_path: Path) -> Iterator[Any]:
    fake = FAKES["amazon"]()
    fake.places["munich"] = fake.places["münchen"]
    with geocoder("amazon", fake, tmp_path) as (_, made):
        yield made
