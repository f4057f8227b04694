"""A record of `app.bsky.feed.post` as a post.

Lexicon: https://docs.bsky.app/docs/advanced-guides/posts. Offsets of facets count bytes of UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from tocsin.model import Author, Media, Post, Ref
from tocsin.sources._jetstream_wire import Message, moment

OLD, EARLY = timedelta(days=7), timedelta(minutes=5)
"""So far may a post's own time be from when the network heard of it."""
_TID = "234567abcdefghijklmnopqrstuvwxyz"


class _Uri(msgspec.Struct):
    uri: str = ""


class _Reply(msgspec.Struct):
    root: _Uri | None = None
    parent: _Uri | None = None


class _Feature(msgspec.Struct):
    type: str = msgspec.field(name="$type", default="")
    uri: str = ""
    tag: str = ""


class _Index(msgspec.Struct):
    start: int = msgspec.field(name="byteStart", default=0)
    end: int = msgspec.field(name="byteEnd", default=0)


class _Facet(msgspec.Struct):
    index: _Index = msgspec.field(default_factory=_Index)
    features: list[_Feature] = []


class _Image(msgspec.Struct):
    alt: str = ""


class _External(msgspec.Struct):
    uri: str = ""
    title: str = ""


class _Quoted(msgspec.Struct):
    uri: str = ""
    record: _Uri | None = None


class _Embed(msgspec.Struct):
    type: str = msgspec.field(name="$type", default="")
    images: list[_Image] = []
    external: _External | None = None
    record: _Quoted | None = None
    media: msgspec.Raw = msgspec.Raw()
    alt: str = ""


class _Label(msgspec.Struct):
    val: str = ""


class _Labels(msgspec.Struct):
    values: list[_Label] = []


class Record(msgspec.Struct):
    text: str
    created: str = msgspec.field(name="createdAt", default="")
    langs: list[str] = []
    facets: list[_Facet] = []
    tags: list[str] = []
    reply: _Reply | None = None
    embed: _Embed | None = None
    labels: _Labels | None = None


_records, _embeds = msgspec.json.Decoder(Record), msgspec.json.Decoder(_Embed)


def read(message: Message) -> Record:
    """The record of a create or update. Raises msgspec.DecodeError where it is no post's."""
    return _records.decode(message.record)


def heard_in(record: Record) -> Iterator[str]:
    """Everything in a record that a watch may look at."""
    yield record.text
    yield from record.tags
    for facet in record.facets:
        for feature in facet.features:
            yield from (feature.uri, feature.tag)
    if record.embed is not None and record.embed.external is not None:
        yield record.embed.external.uri


def post(message: Message, record: Record, source: str, received: datetime, *, backfilled: bool) -> Post:
    heard = moment(message.time_us)
    tags, mentions, links = _marks(record)
    media, quoted = _embedded(record.embed)
    embedded = [one.url for one in media if one.type == "link" and one.url]
    return Post(
        uid=f"{source}:{message.uri}", source=source, id=message.uri, text=record.text, received_at=received,
        created_at=_time(record.created, heard), url=f"https://bsky.app/profile/{message.did}/post/{message.rkey}",
        author=Author(id=message.did, url=f"https://bsky.app/profile/{message.did}"),
        lang=record.langs[0] if record.langs else None, langs=tuple(record.langs),
        hashtags=_distinct([*tags, *record.tags]), mentions=_distinct(mentions), urls=_distinct([*links, *embedded]),
        refs=_refs(source, record.reply, quoted), conversation=_root(record.reply), media=tuple(media),
        labels=tuple(label.val for label in record.labels.values if label.val) if record.labels else (),
        version=_version(message), edited_at=heard if message.operation == "update" else None, stream=source,
        backfilled=backfilled,
    )  # fmt: skip


def _time(written: str, heard: datetime) -> datetime:
    """What the author's program says, where that can be; else when the network heard of it."""
    with suppress(ValueError):
        time = datetime.fromisoformat(written)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        if heard - OLD <= time <= heard + EARLY:
            return time
    return heard


def _version(message: Message) -> int:
    """1, or for an update the more, the later it was: a revision is a time, as the record's key is."""
    if message.operation != "update":
        return 1
    later = max(_tid(message.rev) - _tid(message.rkey), 0) // 1_000_000
    return min(2 + later, 2**31 - 1)


def _tid(text: str) -> int:
    """Microseconds of a timestamp identifier (https://atproto.com/specs/tid); 0 if it is none."""
    if len(text) != 13 or any(sign not in _TID for sign in text):
        return 0
    number = 0
    for sign in text:
        number = number << 5 | _TID.index(sign)
    return number >> 10


def _marks(record: Record) -> tuple[list[str], list[str], list[str]]:
    """Hashtags, names and links that the text is marked with."""
    tags, mentions, links = list[str](), list[str](), list[str]()
    text = record.text.encode("utf-8", "surrogatepass") if record.facets else b""
    for facet in record.facets:
        for feature in facet.features:
            kind = feature.type.rpartition("#")[2]
            if kind == "tag":
                tags.append(feature.tag.lstrip("#"))
            elif kind == "link":
                links.append(feature.uri)
            elif kind == "mention":
                name = text[max(facet.index.start, 0) : max(facet.index.end, 0)].decode("utf-8", "ignore")
                mentions.append(name.lstrip("@"))
    return tags, mentions, links


def _embedded(embed: _Embed | None) -> tuple[list[Media], str | None]:
    """Pictures and links of an embed, and the post that it quotes."""
    if embed is None:
        return [], None
    media = [Media(type="image", alt=image.alt or None) for image in embed.images]
    if embed.external is not None and embed.external.uri:
        media.append(Media(type="link", url=embed.external.uri, title=embed.external.title or None))
    if embed.type.endswith("embed.video"):
        media.append(Media(type="video", alt=embed.alt or None))
    quoted = None
    if embed.record is not None:
        quoted = embed.record.uri or (embed.record.record.uri if embed.record.record else "") or None
    if bytes(embed.media):
        with suppress(msgspec.DecodeError):
            media += _embedded(_embeds.decode(embed.media))[0]
    return media, quoted


def _refs(source: str, reply: _Reply | None, quoted: str | None) -> tuple[Ref, ...]:
    answered = reply.parent.uri if reply is not None and reply.parent is not None else None
    refs = (_ref("reply", answered, source), _ref("quote", quoted, source))
    return tuple(ref for ref in refs if ref is not None)


def _ref(kind: Literal["reply", "quote"], uri: str | None, source: str) -> Ref | None:
    if not uri:
        return None
    author = uri.removeprefix("at://").partition("/")[0]
    return Ref(type=kind, id=f"{source}:{uri}", author_id=author or None)


def _root(reply: _Reply | None) -> str | None:
    return (reply.root.uri or None) if reply is not None and reply.root is not None else None


def _distinct(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
