"""A status of Mastodon as a post. https://docs.joinmastodon.org/entities/Status/"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from tocsin.model import Author, Media, Post, Ref
from tocsin.sources._html import plain
from tocsin.text import safe_url

_PLACES = (
    "location", "lives in", "based in", "city", "country", "hometown", "where", "ort", "wohnort", "standort", "heimat",
    "stadt", "lieu", "ville", "localisation", "ubicación", "lugar", "ciudad", "localização", "cidade", "plaats",
    "woonplaats", "locatie", "luogo", "città", "miasto", "lokalizacja", "sted", "stad", "plats", "paikka", "kaupunki",
    "yer", "konum", "şehir", "место", "город", "откуда", "場所", "所在地", "地点", "📍", "🌍", "🌎", "🌏", "🏠", "🗺",
)  # fmt: skip
"""What people call the line of their profile that says where they live. There is no such field of its own."""


class _Field(msgspec.Struct):
    name: str = ""
    value: str = ""


class Account(msgspec.Struct):
    id: str = ""
    acct: str = ""
    url: str = ""
    uri: str = ""
    display_name: str = ""
    note: str = ""
    followers_count: int | None = None
    following_count: int | None = None
    statuses_count: int | None = None
    bot: bool | None = None
    noindex: bool | None = None
    indexable: bool | None = None
    created_at: datetime | None = None
    fields: list[_Field] = []


class _Tag(msgspec.Struct):
    name: str = ""
    url: str = ""


class _Mention(msgspec.Struct):
    acct: str = ""
    url: str = ""


class _Attachment(msgspec.Struct):
    type: str = ""
    url: str | None = None
    description: str | None = None


class _Card(msgspec.Struct):
    url: str = ""
    title: str = ""


class _Quote(msgspec.Struct):
    quoted_status: Status | None = None


class Status(msgspec.Struct):
    id: str
    uri: str = ""
    url: str | None = None
    created_at: datetime | None = None
    edited_at: datetime | None = None
    content: str = ""
    spoiler_text: str = ""
    language: str | None = None
    visibility: str = "public"
    sensitive: bool = False
    account: Account = msgspec.field(default_factory=Account)
    tags: list[_Tag] = []
    mentions: list[_Mention] = []
    media_attachments: list[_Attachment] = []
    card: _Card | None = None
    in_reply_to_id: str | None = None
    in_reply_to_account_id: str | None = None
    reblog: Status | None = None
    quote: _Quote | None = None
    replies_count: int | None = None
    reblogs_count: int | None = None
    favourites_count: int | None = None


statuses: msgspec.json.Decoder[Status] = msgspec.json.Decoder(Status)
pages: msgspec.json.Decoder[list[Status]] = msgspec.json.Decoder(list[Status])


def post(status: Status, source: str, received: datetime, *, backfilled: bool) -> Post:
    """The uid is the status's address in the fediverse, the same on every server; `id` is this server's own number."""
    told = status.reblog or status
    text, links = plain(told.content)
    warning = told.spoiler_text.strip()
    own = {one.url for one in told.tags} | {one.url for one in told.mentions}
    card = [told.card.url] if told.card is not None and told.card.url else []
    return Post(
        uid=f"{source}:{status.uri or status.id}", source=source, id=status.uri or status.id,
        text=f"{warning}\n\n{text}" if warning and text else warning or text, received_at=received,
        created_at=status.created_at, url=safe_url(status.url or status.uri), author=_author(status.account),
        lang=told.language, hashtags=tuple(dict.fromkeys(tag.name for tag in told.tags if tag.name)),
        mentions=tuple(dict.fromkeys(one.acct for one in told.mentions if one.acct)),
        urls=tuple(dict.fromkeys(link for link in (*links, *card) if link not in own)), refs=_refs(status, source),
        metrics=_metrics(told), media=_media(told),
        labels=(*(("sensitive",) if told.sensitive else ()), *(("spoiler",) if warning else ())),
        version=_version(status), edited_at=status.edited_at, stream=source, backfilled=backfilled,
    )  # fmt: skip


def _author(account: Account) -> Author | None:
    name = account.uri or account.url or account.acct
    if not name:
        return None
    place = next((plain(one.value)[0] for one in account.fields if _is_place(one.name) and one.value.strip()), None)
    return Author(
        id=name, handle=account.acct or None, name=account.display_name or None, url=safe_url(account.url),
        description=plain(account.note)[0] or None, followers=account.followers_count,
        following=account.following_count, posts=account.statuses_count, created_at=account.created_at,
        location=place, bot=account.bot,
    )  # fmt: skip


def _is_place(name: str) -> bool:
    folded = name.strip().casefold().rstrip(":")
    return any(folded == word or (len(word) < 3 and word in folded) for word in _PLACES) or any(
        folded.startswith(word + " ") or folded.endswith(" " + word) for word in _PLACES
    )


def _version(status: Status) -> int:
    """1, or for an edit the more, the later it was: a status does not say how often it was edited."""
    if status.edited_at is None or status.created_at is None:
        return 1
    seconds = int((_aware(status.edited_at) - _aware(status.created_at)).total_seconds())
    return min(2 + max(seconds, 0), 2**31 - 1)


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _refs(status: Status, source: str) -> tuple[Ref, ...]:
    """A reply names the other by this server's number only, so its address is not known."""
    found: list[Ref] = []
    quoted = (status.reblog or status).quote
    others: list[tuple[Literal["repost", "quote"], Status | None]] = [
        ("repost", status.reblog), ("quote", None if quoted is None else quoted.quoted_status),
    ]  # fmt: skip
    for kind, other in others:
        if other is not None:
            author = other.account.uri or other.account.url or None
            found.append(Ref(kind, f"{source}:{other.uri or other.id}", author, plain(other.content)[0] or None))
    if status.in_reply_to_id:
        found.append(Ref("reply", f"{source}:{status.in_reply_to_id}", status.in_reply_to_account_id))
    return tuple(found)


def _metrics(status: Status) -> dict[str, int]:
    counts = {"replies": status.replies_count, "reposts": status.reblogs_count, "likes": status.favourites_count}
    return {name: count for name, count in counts.items() if count is not None}


def _media(status: Status) -> tuple[Media, ...]:
    kinds = {"gifv": "gif"}
    found = [
        Media(kinds.get(one.type, one.type), one.url, one.description) for one in status.media_attachments if one.type
    ]
    card: Sequence[Media] = ()
    if status.card is not None and status.card.url:
        card = [Media(type="link", url=status.card.url, title=status.card.title or None)]
    return (*found, *card)
