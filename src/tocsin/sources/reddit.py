"""Reddit: the newest posts and comments of subreddits, for apps that Reddit has approved; docs/reference/reddit.md.

https://www.reddit.com/dev/api: 100 a page and 1,000 in all, 100 requests a minute. It tells of no deletes, so what was
taken is looked at again for two days.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field, SecretStr
from yarl import URL

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Batch, Delete, Post, Ref
from tocsin.net import Answer, AnyStatus, Client, host_and_port, retry_after
from tocsin.options import Duration, Options
from tocsin.sources._ear import Ear, Watch
from tocsin.sources._kept import Kept
from tocsin.sources._poll import Found, Place, Poll, newest_known
from tocsin.text import one_line, safe_url

PAGE, PAGES = 100, 10
KEPT_HOURS = 48
GONE = frozenset({"[deleted]", "[removed]", "[deleted by user]"})


class Config(Options):
    """Options of the reddit source."""

    takes: ClassVar[frozenset[str]] = frozenset({"watches"})

    client_id: str
    """The app's id."""
    client_secret: SecretStr
    """The app's secret."""
    user_agent: Annotated[str, Field(min_length=10)]
    """Who asks, as Reddit wants it: "linux:my.app:1.0 (by /u/name)". Others are slowed down."""
    subreddits: Annotated[tuple[Annotated[str, Field(pattern=r"^\w{2,24}$")], ...], Field(min_length=1, max_length=100)]
    """Names, without r/."""
    comments: bool = True
    """Whether comments count too."""
    every: Annotated[Duration, Field(ge=0.01)] = 30.0
    """How often the newest are asked for."""
    recheck: Duration = 3600.0
    """How often it is asked whether what was taken is still there; Reddit wants deleted things gone within 48 hours."""
    timeout: Duration = 20.0
    """How long an answer may take."""
    url: str = "https://oauth.reddit.com"
    """The API's address."""
    auth_url: str = "https://www.reddit.com"
    """Where tokens are given out."""
    watches: tuple[Watch, ...] = ()


class _Thing(msgspec.Struct):
    id: str = ""
    name: str = ""
    author: str | None = None
    author_fullname: str = ""
    body: str = ""
    title: str = ""
    selftext: str = ""
    permalink: str = ""
    url: str = ""
    is_self: bool = True
    subreddit: str = ""
    parent_id: str = ""
    link_id: str = ""
    created_utc: float = 0.0
    edited: bool | float = False
    score: int | None = None
    num_comments: int | None = None
    over_18: bool = False
    removed_by_category: str | None = None


class _Child(msgspec.Struct):
    kind: str = ""
    data: _Thing = msgspec.field(default_factory=_Thing)


class _Children(msgspec.Struct):
    children: list[_Child] = []
    after: str | None = None


class _Listing(msgspec.Struct):
    data: _Children = msgspec.field(default_factory=_Children)


_listings = msgspec.json.Decoder(_Listing)


class Reddit:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock = config, context.name, context.clock
        self._kept_file = context.data_dir / "sources" / f"{context.name}.db"
        self._allow = frozenset([host_and_port(config.url), host_and_port(config.auth_url)])
        self._ear = Ear(config.watches, context.name)
        self._poll = Poll(context.name, config.every, context.clock, context.random)
        self._token, self._until = "", 0.0

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch a round. Raises Transient when asking fails."""
        with Kept(self._kept_file) as self._kept:
            async with AnyStatus(self._clock, allow=self._allow) as client:
                async for batch in self._poll.read(self, client, cursor):
                    yield batch

    async def round(self, client: Client, place: Place, *, backfilled: bool) -> Found:
        """The newest of all subreddits at once, back to what is known, and what of the last two days is gone."""
        found = Found()
        for kind in ["new", *(["comments"] if self._config.comments else [])]:
            await self._newest(client, kind, place, found, backfilled=backfilled)
        now = self._clock.now()
        heard = {post.uid: post for post in found.posts if self._ear.wants(post)}
        # What nobody wants is known again all the same: pages are read until one has something known.
        place.known += [post.uid for post in found.posts if post.uid not in heard]
        found.posts = list(heard.values())
        known = set(place.known)
        fresh = [post for post in found.posts if post.uid not in known]
        self._kept.add([(post.id, post.author.id if post.author else "") for post in fresh], int(now.timestamp()))
        last = float(place.more.get("checked", "0"))
        if self._config.recheck and now.timestamp() - last >= self._config.recheck:
            found.events += await self._gone(client, now)
            place.more = {"checked": str(now.timestamp())}
        return found

    async def _newest(self, client: Client, kind: str, place: Place, found: Found, *, backfilled: bool) -> None:
        path = f"/r/{'+'.join(self._config.subreddits)}/{kind}"
        query = {"limit": str(PAGE), "raw_json": "1"}
        for _ in range(PAGES):
            page = (await self._ask(client, path, query)).data
            now = self._clock.now()
            posts = [
                self._post(one.data, now, backfilled=backfilled)
                for one in page.children
                if one.data.name and not _is_gone(one.data)
            ]
            found.posts += posts
            if not page.after or newest_known(posts, place):
                return
            query["after"] = page.after
        found.whole = False

    async def _gone(self, client: Client, now: datetime) -> list[Delete]:
        """Deletes of what was taken in the last two days and is not there any more."""
        since = int(now.timestamp()) - KEPT_HOURS * 3600
        self._kept.forget(since)
        ids = self._kept.since(since)
        gone: list[str] = []
        for start in range(0, len(ids), PAGE):
            some = ids[start : start + PAGE]
            page = await self._ask(client, "/api/info", {"id": ",".join(some), "raw_json": "1"})
            there = {one.data.name for one in page.data.children if not _is_gone(one.data)}
            gone += [id for id in some if id not in there]
        self._kept.drop(gone)
        return [Delete(source=self._name, uid=f"{self._name}:{id}", reason="deleted", at=now) for id in gone]

    async def _ask(self, client: Client, path: str, query: Mapping[str, str]) -> _Listing:
        headers = {"Authorization": f"Bearer {await self._access(client)}", "User-Agent": self._config.user_agent}
        answer = await client.request(
            "GET", str(URL(self._config.url).with_path(path).with_query(query)), headers=headers
        )
        if answer.status == 401:
            self._until = 0.0
            raise Transient("Reddit's token has ended", 1.0)
        self._check(answer)
        await self._slow(answer)
        try:
            return _listings.decode(answer.body)
        except msgspec.MsgspecError as error:
            raise Transient(f"Reddit's answer cannot be read: {error}") from None

    async def _slow(self, answer: Answer) -> None:
        """Wait where the limit of requests is nearly reached."""
        try:
            left = float(answer.headers.get("x-ratelimit-remaining", "100"))
            reset = float(answer.headers.get("x-ratelimit-reset", "0"))
        except ValueError:
            return
        if left < 2:
            await self._clock.sleep(min(reset, 600.0))

    async def _access(self, client: Client) -> str:
        """A token, for an hour or so."""
        if self._clock.monotonic() < self._until:
            return self._token
        secret = f"{self._config.client_id}:{self._config.client_secret.get_secret_value()}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(secret).decode()}", "User-Agent": self._config.user_agent,
            "Content-Type": "application/x-www-form-urlencoded",
        }  # fmt: skip
        url = f"{self._config.auth_url.rstrip('/')}/api/v1/access_token"
        answer = await client.request("POST", url, body=b"grant_type=client_credentials", headers=headers)
        self._check(answer)
        try:
            about: Any = msgspec.json.decode(answer.body)
            self._token, seconds = str(about["access_token"]), float(about.get("expires_in", 3600))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
            raise Permanent("Reddit gave no token: are client_id and client_secret those of an approved app?") from None
        self._until = self._clock.monotonic() + seconds * 0.9
        return self._token

    def _check(self, answer: Answer) -> None:
        if 200 <= answer.status < 300:
            return
        if answer.status == 429 or answer.status >= 500:
            wait = retry_after(answer.headers.get("retry-after"), self._clock.now())
            raise Transient(f"Reddit answered {answer.status}", wait)
        raise Permanent(f"Reddit answered {answer.status}: it wants apps to be approved, and subreddits to be open")

    def _post(self, thing: _Thing, now: datetime, *, backfilled: bool) -> Post:
        text = thing.body or thing.selftext
        link = safe_url(thing.url) if not thing.is_self else None
        created = datetime.fromtimestamp(thing.created_utc, UTC) if thing.created_utc > 0 else None
        counts = {"score": thing.score, "replies": thing.num_comments}
        edited = float(thing.edited) if not isinstance(thing.edited, bool) else 0.0
        named = thing.author if thing.author and thing.author not in GONE else None
        return Post(
            uid=f"{self._name}:{thing.name}", source=self._name, id=thing.name, text=text or thing.title,
            title=thing.title if text and thing.title else None, received_at=now, created_at=created,
            url=safe_url(f"https://www.reddit.com{thing.permalink}"),
            author=Author(id=thing.author_fullname or named, handle=named,
                          url=f"https://www.reddit.com/user/{named}") if named else None,
            urls=(link,) if link else (),
            refs=(Ref("reply", f"{self._name}:{thing.parent_id}"),) if thing.parent_id else (),
            conversation=thing.link_id or None, labels=("sensitive",) if thing.over_18 else (),
            topics=(f"r/{one_line(thing.subreddit, 40)}",) if thing.subreddit else (),
            metrics={name: count for name, count in counts.items() if count is not None},
            version=1 + max(int(edited - thing.created_utc), 0) if edited else 1,
            edited_at=datetime.fromtimestamp(edited, UTC) if edited else None, stream=self._name, backfilled=backfilled,
        )  # fmt: skip


def _is_gone(thing: _Thing) -> bool:
    return thing.author in GONE or thing.body in GONE or thing.selftext in GONE or thing.removed_by_category is not None
