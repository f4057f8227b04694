"""A Photon server as its documentation describes it. Its places are invented, but for a few."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.helpers.remote import Answer, Request, as_json

LANGUAGES = ("en", "de", "fr")


def place(osm_id: int, lat: float, lon: float, names: dict[str, str], **properties: Any) -> dict[str, Any]:
    """A city in Germany unless `properties` say otherwise; `names` by language, the local one as `default`."""
    kind = {"osm_key": "place", "osm_value": "city", "type": "city", "countrycode": "DE", "country": "Germany"}
    return {
        "names": names,
        "lat": lat,
        "lon": lon,
        "properties": {"osm_type": "N", "osm_id": osm_id, **kind, **properties},
    }


MUNICH = place(1, 48.14, 11.58, {"default": "München", "en": "Munich", "fr": "Munich"})
HALL = place(2, 48.2, 11.6, {"default": "Munich Hall"}, osm_key="amenity", osm_value="townhall", type="house")
SAXONY = place(7, 51.0, 13.3, {"default": "Sachsen", "en": "Saxony"}, osm_value="state", type="state")
PLACES = {
    "ostheim": [place(3, 50.1, 9.9, {"default": "Ostheim"}, osm_value="town")],
    "munich": [HALL, MUNICH],
    "münchen": [MUNICH],
    "the moon": [place(4, 51.0, 0.3, {"default": "Moonlight Cross"}, osm_value="village")],
    "tinyham": [place(5, 51.2, 0.1, {"default": "Tinyham"}, osm_value="hamlet", type="locality")],
    "bakery": [place(6, 51.2, 0.1, {"default": "Bakery"}, osm_key="shop", osm_value="bakery", type="house")],
    "saxony": [SAXONY],
}


class FakePhoton:
    """`asked` are the queries as they came, each with its language."""

    def __init__(self) -> None:
        self.places: dict[str, list[dict[str, Any]]] = dict(PLACES)
        self.asked: list[tuple[str, str]] = []

    def __call__(self, request: Request) -> Answer:
        url = urlsplit(request.path)
        if url.path != "/api":
            return as_json({"title": "Endpoint GET /nothing not found", "status": 404}, 404)
        query = parse_qs(url.query)
        language = query.get("lang", ["default"])[0]
        if language not in ("default", *LANGUAGES):
            supported = ", ".join(("default", *LANGUAGES))
            message = f"Language is not supported. Supported are: {supported}"
            return as_json({"lang": [{"message": message, "args": {}, "value": language}]}, 400)
        self.asked.append((query["q"][0], language))
        tags = query.get("osm_tag", [])
        found = [
            feature(one, language)
            for one in self.places.get(query["q"][0].split(",")[0], [])
            if not tags or one["properties"]["osm_key"] in tags or one is HALL
        ]
        return as_json({"type": "FeatureCollection", "features": found[: int(query["limit"][0])]})


def feature(place: dict[str, Any], language: str) -> dict[str, Any]:
    name = place["names"].get(language, place["names"]["default"])
    point = {"type": "Point", "coordinates": [place["lon"], place["lat"]]}
    return {"type": "Feature", "properties": {**place["properties"], "name": name}, "geometry": point}
