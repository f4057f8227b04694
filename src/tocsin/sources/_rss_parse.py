"""Feeds as lists of items: RSS 0.9x, 1.0 and 2.0, Atom 1.0, JSON Feed 1.

Specifications: https://www.rssboard.org/rss-specification, RFC 4287, https://www.jsonfeed.org/version/1.1. Names are
known without regard to namespace prefixes. The parser is expat's, without entities of the feed's own, external ones or
more depth than a feed can have; of a feed that breaks off, the items before the break are given.
"""

from __future__ import annotations

import html
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin
from xml.parsers import expat

import msgspec

MAX_ITEMS = 2000
MAX_DEPTH = 100
MAX_FIELD = 200_000
"""Characters of one field of one item."""
_ATOM = "http://www.w3.org/2005/Atom"
_NAMES = {
    "guid": "id", "id": "id", "title": "title", "link": "link", "pubDate": "published", "published": "published",
    "date": "published", "issued": "published", "updated": "updated", "modified": "updated", "description": "summary",
    "summary": "summary", "encoded": "content", "content": "content", "creator": "author", "author": "author",
    "name": "author", "category": "category", "subject": "category", "language": "language", "lang": "language",
}  # fmt: skip
_ITEMS = frozenset({"item", "entry"})
_BLOCKS = frozenset({"p", "br", "div", "li", "h1", "h2", "h3"})


class NotAFeed(ValueError):
    """What came is no feed, or one that may not be read."""


@dataclass
class Item:
    """One item; texts may be HTML. `id` is what the feed says, else the link."""

    id: str = ""
    title: str = ""
    link: str = ""
    author: str = ""
    summary: str = ""
    content: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    categories: list[str] = field(default_factory=list)


@dataclass
class Feed:
    """`broken` says why a feed ends early, if it does."""

    items: list[Item]
    title: str = ""
    language: str = ""
    ttl: float | None = None
    broken: str | None = None


def parse(body: bytes, url: str) -> Feed:
    """The feed of a body that came from this address. Raises NotAFeed."""
    start = body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return _json(body, url)
    if start.lower().startswith((b"<!doctype html", b"<html")):
        raise NotAFeed("it is a web page, not a feed")
    return _Xml(url).read(body)


def when(text: str) -> datetime | None:
    """A time as RFC 822 or ISO 8601 writes it, in UTC; without a zone it is taken for UTC.

    >>> when("Sun, 01 Mar 2026 13:00:00 +0100"), when("2026-03-01T12:00:00Z") == when("2026-03-01T12:00:00")
    (datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.timezone.utc), True)
    """
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            time = read(text.strip())
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    return None


class _Xml:
    def __init__(self, url: str) -> None:
        self._url = url
        self._feed = Feed([])
        self._item: Item | None = None
        self._path: list[str] = []
        self._field = ""
        self._depth = 0
        self._text: list[str] = []
        self._size = 0
        self._is_feed = False

    def read(self, body: bytes) -> Feed:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.UseForeignDTD(True)  # so that HTML's own entities are skipped, not errors
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.SkippedEntityHandler = self._entity
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            if not self._is_feed:
                raise NotAFeed(f"it is not XML: {error}") from None
            self._feed.broken = str(error)
        if not self._is_feed:
            raise NotAFeed("it is XML, but neither RSS nor Atom")
        return self._feed

    @staticmethod
    def _refuse(*_: Any) -> None:
        raise NotAFeed("it declares entities of its own, which feeds do not need and attacks do")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        self._path.append(local)
        if len(self._path) > MAX_DEPTH:
            raise NotAFeed(f"its elements are nested more than {MAX_DEPTH} deep")
        self._is_feed |= local in {"rss", "RDF"} or (local == "feed" and (space == _ATOM or not space))
        if self._field:
            self._data("\n" if local in _BLOCKS else "")
        elif local in _ITEMS and self._is_feed:
            self._item = Item() if len(self._feed.items) < MAX_ITEMS else None
        elif local == "link" and attributes.get("href"):
            if attributes.get("rel", "alternate") == "alternate":
                self._put("link", attributes["href"])
        elif local == "category" and attributes.get("term"):
            self._put("category", attributes["term"])
        elif local in _NAMES or local == "ttl":
            self._field, self._depth, self._text, self._size = local, len(self._path), [], 0
            if local in {"author"} and space == _ATOM:
                self._field = ""  # its name is a child

    def _end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if self._field and self._depth == len(self._path):
            self._put(_NAMES.get(self._field, "ttl"), "".join(self._text).strip())
            self._field = ""
        elif local in _ITEMS and self._item is not None and not self._field:
            self._item.id = self._item.id or self._item.link
            self._feed.items.append(self._item)
            self._item = None
        self._path.pop()

    def _data(self, text: str) -> None:
        if self._field and self._size < MAX_FIELD:
            self._text.append(text[: MAX_FIELD - self._size])
            self._size += len(text)

    def _entity(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            self._data(html.unescape(f"&{name};"))

    def _put(self, name: str, value: str) -> None:
        if not value:
            return
        if self._item is None:
            self._of_feed(name, value)
        elif name in {"published", "updated"}:
            if getattr(self._item, name) is None:
                setattr(self._item, name, when(value))
        elif name == "category":
            self._item.categories.append(value)
        elif name == "link":
            self._item.link = self._item.link or urljoin(self._url, value)
        elif name in {"id", "title", "author", "summary", "content"} and not getattr(self._item, name):
            setattr(self._item, name, value)

    def _of_feed(self, name: str, value: str) -> None:
        if name == "title" and len(self._path) <= 3:
            self._feed.title = self._feed.title or value
        elif name == "language":
            self._feed.language = value
        elif name == "ttl":
            with suppress(ValueError):
                self._feed.ttl = min(max(float(value), 0.0), 1440.0) * 60


class _JsonAuthor(msgspec.Struct):
    name: str = ""


class _JsonItem(msgspec.Struct):
    id: str | int | float = ""
    url: str = ""
    title: str = ""
    content_html: str = ""
    content_text: str = ""
    summary: str = ""
    date_published: str = ""
    date_modified: str = ""
    author: _JsonAuthor | None = None
    authors: list[_JsonAuthor] = []
    tags: list[str] = []


class _JsonFeed(msgspec.Struct):
    version: str
    title: str = ""
    language: str = ""
    items: list[msgspec.Raw] = []


def _json(body: bytes, url: str) -> Feed:
    try:
        found = msgspec.json.decode(body, type=_JsonFeed)
    except msgspec.MsgspecError as error:
        raise NotAFeed(f"it is not a JSON Feed: {error}") from None
    feed = Feed([], found.title, found.language)
    for raw in found.items[:MAX_ITEMS]:
        try:
            feed.items.append(_json_item(msgspec.json.decode(raw, type=_JsonItem), url))
        except msgspec.MsgspecError as error:
            feed.broken = f"item {len(feed.items) + 1}: {error}"
    return feed


def _json_item(item: _JsonItem, url: str) -> Item:
    names = [author.name for author in (item.authors or ([item.author] if item.author else [])) if author.name]
    text = item.content_html or html.escape(item.content_text)
    link = urljoin(url, item.url) if item.url else ""
    return Item(
        str(item.id) or link, item.title[:MAX_FIELD], link, ", ".join(names), item.summary[:MAX_FIELD],
        text[:MAX_FIELD], when(item.date_published), when(item.date_modified), item.tags,
    )  # fmt: skip
