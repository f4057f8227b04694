"""Columns of a file and what they mean: which column is the text, and a row made a Post."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from tocsin.errors import ConfigError
from tocsin.hints import did_you_mean, printable
from tocsin.model import Author, Place, Post, Ref
from tocsin.records import event_time
from tocsin.times import Form

log = logging.getLogger(__name__)

Field = Literal[
    "id", "text", "created_at", "author", "author_id", "author_name", "author_location", "url", "title", "language",
    "lat", "lon", "coordinates", "reply_to", "repost_of", "quote_of", "hashtags", "mentions", "urls",
]  # fmt: skip
FIELDS: tuple[Field, ...] = get_args(Field)
_NEEDED: tuple[Field, ...] = ("text", "created_at")

_USUAL: dict[Field, str] = {
    "id": "id tweet_id post_id status_id message_id id_str tweetid uid",
    "text": "text full_text content body message tweet_text tweet post post_text comment",
    "created_at": "created_at tweet_created created date datetime date_time time timestamp published published_at "
    "posted_at created_utc tweet_created_at",
    "author": "author author_handle handle screen_name user_screen_name username user_username user name",
    "author_id": "author_id user_id user_id_str author_did",
    "author_name": "author_name display_name user_name",
    "author_location": "author_location user_location tweet_location location",
    "url": "url link permalink tweet_url post_url",
    "title": "title headline subject",
    "language": "language lang",
    "lat": "lat latitude",
    "lon": "lon lng long longitude",
    "coordinates": "coordinates tweet_coord coord coords geo",
    "reply_to": "reply_to in_reply_to in_reply_to_id in_reply_to_status_id in_reply_to_status_id_str",
    "repost_of": "repost_of retweet_of retweeted_status_id reblog_of",
    "quote_of": "quote_of quoted_status_id quoted_status_id_str",
    "hashtags": "hashtags",
    "mentions": "mentions",
    "urls": "urls links",
}
"""Names that columns often have, best first; upper case, spaces, dashes and dots make no difference."""

_SEPARATORS = re.compile(r"[\s,;|]+")
_LONGEST_PAIR = 100
_PAIR = re.compile(r"\s*[\[(]?\s*(-?\d{1,3}(?:\.\d+)?)\s*[,;\s]\s*(-?\d{1,3}(?:\.\d+)?)\s*[\])]?\s*", re.ASCII)


def _plain(column: str) -> str:
    return re.sub(r"[\W_]+", "_", column).strip("_").lower()


def resolve(columns: Sequence[str], given: dict[Field, str | None], where: str, *, sparse: bool) -> dict[Field, str]:
    """Which column each field is taken from: as `given` (None: from nowhere), else the column with a usual name.

    Raises ConfigError, naming the columns there are, for a given column that does not exist and where no column
    has the text or the time. In `sparse` files a column that no record looked at has is only warned of.
    """
    found: dict[Field, str] = {}
    for field, column in given.items():
        if column is not None and column not in columns:
            hint = f"its columns are {_listed(columns)}"
            near = did_you_mean(column, columns)
            hint = f"{near} {hint}" if near else hint
            if not sparse or field in _NEEDED:
                raise ConfigError(f"{where} has no column {column!r}", hint=hint)
            log.warning("%s: no record at its beginning has %s: %s", where, column, hint)
        if column is not None:
            found[field] = column
    taken = set(found.values())
    by_plain = {_plain(column): column for column in reversed(columns)}
    for field in FIELDS:
        if field not in given:
            usual = (by_plain.get(name) for name in _USUAL[field].split())
            column = next((name for name in usual if name is not None and name not in taken), None)
            if column is not None:
                found[field] = column
                taken.add(column)
    for field in _NEEDED:
        if field not in found:
            what = "the text of the post" if field == "text" else "the time of the post"
            raise ConfigError(
                f"{where} has no column that is known to be {what}",
                hint=f"write fields: {{{field}: COLUMN}} with one of its columns: {_listed(columns)}",
            )
    return found


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(printable(column) for column in columns[:30])
    return f"{shown}, and {len(columns) - 30} more" if len(columns) > 30 else shown or "none"


def _text(value: Any) -> str | None:
    """A cell as text, None if it is blank or no single value."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, bool | list | dict):
        return None
    return str(value)


def _words(value: Any, mark: str = "") -> tuple[str, ...]:
    """Several words in one cell: a list, JSON for a list, or words with spaces, commas, semicolons or bars between."""
    if not value:
        return ()
    if isinstance(value, str):
        value = value.strip()
        if value.startswith("["):
            try:
                value = msgspec.json.decode(value)
            except (msgspec.DecodeError, RecursionError):
                value = _SEPARATORS.split(value.strip("[]").replace("'", "").replace('"', ""))
        else:
            value = _SEPARATORS.split(value)
    if not isinstance(value, list):
        return ()
    words = (word.strip().lstrip(mark) for word in value if isinstance(word, str))
    return tuple(word for word in words if word)


def _degrees(value: Any, limit: float) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if -limit <= number <= limit else None


def _place(lat: Any, lon: Any, pair: Any) -> Place | None:
    """A point from two columns, or from one: "[40.1, -73.9]" is latitude, longitude; GeoJSON is the other way round.

    Nothing, or 0, 0 (what programs write for nothing), is no place.
    """
    if isinstance(pair, dict):
        pair = pair.get("coordinates")
        pair = pair[::-1] if isinstance(pair, list) else None
    if isinstance(pair, str):
        match = _PAIR.fullmatch(pair[:_LONGEST_PAIR])
        pair = list(match.groups()) if match is not None else None
    if isinstance(pair, list) and len(pair) == 2 and not (lat or lon):
        lat, lon = pair
    north, east = _degrees(lat, 90), _degrees(lon, 180)
    if north is None or east is None or north == east == 0:
        return None
    return Place(lat=north, lon=east, level="point", origin="post_geo")


def _author(handle: Any, author_id: Any, name: Any, location: Any) -> Author | None:
    """The author, known by the best that there is; by nothing ("") where only a location is given."""
    handle, name = _text(handle) if handle else None, _text(name) if name else None
    author_id = _text(author_id) if author_id else None
    location = _text(location) if location else None
    if handle:
        handle = handle.lstrip("@")
    known = author_id or handle or name
    if not known and not location:
        return None
    return Author(id=known or "", handle=handle, name=name, location=location)


class RowMapper:
    """Makes posts of rows. `values` are those of `FIELDS`, in that order."""

    def __init__(self, source: str, form: Form) -> None:
        self._source, self._form = source, form

    def post(self, values: Sequence[Any], received: datetime) -> Post:
        """The post that a row is. Raises ValueError with the reason why it is none."""
        (given_id, text, when, handle, author_id, name, location, url, title, language) = values[:10]
        created = self._form.parse(when)
        if event_time(created, received, live=False) is None:
            raise ValueError(f"{created:%Y-%m-%dT%H:%M:%SZ} is not between 1990 and now")
        if not isinstance(text, str):
            if isinstance(text, list | dict):
                raise ValueError("the text column holds no text")
            text = _text(text) or ""
        url, title = _text(url) if url else None, _text(title) if title else None
        urls = _words(values[18]) if values[18] else ()
        if not text.strip() and not (url or title or urls):
            raise ValueError("no text")
        author = _author(handle, author_id, name, location) if handle or author_id or name or location else None
        native = _text(given_id) or self._made_id(author.id if author else "", created, text)
        lat, lon, pair, reply, repost, quote, hashtags, mentions = values[10:18]
        return Post(
            uid=f"{self._source}:{native}",
            source=self._source,
            id=native,
            text=text,
            received_at=received,
            created_at=created,
            url=url,
            author=author,
            title=title,
            lang=_text(language) if language else None,
            place=_place(lat, lon, pair) if pair or lat is not None else None,
            hashtags=_words(hashtags, "#") if hashtags else (),
            mentions=_words(mentions, "@") if mentions else (),
            urls=urls,
            refs=self._refs(reply, repost, quote) if reply or repost or quote else (),
        )

    def _made_id(self, author: str, created: datetime, text: str) -> str:
        parts = (self._source, author, created.isoformat(), text)
        return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()

    def _refs(self, reply: Any, repost: Any, quote: Any) -> tuple[Ref, ...]:
        kinds: tuple[tuple[Literal["reply", "repost", "quote"], str | None], ...] = (
            ("reply", _text(reply)),
            ("repost", _text(repost)),
            ("quote", _text(quote)),
        )
        return tuple(Ref(type=kind, id=f"{self._source}:{value}") for kind, value in kinds if value)
