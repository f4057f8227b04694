"""A Nominatim server as its documentation describes it (format `jsonv2`). Its places are invented, but for a few."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.helpers.remote import Answer, Request, as_json

LICENCE = "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright"


def result(name: str, lat: float, lon: float, **fields: Any) -> dict[str, Any]:
    """A settlement in Germany unless `fields` say otherwise; `address` and `namedetails` add to what is there."""
    address = {"city": name, "state": "Example State", "country": "Germany", "country_code": "de"}
    address |= fields.pop("address", {})
    namedetails = {"name": name} | fields.pop("namedetails", {})
    return {
        "place_id": 100149,
        "licence": LICENCE,
        "osm_type": "relation",
        "osm_id": 107775,
        "lat": f"{lat:.7f}",
        "lon": f"{lon:.7f}",
        "category": "boundary",
        "type": "administrative",
        "place_rank": 16,
        "importance": 0.6,
        "addresstype": "city",
        "name": name,
        "display_name": f"{name}, {address['state']}, {address['country']}",
        "address": address,
        "boundingbox": [f"{lat - 0.1:.7f}", f"{lat + 0.1:.7f}", f"{lon - 0.1:.7f}", f"{lon + 0.1:.7f}"],
        "namedetails": namedetails,
    } | fields


def shop(name: str, **fields: Any) -> dict[str, Any]:
    kind = {"category": "shop", "type": "bakery", "place_rank": 30, "addresstype": "shop", "importance": 0.4}
    return result(name, 48.85, 2.35, **{**kind, **fields})


PLACES = {
    "ostheim": [result("Ostheim", 50.1, 9.9)],
    "münchen": [
        result("Munich", 48.14, 11.58, importance=0.8, namedetails={"name:de": "München", "name:ja": "ミュンヘン"})
    ],
    "ミュンヘン": [result("Munich", 48.14, 11.58, importance=0.8, namedetails={"name:ja": "ミュンヘン"})],
    "the moon": [shop("The Moon"), result("Moon Township", 40.5, -80.2, importance=0.4)],
    "tinyham": [result("Tinyham", 51.2, 0.1, importance=0.147)],
    "paris": [shop("Paris"), result("Paris", 48.86, 2.35, importance=0.9, address={"country_code": "fr"})],
    "wonderland": [result("Elsewhere", 10.0, 10.0)],
}


class FakeNominatim:
    """`asked` are the queries as they came, decoded."""

    def __init__(self) -> None:
        self.places: dict[str, list[dict[str, Any]]] = dict(PLACES)
        self.asked: list[str] = []
        self.agents: list[str] = []

    def __call__(self, request: Request) -> Answer:
        url = urlsplit(request.path)
        if url.path != "/search":
            return Answer(404, b"<html><title>404 Not Found</title></html>", {"Content-Type": "text/html"})
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        assert (query["format"], query["addressdetails"], query["namedetails"]) == ("jsonv2", "1", "1")
        assert 1 <= int(query["limit"]) <= 40
        self.asked.append(query["q"])
        self.agents.append(request.headers["User-Agent"])
        return as_json(self.places.get(query["q"].split(",")[0], [])[: int(query["limit"])])


def refusal(status: int, message: str = "canary in the message") -> Answer:
    """What Nominatim says when it cannot answer."""
    return as_json({"error": {"code": status, "message": message}}, status)


def blocked() -> Answer:
    """What the public host says to those who ask too much."""
    return Answer(403, b"<html>\n<head>\n<title>Access blocked</title>\n</head></html>", {"Content-Type": "text/html"})
