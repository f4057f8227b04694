"""Amazon Location Service, Places API version 2, operation Geocode, as its API reference describes it.

Its places are invented, but for a few.
"""

from __future__ import annotations

import json
from typing import Any

from tests.helpers.remote import Answer, Request, as_json


def item(place_type: str, title: str, lat: float, lon: float, **fields: Any) -> dict[str, Any]:
    """In Canada unless `address` says otherwise; `overall` and `components` are its scores."""
    address = {
        "Label": title,
        "Country": {"Code2": "CA", "Code3": "CAN", "Name": "Canada"},
        "Region": {"Code": "BC", "Name": "British Columbia"},
        "SubRegion": {"Name": "Example Valley"},
    } | fields.get("address", {})
    return {
        "PlaceId": "invented",
        "PlaceType": place_type,
        "Title": title,
        "Address": address,
        "Position": [lon, lat],
        "MapView": [lon - 0.1, lat - 0.1, lon + 0.1, lat + 0.1],
        "MatchScores": {
            "Overall": fields.get("overall", 1.0),
            "Components": {"Address": fields.get("components", {}), **fields.get("parts", {})},
        },
    }


CAFE = item("PointOfInterest", "STARLIGHT", 49.28, -123.12, parts={"Title": 1.0})
MUNICH = item(
    "Locality", "Munich, Bavaria, Germany", 48.14, 11.58, components={"Locality": 1.0},
    address={"Country": {"Code2": "DE", "Code3": "DEU", "Name": "Germany"}, "Locality": "Munich"},
)  # fmt: skip
PLACES = {
    "ostheim": [item("Locality", "Ostheim, BC, Canada", 50.1, -120.9, address={"Locality": "Ostheim"})],
    "münchen": [MUNICH],
    "starlight": [CAFE],
    "british columbia": [item("Region", "BC, Canada", 54.0, -125.0, overall=0.9)],
    "canada": [item("Country", "Canada", 60.0, -110.0, components={"Country": 1.0})],
    "the moon": [
        item("Locality", "Moonville, BC, Canada", 50.0, -121.0, overall=0.61, address={"Locality": "Moonville"})
    ],
    "elm street": [item("Street", "Elm St, Ostheim, BC, Canada", 50.1, -120.9, components={"Intersection": [1.0]})],
}


class FakeAmazonPlaces:
    """`asked` are the bodies of the requests."""

    def __init__(self) -> None:
        self.places: dict[str, list[dict[str, Any]]] = dict(PLACES)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: Request) -> Answer:
        assert request.path == "/v2/geocode"
        assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAFAKEFAKEFAKE/")
        assert "/geo-places/aws4_request" in request.headers["Authorization"]
        body = json.loads(request.body)
        self.asked.append(body)
        if not 1 <= len(body["QueryText"]) <= 200 or "\ufffd" in body["QueryText"]:
            return invalid("QueryText")
        bucket = {"Storage": "Stored"}.get(body.get("IntendedUse", "SingleUse"), "Core")
        items = self.places.get(body["QueryText"].split(",")[0], [])[: body["MaxResults"]]
        return as_json({"ResultItems": items}, x_amz_geo_pricing_bucket=bucket)


def invalid(field: str) -> Answer:
    body = {
        "message": f"canary: 1 validation error detected: Value at '{field}' failed to satisfy constraint",
        "reason": "FieldValidationFailed",
        "fieldList": [{"name": field, "message": "canary"}],
    }
    return as_json(body, 400, x_amzn_ErrorType="ValidationException")


def fault(code: str, status: int) -> Answer:
    return as_json({"message": "canary in the message"}, status, x_amzn_ErrorType=code)
