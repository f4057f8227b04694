"""GDELT: the world's news by its DOC API, without a key; docs/reference/gdelt.md says how.

Titles only, in 65 languages, a quarter of an hour after they are found. https://blog.gdeltproject.org/gdelt-doc-2-0-api-debuts/
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field
from yarl import URL

from tocsin.component import Context
from tocsin.errors import Permanent, Transient
from tocsin.model import Author, Batch, Post
from tocsin.net import Client, host_and_port
from tocsin.options import Duration, Options
from tocsin.sources._poll import Found, Place, Poll
from tocsin.text import one_line, safe_url

PATH = "/api/v2/doc/doc"
MOST = 250
"""Articles that one answer can hold."""
LONGEST, SHORTEST = 86_400.0, 900.0
"""Seconds back that are asked for, at most and at least."""
PAUSE = 6.0
"""Seconds between two requests: GDELT takes one every five."""
_LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "bulgarian": "bg", "catalan": "ca", "chinese": "zh", "croatian": "hr",
    "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "estonian": "et", "finnish": "fi",
    "french": "fr", "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu",
    "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "latvian": "lv",
    "lithuanian": "lt", "malay": "ms", "norwegian": "no", "persian": "fa", "polish": "pl",
    "portuguese": "pt", "romanian": "ro", "russian": "ru", "serbian": "sr", "slovak": "sk",
    "slovenian": "sl", "spanish": "es", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th",
    "turkish": "tr", "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}  # fmt: skip


class Config(Options):
    """Options of the gdelt source."""

    queries: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    """What to look for, in GDELT's own words: `"acme cloud" sourcelang:english`."""
    every: Annotated[Duration, Field(ge=0.01)] = 900.0
    """How often; GDELT finds something new every quarter of an hour."""
    timeout: Duration = 60.0
    """How long an answer may take."""
    url: str = "https://api.gdeltproject.org"
    """The API's address."""


class _Article(msgspec.Struct):
    url: str = ""
    title: str = ""
    seendate: str = ""
    domain: str = ""
    language: str = ""
    sourcecountry: str = ""


class _Answer(msgspec.Struct):
    articles: list[_Article] = []


_answers = msgspec.json.Decoder(_Answer, strict=False)


class Gdelt:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises Permanent for an address that is none."""
        self._config, self._name, self._clock = config, context.name, context.clock
        self._allow = frozenset([host_and_port(config.url)])
        self._poll = Poll(context.name, config.every, context.clock, context.random)

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """A batch a round. Raises Transient when asking fails."""
        async with Client(self._clock, allow=self._allow) as client:
            async for batch in self._poll.read(self, client, cursor):
                yield batch

    async def round(self, client: Client, place: Place, *, backfilled: bool) -> Found:
        """Every query once, back to the round before."""
        found = Found()
        now = self._clock.now()
        since = LONGEST if place.asked is None else (now - place.asked).total_seconds() + SHORTEST
        for number, query in enumerate(self._config.queries):
            if number:
                await self._clock.sleep(PAUSE)
            articles = await self._ask(client, query, min(max(since, SHORTEST), LONGEST))
            found.posts += [self._post(one, now, backfilled=backfilled) for one in articles if one.url and one.title]
            found.whole = found.whole and len(articles) < MOST and since <= LONGEST
        return found

    async def _ask(self, client: Client, query: str, seconds: float) -> list[_Article]:
        asked = {
            "query": query, "mode": "artlist", "format": "json", "maxrecords": str(MOST), "sort": "datedesc",
            "timespan": f"{round(seconds / 60)}min",
        }  # fmt: skip
        answer = await client.request("GET", str(URL(self._config.url).with_path(PATH).with_query(asked)))
        body = answer.body.lstrip()
        if not body.startswith(b"{"):  # errors come as 200 in plain words
            said = one_line(body[:300].decode("utf-8", "replace"), 200) or "nothing"
            if b"limit requests" in body.lower():
                raise Transient(f"GDELT wants to be asked less often: {said}")
            raise Permanent(f"GDELT does not take the query '{one_line(query, 80)}': {said}")
        try:
            return _answers.decode(body).articles
        except msgspec.MsgspecError as error:
            raise Transient(f"GDELT's answer cannot be read: {error}") from None

    def _post(self, article: _Article, now: datetime, *, backfilled: bool) -> Post:
        seen = None
        with suppress(ValueError):
            seen = datetime.strptime(article.seendate, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        link = safe_url(article.url)
        country = article.sourcecountry or None
        return Post(
            uid=f"{self._name}:{article.url}", source=self._name, id=article.url, text=_spaced(article.title),
            received_at=now, created_at=seen, url=link, lang=_LANGUAGES.get(article.language.lower()),
            author=Author(id=article.domain, name=article.domain, location=country) if article.domain else None,
            urls=(link,) if link else (), stream=self._name, backfilled=backfilled,
        )  # fmt: skip


def _spaced(title: str) -> str:
    """A title without the spaces that GDELT puts before punctuation.

    >>> _spaced("Acme : trains stand still , again")
    'Acme: trains stand still, again'
    """
    for sign in ",.:;!?%)":
        title = title.replace(f" {sign}", sign)
    return " ".join(title.replace("( ", "(").split())
