"""What the stream did not bring, asked of recent search; and how much a day of the watches would bring.

https://docs.x.com/x-api/posts/search-recent-posts. Search reaches back seven days, and knows a post some 30 s after
it was written. It leaves out reposts, and its text matches a little differently.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from tocsin.clock import Clock
from tocsin.errors import Transient
from tocsin.sources._x_api import Api, Refusal, Waits, rfc3339
from tocsin.sources._x_post import EPOCH_MS, Page, pages

PATH = "/2/tweets/search/recent"
COUNTS = "/2/tweets/counts/recent"
REACH = timedelta(days=7) - timedelta(minutes=5)
MARGIN = timedelta(minutes=2)
"""So far before the last sign of life a search begins: posts come late. What has come before is not billed again."""
SETTLE = 35.0
"""Seconds after a connection until search knows all that came before it."""
TRIES = 8


def first_id(moment: datetime) -> str:
    """The lowest id that a post of this moment can have (https://docs.x.com/fundamentals/x-ids)."""
    return str(max(int(moment.timestamp() * 1000) - EPOCH_MS, 0) << 22)


class Repair:
    """A search beside the stream for what was missed since a moment. `pages` gives what it has found meanwhile.

    `queries` hold the watches, `asked` what is wanted with every post. When `over`, `fault` says why it did not come
    to its end, and `cut` that it could not begin at its beginning.
    """

    def __init__(
        self, api: Api, queries: Sequence[str], asked: Mapping[str, str], since: datetime, clock: Clock, waits: Waits
    ) -> None:
        self._api, self._queries, self._asked = api, queries, dict(asked)
        self._clock, self._waits = clock, waits
        oldest = clock.now() - REACH
        self.cut = since < oldest
        self._since = max(since - MARGIN, oldest)
        self._found: list[Page] = []
        self.found = 0
        self.fault: str | None = None
        self._task = asyncio.ensure_future(self._search())

    @property
    def over(self) -> bool:
        return self._task.done() and not self._found

    def pages(self) -> list[Page]:
        found, self._found = self._found, []
        self.found += sum(len(page.data) for page in found)
        return found

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _search(self) -> None:
        try:
            await self._clock.sleep(SETTLE)
            for query in self._queries:
                asked = self._asked | {"query": query, "max_results": "100", "since_id": first_id(self._since)}
                token = ""
                while True:
                    page = await self._page(asked | ({"next_token": token} if token else {}))
                    self._found.append(page)
                    if not (token := page.meta.next_token):
                        break
        except (Refusal, Transient) as fault:
            self.fault = str(fault)

    async def _page(self, query: dict[str, str]) -> Page:
        for number in range(TRIES):
            try:
                return pages.decode(await self._api.answer(PATH, query))
            except Refusal as refusal:
                if refusal.status != 429 and refusal.status < 500:
                    raise
                wait = self._waits.refused(refusal)
            except (Transient, ValueError):
                wait = min(5.0 * 2.0**number, 60.0)
            await self._clock.sleep(wait)
        raise Transient("X's search did not answer")


async def posts_a_day(api: Api, queries: Sequence[str], now: datetime) -> int:
    """How many posts the last 24 hours had. One paid request a query. Raises what `Api.ask` does."""
    total = 0
    for query in queries:
        asked = {"query": query, "granularity": "day", "start_time": rfc3339(now - timedelta(days=1))}
        meta = (await api.ask(COUNTS, asked)).get("meta") or {}
        total += int(meta.get("total_tweet_count") or meta.get("total_post_count") or 0)
    return total
