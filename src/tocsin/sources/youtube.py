"""YouTube: comments on videos and channels, by the Data API with a key; docs/reference/youtube.md says how.

https://developers.google.com/youtube/v3/docs/commentThreads/list: a page costs one unit of a day's 10,000.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field, SecretStr, model_validator
from yarl import URL

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Batch, DeadLetter, Post, Ref
from tocsin.net import AnyStatus, Client, host_and_port, retry_after
from tocsin.options import Duration, Options
from tocsin.sources._poll import Found, Place, Poll, newest_known
from tocsin.text import one_line

PATH = "/youtube/v3/commentThreads"
PAGE = 100
_PACIFIC = ZoneInfo("America/Los_Angeles")
"""Where Google's day of quotas begins."""


class Config(Options):
    """Options of the youtube source."""

    key: SecretStr
    """An API key of Google's with the YouTube Data API v3."""
    channels: tuple[str, ...] = ()
    """Ids of channels; comments on all of their videos."""
    videos: tuple[str, ...] = ()
    """Ids of videos."""
    every: Annotated[Duration, Field(ge=0.01)] = 300.0
    """How often each is asked for."""
    pages: Annotated[int, Field(ge=1, le=100)] = 5
    """How many pages of 100 comments a round reads of each, at most."""
    units_per_day: Annotated[int, Field(ge=1)] = 9000
    """How much of the day's quota may be used; a page is a unit."""
    timeout: Duration = 20.0
    """How long an answer may take."""
    url: str = "https://www.googleapis.com"
    """The API's address."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.channels and not self.videos:
            raise ValueError("names neither channels nor videos")
        return self


class _Channel(msgspec.Struct):
    value: str = ""


class _Snippet(msgspec.Struct, rename="camel"):
    video_id: str = ""
    text_display: str = ""
    text_original: str = ""
    author_display_name: str = ""
    author_channel_id: _Channel | None = None
    author_channel_url: str = ""
    like_count: int | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    parent_id: str = ""


class _Comment(msgspec.Struct):
    id: str = ""
    snippet: _Snippet = msgspec.field(default_factory=_Snippet)


class _Top(msgspec.Struct, rename="camel"):
    top_level_comment: _Comment = msgspec.field(default_factory=_Comment)
    total_reply_count: int = 0


class _Replies(msgspec.Struct):
    comments: list[_Comment] = []


class _Thread(msgspec.Struct):
    snippet: _Top = msgspec.field(default_factory=_Top)
    replies: _Replies = msgspec.field(default_factory=_Replies)


class _Page(msgspec.Struct, rename="camel"):
    items: list[_Thread] = []
    next_page_token: str = ""


_pages = msgspec.json.Decoder(_Page)


class Youtube:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock = config, context.name, context.clock
        self._allow = frozenset([host_and_port(config.url)])
        self._poll = Poll(context.name, config.every, context.clock, context.random)
        self._closed: set[str] = set()

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch a round. Raises Transient when asking fails, or the day's quota is used."""
        async with AnyStatus(self._clock, allow=self._allow) as client:
            async for batch in self._poll.read(self, client, cursor):
                yield batch

    async def round(self, client: Client, place: Place, *, backfilled: bool) -> Found:
        """The newest comments of every channel and video, back to what is known."""
        found = Found()
        asked = [{"allThreadsRelatedToChannelId": one} for one in self._config.channels]
        asked += [{"videoId": one} for one in self._config.videos]
        for whose in asked:
            name = next(iter(whose.values()))
            if name not in self._closed:
                await self._newest(client, whose, place, found, backfilled=backfilled)
        return found

    async def _newest(
        self, client: Client, whose: Mapping[str, str], place: Place, found: Found, *, backfilled: bool
    ) -> None:
        query = {
            "part": "snippet,replies", "order": "time", "maxResults": str(PAGE), "textFormat": "plainText", **whose,
        }  # fmt: skip
        now = self._clock.now()
        for _ in range(self._config.pages):
            page = await self._ask(client, query, place, found)
            if page is None:
                return
            comments = [
                one for thread in page.items for one in (thread.snippet.top_level_comment, *thread.replies.comments)
            ]
            posts = [self._post(one, now, backfilled=backfilled) for one in comments if one.id]
            found.posts += posts
            if not page.next_page_token or newest_known(posts, place):
                return
            query["pageToken"] = page.next_page_token
        found.whole = False

    async def _ask(self, client: Client, query: Mapping[str, str], place: Place, found: Found) -> _Page | None:
        """A page; None for one whose comments are closed."""
        self._spend(place)
        url = URL(self._config.url).with_path(PATH).with_query({**query, "key": self._config.key.get_secret_value()})
        answer = await client.request("GET", str(url))
        if answer.status == 200:
            try:
                return _pages.decode(answer.body)
            except msgspec.MsgspecError as error:
                raise Transient(f"YouTube's answer cannot be read: {error}") from None
        reason = _reason(answer.body)
        if reason in {"commentsDisabled", "videoNotFound", "channelNotFound"}:
            name = query.get("videoId") or query["allThreadsRelatedToChannelId"]
            self._closed.add(name)
            said = f"YouTube has no comments of {one_line(name, 40)} ({reason}): take it out of the config"
            found.dead.append(
                DeadLetter(source=self._name, stage="ingest", reason=said, place=name, at=self._clock.now())
            )
            return None
        if reason in {"quotaExceeded", "dailyLimitExceeded"}:
            raise Transient("YouTube's quota for today is used", self._until_tomorrow())
        if answer.status >= 500 or answer.status == 429:
            wait = retry_after(answer.headers.get("retry-after"), self._clock.now())
            raise Transient(f"YouTube answered {answer.status}", wait)
        raise Permanent(f"YouTube answered {answer.status} ({reason or 'without a reason'}): is the key good?")

    def _spend(self, place: Place) -> None:
        """Count a unit. Raises Transient, until the quota's day ends, when none is left."""
        day = self._clock.now().astimezone(_PACIFIC).date().isoformat()
        used = int(place.more.get("units", "0")) if place.more.get("day") == day else 0
        if used >= self._config.units_per_day:
            raise Transient(f"{used:,} units of YouTube's quota are used today (units_per_day)", self._until_tomorrow())
        place.more = {"day": day, "units": str(used + 1)}

    def _until_tomorrow(self) -> float:
        now = self._clock.now().astimezone(_PACIFIC)
        tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=30, microsecond=0)
        return (tomorrow - now).total_seconds()

    def _post(self, comment: _Comment, now: datetime, *, backfilled: bool) -> Post:
        about = comment.snippet
        published, updated = about.published_at, about.updated_at
        edited = published is not None and updated is not None and updated > published
        seconds = int((updated - published).total_seconds()) if edited and published and updated else 0
        author = about.author_channel_id.value if about.author_channel_id is not None else ""
        parent = about.parent_id or about.video_id
        return Post(
            uid=f"{self._name}:{comment.id}", source=self._name, id=comment.id,
            text=about.text_original or about.text_display, received_at=now, created_at=published,
            url=f"https://www.youtube.com/watch?v={about.video_id}&lc={comment.id}",
            author=Author(id=author or about.author_display_name, handle=about.author_display_name or None,
                          url=about.author_channel_url or None) if author or about.author_display_name else None,
            refs=(Ref("reply", f"{self._name}:{parent}"),) if parent else (), conversation=about.video_id or None,
            metrics={} if about.like_count is None else {"likes": about.like_count},
            version=1 + min(seconds, 2**31 - 2), edited_at=updated if edited else None, stream=self._name,
            backfilled=backfilled,
        )  # fmt: skip


def _reason(body: bytes) -> str:
    try:
        found: Any = msgspec.json.decode(body)
        return str(found["error"]["errors"][0]["reason"])
    except (msgspec.MsgspecError, KeyError, IndexError, TypeError):
        return ""
