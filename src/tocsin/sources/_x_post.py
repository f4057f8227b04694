"""A post of X's API v2 as a post, in both of its vocabularies: what was `tweet` is becoming `post`.

https://docs.x.com/x-api/fundamentals/data-dictionary. Objects beside a post are found by their ids, never by place.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal

import msgspec

from tocsin.model import Author, Place, Post, Ref

TWEET_FIELDS = (
    "created_at,author_id,lang,text,note_tweet,entities,geo,public_metrics,referenced_tweets,conversation_id,"
    "in_reply_to_user_id,edit_history_tweet_ids,context_annotations,possibly_sensitive,withheld,attachments"
)
QUERY = {
    "tweet.fields": TWEET_FIELDS,
    "expansions": "author_id,geo.place_id,referenced_tweets.id,referenced_tweets.id.author_id",
    "user.fields": "username,name,location,verified,verified_type,public_metrics,created_at,description",
    "place.fields": "full_name,name,country,country_code,place_type,geo",
}
"""What is asked for with every post. Pictures would be more objects to pay for, and no words."""
EPOCH_MS = 1_288_834_974_657
_LANGUAGES = {"iw": "he", "in": "id", "ji": "yi"}
_NO_LANGUAGE = ("und", "zxx", "art")
_KINDS: dict[str, Literal["repost", "quote", "reply"]] = {
    "retweeted": "repost", "reposted": "repost", "quoted": "quote", "replied_to": "reply",
}  # fmt: skip
_LEVELS: dict[str, Literal["point", "city", "region", "country"]] = {
    "poi": "point", "neighborhood": "point", "city": "city", "admin": "region", "country": "country",
}  # fmt: skip


class _Url(msgspec.Struct):
    url: str = ""
    expanded_url: str = ""
    unwound_url: str = ""
    media_key: str = ""


class _Tag(msgspec.Struct):
    tag: str = ""


class _Mention(msgspec.Struct):
    username: str = ""


class _Entities(msgspec.Struct):
    urls: list[_Url] = []
    hashtags: list[_Tag] = []
    cashtags: list[_Tag] = []
    mentions: list[_Mention] = []


class _Note(msgspec.Struct):
    text: str = ""
    entities: _Entities | None = None


class _Reference(msgspec.Struct):
    type: str = ""
    id: str = ""


class _Point(msgspec.Struct):
    coordinates: list[float] = []


class _Geo(msgspec.Struct):
    place_id: str = ""
    coordinates: _Point | None = None


class _Counts(msgspec.Struct):
    retweet_count: int | None = None
    repost_count: int | None = None
    reply_count: int | None = None
    like_count: int | None = None
    quote_count: int | None = None
    impression_count: int | None = None
    followers_count: int | None = None
    following_count: int | None = None
    tweet_count: int | None = None
    post_count: int | None = None


class _Named(msgspec.Struct):
    name: str = ""


class _Annotation(msgspec.Struct):
    entity: _Named | None = None


class Tweet(msgspec.Struct):
    id: str
    text: str = ""
    author_id: str = ""
    created_at: str = ""
    lang: str = ""
    conversation_id: str = ""
    edit_history_tweet_ids: list[str] = []
    edit_history_post_ids: list[str] = []
    referenced_tweets: list[_Reference] = []
    referenced_posts: list[_Reference] = []
    note_tweet: _Note | None = None
    note_post: _Note | None = None
    entities: _Entities | None = None
    geo: _Geo | None = None
    public_metrics: _Counts | None = None
    context_annotations: list[_Annotation] = []
    possibly_sensitive: bool = False

    @property
    def history(self) -> list[str]:
        """The ids of all versions, oldest first."""
        return self.edit_history_tweet_ids or self.edit_history_post_ids or [self.id]

    @property
    def root(self) -> str:
        """The id that the post keeps through its edits."""
        return self.history[0]


class User(msgspec.Struct):
    id: str = ""
    username: str = ""
    name: str = ""
    location: str = ""
    description: str = ""
    verified: bool | None = None
    created_at: str = ""
    public_metrics: _Counts | None = None


class _Shape(msgspec.Struct):
    bbox: list[float] = []


class XPlace(msgspec.Struct):
    id: str = ""
    full_name: str = ""
    name: str = ""
    country_code: str = ""
    place_type: str = ""
    geo: _Shape | None = None


class Includes(msgspec.Struct):
    users: list[User] = []
    places: list[XPlace] = []
    tweets: list[Tweet] = []
    posts: list[Tweet] = []


class Matched(msgspec.Struct):
    id: str = ""
    tag: str = ""


class Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    type: str = ""
    disconnect_type: str = ""


class Line(msgspec.Struct):
    """One line of the stream: a post, or the word that the stream ends (`errors` without `data`)."""

    data: Tweet | None = None
    includes: Includes = msgspec.field(default_factory=Includes)
    matching_rules: list[Matched] = []
    errors: list[Problem] = []


class Meta(msgspec.Struct):
    next_token: str = ""


class Page(msgspec.Struct):
    """One page of a search."""

    data: list[Tweet] = []
    includes: Includes = msgspec.field(default_factory=Includes)
    meta: Meta = msgspec.field(default_factory=Meta)


lines: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)
pages: msgspec.json.Decoder[Page] = msgspec.json.Decoder(Page)


def post(tweet: Tweet, beside: Includes, source: str, received: datetime, *, backfilled: bool) -> Post:
    """A repost has the whole text of what it repeats, and that post's tags and links."""
    others = {one.id: one for one in (*beside.tweets, *beside.posts)}
    refs = tweet.referenced_tweets or tweet.referenced_posts
    told = next((others[ref.id] for ref in refs if _KINDS.get(ref.type) == "repost" and ref.id in others), tweet)
    note = told.note_tweet or told.note_post
    marks = (note.entities if note is not None and note.text else None) or told.entities or _Entities()
    user = next((one for one in beside.users if one.id == tweet.author_id), None)
    return Post(
        uid=f"{source}:{tweet.root}", source=source, id=tweet.id,
        text=_text(note.text if note is not None and note.text else told.text, marks),
        received_at=received, created_at=_time(tweet.created_at),
        url=f"https://x.com/{user.username if user else 'i'}/status/{tweet.id}", author=_author(tweet, user),
        lang=_language(tweet.lang), place=_place(tweet.geo, beside.places),
        hashtags=_distinct(one.tag for one in marks.hashtags),
        mentions=_distinct(one.username for one in marks.mentions),
        urls=_distinct(_link(one) for one in marks.urls if not one.media_key),
        cashtags=_distinct(one.tag for one in marks.cashtags), refs=_refs(refs, others, source),
        conversation=tweet.conversation_id or None, metrics=_metrics(tweet.public_metrics),
        labels=("sensitive",) if tweet.possibly_sensitive else (), topics=_topics(tweet.context_annotations),
        version=len(tweet.history), edited_at=_moment(tweet.id) if len(tweet.history) > 1 else None, stream=source,
        backfilled=backfilled,
    )  # fmt: skip


def _text(text: str, marks: _Entities) -> str:
    """The text as people see it: links whole, those to its own pictures gone, `&amp;` an ampersand."""
    for one in marks.urls:
        if one.url:
            text = text.replace(one.url, "" if one.media_key else _link(one))
    return html.unescape(text).strip() if "&" in text else text.strip()


def _link(url: _Url) -> str:
    return url.unwound_url or url.expanded_url or url.url


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _time(written: str) -> datetime | None:
    with suppress(ValueError):
        time = datetime.fromisoformat(written)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return None


def _moment(id: str) -> datetime | None:
    """When an id was made: ids hold their time (https://docs.x.com/fundamentals/x-ids)."""
    with suppress(ValueError, OverflowError):
        return datetime.fromtimestamp(((int(id) >> 22) + EPOCH_MS) / 1000, UTC)
    return None


def _language(code: str) -> str | None:
    code = code.lower()
    known = code and code not in _NO_LANGUAGE and not code.startswith("q")
    return _LANGUAGES.get(code, code) if known else None


def _author(tweet: Tweet, user: User | None) -> Author | None:
    if user is None:
        return Author(id=tweet.author_id) if tweet.author_id else None
    counts = user.public_metrics or _Counts()
    posts = counts.tweet_count if counts.tweet_count is not None else counts.post_count
    return Author(
        id=user.id, handle=user.username or None, name=user.name or None, url=f"https://x.com/{user.username}",
        description=user.description or None, followers=counts.followers_count, following=counts.following_count,
        posts=posts, created_at=_time(user.created_at), location=user.location or None, verified=user.verified,
    )  # fmt: skip


def _place(geo: _Geo | None, places: Sequence[XPlace]) -> Place | None:
    if geo is None:
        return None
    found = next((one for one in places if one.id == geo.place_id), XPlace())
    country = found.country_code.upper() if len(found.country_code) == 2 else None
    name = found.full_name or found.name or None
    if geo.coordinates is not None and len(geo.coordinates.coordinates) == 2:
        lon, lat = geo.coordinates.coordinates
        return Place(name=name, country=country, lat=lat, lon=lon, level="point", origin="post_geo")
    box = found.geo.bbox if found.geo is not None and len(found.geo.bbox) == 4 else []
    if not name and not box:
        return None
    level = _LEVELS.get(found.place_type)
    if not box:
        return Place(name=name, country=country, level=level, origin="post_place")
    west, south, east, north = box
    return Place(
        name=name, country=country, lat=(south + north) / 2, lon=(west + east) / 2, bbox=(west, south, east, north),
        level=level, origin="post_place",
    )  # fmt: skip


def _refs(refs: Sequence[_Reference], others: dict[str, Tweet], source: str) -> tuple[Ref, ...]:
    found = []
    for ref in refs:
        if (kind := _KINDS.get(ref.type)) is not None and ref.id:
            other = others.get(ref.id, Tweet(ref.id))
            found.append(
                Ref(kind, f"{source}:{other.root}", other.author_id or None, html.unescape(other.text) or None)
            )
    return tuple(found)


def _metrics(counts: _Counts | None) -> dict[str, int]:
    if counts is None:
        return {}
    reposts = counts.retweet_count if counts.retweet_count is not None else counts.repost_count
    found = {
        "reposts": reposts,
        "replies": counts.reply_count,
        "likes": counts.like_count,
        "quotes": counts.quote_count,
        "views": counts.impression_count,
    }
    return {name: count for name, count in found.items() if count is not None}


def _topics(annotations: Sequence[_Annotation]) -> tuple[str, ...]:
    return _distinct(one.entity.name for one in annotations if one.entity is not None)
