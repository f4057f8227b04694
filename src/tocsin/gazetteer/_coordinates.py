"""Coordinates in running text: decimal degrees, degrees with minutes and seconds, geo URIs (RFC 5870), map links.

Two plain numbers are coordinates only with many decimals or a sign (`_is_exact`), so that "24/7", "20, 30", prices,
rates and scores are none.
"""

from __future__ import annotations

import re

_MINUS = "\u2212\u2013\ufe63\uff0d"
_SIGN = f"[-+{_MINUS}]?"
_LAT, _LON = rf"(?P<lat>{_SIGN}\d{{1,2}}\.\d+)", rf"(?P<lon>{_SIGN}\d{{1,3}}\.\d+)"
_DECIMAL = re.compile(rf"(?<![\w.]){_LAT}(?P<degree>°?)\s*(?P<by>[,;/ ])\s*{_LON}(?!\w|\.\d|\s*[,;]\s*\d)")
_GEO_URI = re.compile(rf"\bgeo:(?P<lat>{_SIGN}\d{{1,2}}(?:\.\d+)?),(?P<lon>{_SIGN}\d{{1,3}}(?:\.\d+)?)", re.IGNORECASE)
_LABELLED = re.compile(
    rf"(?:\bÜT:?\s*|\bUT:\s*|\biPhone:\s*|\bloc:|\bll:\s*|\bm?lat(?:itude)?\s*[:=]?\s*){_LAT}°?\s*[,;/& ]\s*"
    rf"(?:m?(?:long?(?:itude)?|lng)\s*[:=]?\s*)?{_LON}",
    re.IGNORECASE,
)
_LINK = re.compile(
    rf"(?:[?&](?:ll|q)=|/@|#map=\d+(?:\.\d+)?/)(?P<lat>{_SIGN}\d{{1,2}}\.\d+)[,/](?P<lon>{_SIGN}\d{{1,3}}\.\d+)"
)
_RATES = 2.0
_NUMBER = r"\d{1,3}(?:[.,]\d+)?"


def _angle_pattern(part: str) -> str:
    """Degrees, maybe minutes and seconds, as the groups "{part}d", "{part}m" and "{part}s"."""
    degrees = rf"(?P<{part}d>{_NUMBER})\s*(?:[°º˚]|deg)?\s*"
    minutes = rf"(?:(?P<{part}m>{_NUMBER})\s*['’′]\s*)?"
    seconds = rf"(?:(?P<{part}s>{_NUMBER})\s*(?:[\"”″]|['’′]{{2}})\s*)?"
    return degrees + minutes + seconds


_SPACED = re.compile(
    r"(?<![\w.])(?P<ad>\d{1,2}) (?P<am>\d{1,2}) (?:(?P<as>\d{1,2}(?:\.\d+)?) )?(?P<ah>[NS])[,; ]+"
    r"(?P<od>\d{1,3}) (?P<om>\d{1,2}) (?:(?P<os>\d{1,2}(?:\.\d+)?) )?(?P<oh>[EWO])(?!\w)"
)
_LATITUDE, _LONGITUDE = _angle_pattern("a"), _angle_pattern("o")
_AFTER = re.compile(rf"(?<![\w.]){_LATITUDE}(?P<ah>[NSns])\s*[,;/ ]*\s*{_LONGITUDE}(?P<oh>[EWOewo])(?!\w)")
_BEFORE = re.compile(rf"(?<!\w)(?P<ah>[NSns])\s*{_LATITUDE}[,;/ ]*\s*(?P<oh>[EWOewo])\s*{_LONGITUDE}")
_MAY_HAVE = re.compile(r"\d[.,°º˚'’′]?\d.*\d|\d\s*[°º˚NSns]")


def coordinates(text: str) -> tuple[float, float] | None:
    """(latitude, longitude) in degrees, of the first coordinates in the text that lie on Earth and not at (0, 0).

    >>> coordinates("ÜT: 51.5074,-0.1278"), coordinates("40°26′46″N 79°58′56″W")
    ((51.5074, -0.1278), (40.446111, -79.982222))
    >>> coordinates("geo:48.2,16.37;u=40"), coordinates("open 24/7, call 555 1234")
    ((48.2, 16.37), None)
    """
    if not _MAY_HAVE.search(text):
        return None
    text = " ".join(text.split())  # long runs of spaces would make the patterns slow
    decimal = [*_GEO_URI.finditer(text), *_LABELLED.finditer(text), *_LINK.finditer(text)]
    decimal += [match for match in _DECIMAL.finditer(text) if _is_exact(match, text)]
    for match in decimal:
        place = _valid(_signed(match["lat"]), _signed(match["lon"]))
        if place is not None:
            return place
    for pattern in (_SPACED, _AFTER, _BEFORE):
        for match in pattern.finditer(text):
            angles = _angle(match, "a"), _angle(match, "o")
            place = _valid(*(_east(*angles) if match["oh"] in "Oo" else angles))
            if place is not None and (pattern is _SPACED or _is_precise(match[0])):
                return place
    return None


def _is_exact(match: re.Match[str], text: str) -> bool:
    """Whether two plain numbers are coordinates: with four decimals, or three and a sign; alone one less.

    Numbers below 2 are rates and shares rather than the middle of the Gulf of Guinea, unless one has a sign.
    """
    fewer, more = sorted(len(match[name].partition(".")[2]) for name in ("lat", "lon"))
    alone = not re.search(r"\w", text[: match.start()] + text[match.end() :])
    if match["degree"] or any(not match[name][0].isdigit() for name in ("lat", "lon")):
        return more >= 3 - alone
    if match["by"] == "/":
        return False
    return fewer >= 4 - alone and max(float(match["lat"]), float(match["lon"])) >= _RATES


def _signed(number: str) -> float:
    return float(re.sub(f"[{_MINUS}]", "-", number))


def _angle(match: re.Match[str], part: str) -> float:
    degrees, minutes, seconds = (float((match[part + unit] or "0").replace(",", ".")) for unit in "dms")
    if minutes >= 60 or seconds >= 60:
        return float("nan")
    angle = degrees + minutes / 60 + seconds / 3600
    return -angle if match[part + "h"].upper() in "SWO" else angle


def _east(latitude: float, longitude: float) -> tuple[float, float]:
    """The letter O is west in the Romance languages and east in German: in the middle of Europe it is taken for Ost."""
    return (latitude, -longitude) if 45 <= latitude <= 56 and -18 <= longitude <= -5 else (latitude, longitude)


def _is_precise(written: str) -> bool:
    """Letters and whole numbers alone ("5 N 7 E") are too little to go by."""
    return bool(re.search(r"[°º˚'’′]|\d[.,]\d", written))


def _valid(latitude: float, longitude: float) -> tuple[float, float] | None:
    if not (abs(latitude) <= 90 and abs(longitude) <= 180) or (latitude == 0 and longitude == 0):
        return None
    return round(latitude, 6), round(longitude, 6)
