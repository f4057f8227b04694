"""Remote geocoders on fakes of their services."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.helpers.fake_amazon_places import FakeAmazonPlaces
from tests.helpers.fake_nominatim import FakeNominatim
from tests.helpers.fake_photon import FakePhoton
from tests.helpers.remote import RemoteService, fake_credentials, serving
from tocsin import load
from tocsin.clock import ManualClock
from tocsin.component import Context

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FAKES = {"nominatim": FakeNominatim, "photon": FakePhoton, "amazon": FakeAmazonPlaces}


@contextmanager
def geocoder(
    kind: str, fake: Any, folder: Path, clock: ManualClock | None = None, **options: Any
) -> Iterator[tuple[RemoteService, Any]]:
    """A geocoder as the config makes it, asking `fake` over HTTP, and the service that the fake runs in."""
    with fake_credentials(), serving(fake) as service:
        yield service, at(kind, service, folder, clock, **options)


def at(kind: str, service: RemoteService, folder: Path, clock: ManualClock | None = None, **options: Any) -> Any:
    """A geocoder that asks this service."""
    own = {"endpoint_url": service.url} if kind == "amazon" else {"url": service.url, "accept_licence": "ODbL-1.0"}
    chosen = {"tries": 1, "timeout": 5, **own, **options}
    config = load.component("gazetteer", kind).config_class.model_validate(chosen)
    context = Context("place", folder, clock=clock or ManualClock(NOW), random=random.Random(1))
    return load.build("gazetteer", kind, config, context)
