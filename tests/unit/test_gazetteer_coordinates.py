"""Coordinates in running text, and the many numbers that are none."""

from __future__ import annotations

import pytest

from tocsin.gazetteer._coordinates import coordinates

LONDON = (51.5074, -0.1278)
SYDNEY = (-33.8678, 151.2073)
TOWER = (48.858333, 2.294444)
"""48°51′30″ N, 2°17′40″ E."""


@pytest.mark.parametrize(
    "text",
    [
        "51.5074,-0.1278",
        "51.5074, -0.1278",
        "51.5074 -0.1278",
        "51.5074/-0.1278",
        "51.5074; -0.1278",
        "51.5074 , -0.1278",
        "51.5074\n-0.1278",
        "(51.5074, -0.1278)",
        "  51.5074, -0.1278.  ",
        "🌍 51.5074,-0.1278",
        "+51.5074, -0.1278",
        "51.5074,-000.1278",
        "stuck at 51.5074, -0.1278 since noon",
        "here:51.5074,-0.1278",
    ],
)
def test_decimal_degrees(text: str) -> None:
    assert coordinates(text) == LONDON


@pytest.mark.parametrize("minus", ["-", "\u2212"])
def test_a_minus_is_written_in_several_ways(minus: str) -> None:
    assert coordinates(f"{minus}33.8678, 151.2073") == SYDNEY
    assert coordinates(f"the bridge at {minus}33.8678, 151.2073 is shut") == SYDNEY
    assert coordinates(f"geo:51.5074,{minus}0.1278") == LONDON


def test_digits_of_other_scripts() -> None:
    assert coordinates("٥١.٥٠٧٤, -٠.١٢٧٨") == LONDON
    assert coordinates("５１.５０７４, -０.１２７８") == LONDON


def test_alone_two_decimals_are_enough() -> None:
    assert coordinates("51.50, -0.12") == (51.5, -0.12)
    assert coordinates("between 51.50, -0.12 and here") is None
    assert coordinates("51.5, -0.1") is None


@pytest.mark.parametrize(
    "text",
    [
        "48°51′30″N 2°17′40″E",
        "48°51'30\"N 2°17'40\"E",
        "48°51’30”N, 2°17’40”E",
        "48º51'30''N 2º17'40''E",
        "48˚51'30\"n 2˚17'40\"e",
        "48° 51' 30\" N, 2° 17' 40\" E",
        "48° 51′ 30″ N / 2° 17′ 40″ E",
        "48deg 51' 30\" N 2deg 17' 40\" E",
        "N 48°51′30″ E 2°17′40″",
        "N48°51'30\", E2°17'40\"",
        "the tower, 48°51′30″N 2°17′40″E, is lit",
    ],
)
def test_degrees_minutes_and_seconds(text: str) -> None:
    assert coordinates(text) == TOWER


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48°51.5'N 2°17.25'E", (48.858333, 2.2875)),
        ("N 48° 51.5' E 2° 17.25'", (48.858333, 2.2875)),
        ("33°52′S 151°12′E", (-33.866667, 151.2)),
        ("S 33°52′ E 151°12′", (-33.866667, 151.2)),
        ("40°26′46″N 79°58′56″W", (40.446111, -79.982222)),
        ("22°54′S 43°12′O", (-22.9, -43.2)),
        ("54°48′S, 68°18′W", (-54.8, -68.3)),
    ],
)
def test_directions_give_the_sign(text: str, expected: tuple[float, float]) -> None:
    assert coordinates(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "33.8678S 151.2073E",
        "33.8678 S, 151.2073 E",
        "33.8678° S, 151.2073° E",
        "33,8678 S, 151,2073 E",
        "S33.8678 E151.2073",
        "S 33.8678, E 151.2073",
    ],
)
def test_decimals_with_directions(text: str) -> None:
    assert coordinates(text) == SYDNEY


@pytest.mark.parametrize(
    "text",
    [
        "geo:48.2,16.37",
        "GEO:48.2,16.37",
        "geo:48.2,16.37;u=40",
        "geo:48.2,16.37,183",
        "see geo:48.2,16.37?z=11",
        "https://maps.google.com/?q=48.2,16.37",
        "https://www.google.com/maps/@48.2,16.37,15z",
        "https://maps.apple.com/?ll=48.2,16.37",
        "https://maps.google.com/?q=loc:48.2,16.37",
        "ÜT: 48.2,16.37",
        "ÜT:48.2,16.37",
        "UT: 48.2,16.37",
        "iPhone: 48.2,16.37",
        "lat 48.2, lon 16.37",
        "Lat: 48.2 / Lng: 16.37",
        "latitude=48.2 longitude=16.37",
        "Latitude: 48.2, Longitude: 16.37",
    ],
)
def test_coordinates_that_are_said_to_be_some(text: str) -> None:
    assert coordinates(text) == (48.2, 16.37)


@pytest.mark.parametrize(
    "text",
    [
        "90.0001, 10.1234",
        "-90.0001, 10.1234",
        "45.1234, 180.0001",
        "45.1234, -181.1234",
        "geo:91,0",
        "91°00′N 2°17′E",
        "48°00′N 181°17′E",
        "48°61′00″N 2°17′40″E",
        "48°51′61″N 2°17′40″E",
    ],
)
def test_what_is_not_on_earth_is_nowhere(text: str) -> None:
    assert coordinates(text) is None


@pytest.mark.parametrize("text", ["90.0000, 180.0000", "-90.0000, -180.0000", "90°00′N 180°00′E"])
def test_the_ends_of_the_earth_are_on_it(text: str) -> None:
    latitude, longitude = coordinates(text) or (0.0, 0.0)
    assert (abs(latitude), abs(longitude)) == (90, 180)


@pytest.mark.parametrize("text", ["0,0", "0.00, 0.00", "0.0000, 0.0000", "-0.0000, 0.0000", "geo:0,0", "0°00′N 0°00′E"])
def test_zero_and_zero_is_nowhere(text: str) -> None:
    assert coordinates(text) is None


def test_the_first_that_is_on_earth_counts() -> None:
    assert coordinates("51.5074,-0.1278 and 48.2000,16.3700") == LONDON
    assert coordinates("95.1234,1.1234 and 51.5074,-0.1278") == LONDON
    assert coordinates("0.0000,0.0000 or rather 51.5074,-0.1278") == LONDON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "London",
        "London 24",
        "version 1.234.567",
        "v10.1234, 11.12345",
        "1.2.3",
        "release 2.10.1234, 3.11.1234",
        "call 555 1234",
        "+44 20 7946 0958",
        "555-0100, 555-0199",
        "(020) 7946 0958",
        "2026-03-01",
        "01.03.2026",
        "01.03.2026, 02.03.2026",
        "2026-03-01T10:30:00.1234, 10",
        "$12.99, $14.99",
        "now 12.99, was 14.99",
        "€1.234,56 or £10.1234",
        "10:30, 11:45",
        "10.30 - 11.45",
        "open 24/7, 9.30-17.45",
        "192.168.0.1",
        "192.168.100.1, 10.0.0.1",
        "127.0.0.1:8080",
        "20, 30",
        "5.5, 10.0",
        "5 N 7 E",
        "20 s, 5 e",
        "48° N",
        "20° outside, 30° later",
        "3.14159",
        "3.1415 and 2.7182",
        "won 21-14, 21.5% to 14.5%",
        "nan, nan",
        "1e5, 1e5",
        "flat 12, 14 High Street",
        "50.12345.6, 10.12345",
    ],
)
def test_other_numbers_are_no_coordinates(text: str) -> None:
    assert coordinates(text) is None


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "text",
    [
        "1.2345" + " " * 20_000 + "x",
        " " * 20_000 + "1.2345" + " " * 20_000 + "x",
        "12N" + " " * 20_000 + ",12" + " " * 20_000,
        "S 12" + " " * 20_000 + "12 x",
        "12° " * 10_000,
        "N 1 " * 10_000,
        "1.234, " * 10_000,
        "1" * 20_000,
        "lat" * 10_000 + "12",
        "!" * 20_000 + "12.345" + "!" * 20_000,
    ],
    ids=lambda text: text.strip()[:8],
)
def test_hostile_text_does_not_take_long(text: str) -> None:
    assert coordinates(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "EUR/USD 1.0845/1.0902, dollar slips", "BTC 0.1234, 0.5678", "ratio 0.1234/0.4321 on A/B test",
        "p=0.0012, 0.0431", "9.99/10.99", "12.50 / 13.75", "12.99, 14.99", "Final in Provo, UT: 24 17",
        "St George UT: 12, 15 and 18 March", "iPhone: 12/13 case", "we'll: 10/10", "przez 20 lat 2/3 Polaków",
        "down -1.50, -2.25 today",
    ],
)  # fmt: skip
def test_prices_rates_and_scores_are_no_coordinates(text: str) -> None:
    assert coordinates(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48° 8′ N, 11° 34′ O", (48.133333, 11.566667)),
        ("52° 31' N, 13° 24' O", (52.516667, 13.4)),
        ("40°25′N 3°42′O", (40.416667, -3.7)),
        ("19°25′42″N 99°07′39″O", (19.428333, -99.1275)),
    ],
)
def test_the_letter_o_is_east_only_where_german_is_spoken(text: str, expected: tuple[float, float]) -> None:
    assert coordinates(text) == pytest.approx(expected, abs=1e-6)
