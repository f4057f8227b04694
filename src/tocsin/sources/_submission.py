"""What others may send to the webhook, turned into events; or the reasons why not.

An item is a post, in the plain shape of docs/reference/webhook.md or as Tocsin's own `Post`, or a demand to
delete. Unknown fields are ignored. A request is taken whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from tocsin.model import Author, Delete, Event, Media, Place, Post, Ref
from tocsin.text import MAX_TEXT, one_line, storable
from tocsin.times import Form

MAX_ITEMS = 10_000
MAX_COMMAS = 350_000
"""More commas than a request of posts can have: what is not posts is refused before it takes up memory."""
MAX_WORDS = 1000
MAX_ID = 512
MAX_REASONS = 20
_MILLISECONDS_FROM = 100_000_000_000
_ISO, _UNIX, _UNIX_MS = Form("iso"), Form("unix"), Form("unix_ms")

Body = Literal["json", "lines", "either"]
Id = str | int
Moment = str | int | float
Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Latitude = Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, msgspec.Meta(ge=-180.0, le=180.0)]


class Rejected(Exception):
    """A request that is not taken: the HTTP status, why, and for single items their index and reason."""

    def __init__(self, status: int, reason: str, items: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(reason)
        self.status, self.reason, self.items = status, reason, items


class _Author(msgspec.Struct, frozen=True):
    id: Id | None = None
    handle: str | None = None
    name: str | None = None
    url: str | None = None
    description: str | None = None
    followers: Count | None = None
    following: Count | None = None
    posts: Count | None = None
    created_at: Moment | None = None
    location: str | None = None
    verified: bool | None = None
    bot: bool | None = None


class _Place(msgspec.Struct, frozen=True):
    name: str | None = None
    country: str | None = None
    lat: Latitude | None = None
    lon: Longitude | None = None
    bbox: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    level: Literal["point", "city", "region", "country"] | None = None
    origin: Literal["post_geo", "post_place", "coordinates", "text", "profile", "source"] | None = None
    confidence: float | None = None


class _Item(msgspec.Struct, frozen=True):
    kind: str = "post"
    id: Id | None = None
    uid: str | None = None
    text: str = ""
    title: str | None = None
    created_at: Moment | None = None
    edited_at: Moment | None = None
    url: str | None = None
    author: _Author | str | None = None
    language: str | None = None
    lang: str | None = None
    langs: tuple[str, ...] = ()
    place: _Place | str | None = None
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    cashtags: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()
    conversation: str | None = None
    metrics: dict[str, Count] = {}
    media: tuple[Media, ...] = ()
    labels: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] = 1
    backfilled: bool = False
    delete: Id | None = None
    author_id: Id | None = None
    up_to_id: Id | None = None
    scope: Literal["post", "author", "geo"] | None = None
    reason: str | None = None
    reversible: bool = False
    at: Moment | None = None


_items = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(_Item)


def parse(body: bytes, form: Body, source: str, received: datetime) -> list[Event]:
    """The events in a request's body. Raises Rejected: 400 (not JSON), 413 (too much) or 422 (items, with reasons).

    `json` is one object or an array, `lines` one object a line, `either` whichever of them fits.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    if body.count(b",") > MAX_COMMAS:
        raise Rejected(413, "the request holds too many values; send it in parts")
    events: list[Event] = []
    refused: list[tuple[int, str]] = []
    for index, raw in enumerate(_split(body, form)):
        if index >= MAX_ITEMS:
            raise Rejected(413, f"send at most {MAX_ITEMS:,} items in a request")
        try:
            events.append(_event(_decode(_item, raw), source, received))
        except ValueError as error:
            refused.append((index, one_line(str(error), 200)))
    if refused:
        total = f"{len(refused)} of {len(refused) + len(events)} items cannot be used; nothing was kept"
        raise Rejected(422, total, refused[:MAX_REASONS])
    return events


def _split(body: bytes, form: Body) -> Iterator[bytes | msgspec.Raw]:
    """The items of a body, each as its JSON text. Lines end at a newline and nothing else."""
    if form == "lines" or (form == "either" and not _is_one_document(body)):
        yield from (line for line in body.split(b"\n", MAX_ITEMS * 2) if line.strip())
    elif body.lstrip()[:1] == b"[":
        try:
            yield from _decode(_items, body)
        except ValueError as error:
            raise Rejected(400, f"the body is not JSON: {one_line(str(error), 200)}") from None
    else:
        if not _is_one_document(body):
            raise Rejected(400, "the body is not JSON: send an object, an array, or one object a line")
        yield body


def _is_one_document(body: bytes) -> bool:
    try:
        _decode(msgspec.json.Decoder(msgspec.Raw), body)
    except ValueError:
        return False
    return True


def _decode(decoder: msgspec.json.Decoder[Any], text: bytes | msgspec.Raw) -> Any:
    """Raises ValueError, and nothing else, if the text does not hold what is wanted."""
    try:
        return decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _event(item: _Item, source: str, received: datetime) -> Event:
    item = _tidy(item)
    if item.delete is not None or item.kind == "delete":
        return _delete(item, source, received)
    if item.kind != "post":
        raise ValueError(f"kind must be post or delete, not {item.kind!r}")
    if not item.text.strip() and not (item.title or "").strip():
        raise ValueError("it has no text")
    return _post(item, source, received)


def _post(item: _Item, source: str, received: datetime) -> Post:
    author = _author(item.author)
    created = _moment(item.created_at, "created_at")
    native = _native(item.id) if item.id is not None else _content_id(source, author, created, item.text)
    return Post(
        uid=f"{source}:{native}",
        source=source,
        id=native,
        text=item.text,
        title=item.title,
        received_at=received,
        created_at=created,
        edited_at=_moment(item.edited_at, "edited_at"),
        url=item.url,
        author=author,
        lang=item.language or item.lang,
        place=_place(item.place),
        stream=source,
        **{name: getattr(item, name) for name in _SAME},
    )


_SAME = (
    "langs", "hashtags", "mentions", "urls", "cashtags", "refs", "conversation", "metrics", "media", "labels", "topics",
    "version", "backfilled",
)  # fmt: skip


def _delete(item: _Item, source: str, received: datetime) -> Delete:
    native = item.delete if item.delete is not None else item.id
    if native is None and item.uid:
        native = item.uid.partition(":")[2] or item.uid
    author = None if item.author_id is None else _native(item.author_id)
    if native is None and author is None:
        raise ValueError("a delete must name a post (delete, id or uid) or an author_id")
    return Delete(
        source=source,
        uid=None if native is None else f"{source}:{_native(native)}",
        author_id=author,
        up_to_id=None if item.up_to_id is None else str(item.up_to_id),
        scope=item.scope or ("author" if native is None else "post"),
        reason=item.reason,
        reversible=item.reversible,
        at=_moment(item.at, "at") or received,
    )


def _author(given: _Author | str | None) -> Author | None:
    if given is None or isinstance(given, str):
        return Author(id=given, handle=given) if given else None
    native = given.id if given.id is not None else given.handle or given.name
    if native is None or native == "":
        return None
    fields = msgspec.structs.asdict(given)
    return Author(**fields | {"id": _native(native), "created_at": _moment(given.created_at, "author.created_at")})


def _place(given: _Place | str | None) -> Place | None:
    if given is None or isinstance(given, str):
        return Place(name=given, origin="post_place") if given else None
    if (given.lat is None) != (given.lon is None):
        raise ValueError("a place needs both lat and lon, or neither")
    country = given.country.upper() if given.country else None
    if country is not None and not re.fullmatch("[A-Z]{2}", country):
        raise ValueError("place.country must be two letters (ISO 3166-1 alpha-2), like DE")
    origin = given.origin or ("post_place" if given.lat is None else "post_geo")
    return Place(**msgspec.structs.asdict(given) | {"country": country, "origin": origin})


def _native(given: Id) -> str:
    text = str(given).strip()
    if not text or len(text) > MAX_ID:
        raise ValueError(f"an id must have 1 to {MAX_ID} characters")
    return text


def _moment(given: Moment | None, field: str) -> datetime | None:
    """ISO 8601 (UTC where it names no zone), or Unix seconds or milliseconds."""
    if given is None:
        return None
    try:
        if isinstance(given, str):
            return _ISO.parse(given)
        return (_UNIX_MS if abs(given) >= _MILLISECONDS_FROM else _UNIX).parse(given)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None


def _content_id(source: str, author: Author | None, created: datetime | None, text: str) -> str:
    """An id for a post that has none: two posts that agree in source, author, time and text are one."""
    parts = [source, author.id if author else None, created.isoformat() if created else None, text]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _tidy(value: Any) -> Any:
    """The same value with every string fit to be stored, and long lists cut."""
    if isinstance(value, str):
        return storable(value, MAX_TEXT)
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: _tidy(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, tuple):
        return tuple(_tidy(part) for part in value[:MAX_WORDS])
    if isinstance(value, dict):
        return {storable(key, MAX_ID): count for key, count in list(value.items())[:MAX_WORDS]}
    return value
