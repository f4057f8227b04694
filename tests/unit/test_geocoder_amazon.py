"""Amazon Location Service over real HTTP: botocore as it is, pointed at a fake of the service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.helpers.fake_amazon_places import FakeAmazonPlaces, fault, invalid
from tests.helpers.geocoders import NOW, geocoder
from tests.helpers.remote import fake_credentials

from tocsin.clock import ManualClock
from tocsin.component import Context
from tocsin.costs import Costs
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.gazetteer.amazon import Amazon, Config


@pytest.fixture
def fake() -> FakeAmazonPlaces:
    return FakeAmazonPlaces()


def test_it_says_that_results_are_stored(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (_, made):
        made.locate(["Ostheim, Canada"])
    assert fake.asked == [{"QueryText": "ostheim, canada", "MaxResults": 5, "Language": "en", "IntendedUse": "Storage"}]


def test_the_region_of_the_config_or_the_environment(tmp_path: Path) -> None:
    with fake_credentials() as patch:
        assert Amazon(Config(), Context("place", tmp_path)).id == "amazon:eu-west-1"
        assert Amazon(Config(region="us-east-2"), Context("place", tmp_path)).id == "amazon:us-east-2"
        patch.delenv("AWS_REGION")
        patch.delenv("AWS_DEFAULT_REGION")
        with pytest.raises(ConfigError, match="no region"):
            Amazon(Config(), Context("place", tmp_path))


def test_names_in_other_languages_by_the_services_word(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (_, made):
        (place,) = made.locate(["München"])
    assert (place.name, place.country, place.level, place.confidence) == ("Munich", "DE", "city", 1.0)
    assert (place.lat, place.lon) == (48.14, 11.58)


def test_levels(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (_, made):
        region, country = made.locate(["British Columbia", "Canada"])
    assert (region.name, region.level, region.confidence) == ("British Columbia", "region", 0.9)
    assert (country.name, country.level) == ("Canada", "country")


@pytest.mark.parametrize("junk", ["the moon", "Starlight", "Elm Street"])
def test_junk_in_nothing_out(fake: FakeAmazonPlaces, tmp_path: Path, junk: str) -> None:
    with geocoder("amazon", fake, tmp_path) as (_, made):
        assert made.locate([junk]) == [None]


async def test_past_the_cap_of_the_day_nothing_is_sent(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    options = {"price_per_1000": 4.0, "max_cost_per_day": 0.01, "concurrency": 1}
    with geocoder("amazon", fake, tmp_path, clock, **options) as (_, made):
        assert made.locate(["Ostheim", "Canada", "München"])[:2] != [None, None]
        assert made.locate(["British Columbia"]) == [None]
        usage = Costs(tmp_path, "place", None, clock).usage()
        assert (usage.requests, usage.units, usage.cost) == (2, 2, pytest.approx(0.008))
        assert made.locate(["Ostheim"])[0] is not None, "what is known costs nothing"
    with geocoder("amazon", fake, tmp_path, clock, **options) as (_, made):
        assert made.locate(["München"]) == [None], "nor after a restart"
        await clock.sleep(timedelta(days=1).total_seconds())
        assert made.locate(["München"])[0] is not None
    assert len(fake.asked) == 3


def test_a_failure_that_the_service_tells_itself_costs_nothing(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (service, made):
        service.faults.append(fault("ThrottlingException", 429))
        with pytest.raises(Transient, match="429 ThrottlingException"):
            made.locate(["Ostheim"])
    assert Costs(tmp_path, "place", None, ManualClock(NOW)).usage().cost == 0


def test_a_text_that_it_does_not_take_is_nowhere(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (_, made):
        assert made.locate(["lone \ud800 surrogate"]) == [None]
        assert made.locate(["lone \ud800 surrogate"]) == [None]
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("AccessDeniedException", 403, "the right to call it"),
        ("ExpiredTokenException", 403, "renew them"),
        ("UnrecognizedClientException", 403, "access key"),
    ],
)
def test_refusals_say_what_to_do(fake: FakeAmazonPlaces, tmp_path: Path, code: str, status: int, words: str) -> None:
    with geocoder("amazon", fake, tmp_path) as (service, made):
        service.faults.append(fault(code, status))
        with pytest.raises(Permanent, match=words) as caught:
            made.locate(["Ostheim"])
    assert "canary" not in str(caught.value)


def test_a_request_that_it_does_not_understand_is_not_the_texts_fault(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (service, made):
        service.faults.append(invalid("IntendedUse"))
        with pytest.raises(Permanent, match="400 ValidationException"):
            made.locate(["Ostheim"])


def test_without_credentials_it_says_so(fake: FakeAmazonPlaces, tmp_path: Path) -> None:
    with geocoder("amazon", fake, tmp_path) as (_, made), fake_credentials() as patch:
        assert made.locate(["Ostheim"])[0] is not None
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.delenv(name)
        other = Amazon(Config(tries=1, endpoint_url="http://127.0.0.1:9"), Context("place", tmp_path / "other"))
        with pytest.raises(Permanent, match="no credentials"):
            other.locate(["Ostheim"])
