"""What X wants forgotten: a job of batch compliance over the ids that were taken.

https://docs.x.com/x-api/compliance/batch-compliance. Ids go up to an address that X names, one a line; what comes down
is a line for each post that is gone, protected, withheld, or must lose its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from tocsin.clock import Clock
from tocsin.errors import Permanent, Transient
from tocsin.model import Delete
from tocsin.net import Client
from tocsin.sources._kept import Kept
from tocsin.sources._x_api import Api, Refusal

log = logging.getLogger(__name__)

PATH = "/2/compliance/jobs"
EVERY = 30.0
"""Seconds between two looks at a job."""
LOOKS = 240
AGAIN = timedelta(hours=1)
MAX_RESULT = 256 * 2**20
_HIDDEN = frozenset({"suspended", "protected", "deactivated"})


class _Row(msgspec.Struct):
    id: str = ""
    action: str = ""
    reason: str = ""


_rows = msgspec.json.Decoder(_Row)


class Compliance:
    """Jobs beside the stream, one every so many seconds (0: never), over what was taken in the last `remember`."""

    def __init__(
        self, api: Api, client: Client, kept: Kept, source: str, clock: Clock, every: float, remember: float
    ) -> None:
        self._api, self._client, self._kept, self._source, self._clock = api, client, kept, source, clock
        self._every, self._remember = every, remember
        self._task: asyncio.Task[list[Delete]] | None = None

    def due(self, last: datetime | None, now: datetime) -> bool:
        """Begin a job where the last is long enough ago; whether one is over."""
        if self._task is None and self._every and last is not None and (now - last).total_seconds() >= self._every:
            since = int(now.timestamp() - self._remember)
            self._kept.forget(since)
            ids = self._kept.since(since)
            self._task = asyncio.ensure_future(self._gone(ids))
        return self._task is not None and self._task.done()

    def result(self, now: datetime) -> tuple[list[Delete], datetime]:
        """What the job that is over found, and the moment from which to count to the next."""
        assert self._task is not None
        task, self._task = self._task, None
        try:
            found = task.result()
        except (Refusal, Transient, Permanent, ValueError) as fault:
            log.warning("Source %s: X was not asked what to forget: %s. Trying again in an hour.", self._source, fault)
            return [], now - timedelta(seconds=self._every) + AGAIN
        self._kept.drop(one.uid.partition(":")[2] for one in found if one.uid and one.scope == "post")
        log.info("Source %s: X wants %d posts forgotten.", self._source, len(found))
        return found, now

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _gone(self, ids: Sequence[str]) -> list[Delete]:
        """A Delete for each of these posts that X wants gone."""
        if not ids:
            return []
        body = {"type": "tweets", "name": f"tocsin-{self._source}"}
        job = _job(await self._api.ask(PATH, method="POST", body=body))
        text = {"Content-Type": "text/plain"}
        await self._client.request("PUT", job["upload_url"], body="\n".join(ids).encode(), headers=text)
        for _ in range(LOOKS):
            await self._clock.sleep(EVERY)
            job = _job(await self._api.ask(f"{PATH}/{job['id']}"))
            if job["status"] == "complete":
                answer = await self._client.request("GET", job["download_url"], limit=MAX_RESULT)
                now = self._clock.now()
                return [_delete(line, self._source, now) for line in answer.body.splitlines() if line.strip()]
            if job["status"] in {"failed", "expired"}:
                break
        raise Transient(f"the job {job['id']} is {job['status']}")


def _job(answer: dict[str, object]) -> dict[str, str]:
    data = answer.get("data")
    if not isinstance(data, dict):
        raise Transient("no job was named")
    return {name: str(data.get(name, "")) for name in ("id", "status", "upload_url", "download_url")}


def _delete(line: bytes, source: str, now: datetime) -> Delete:
    row = _rows.decode(line)
    reason = row.reason or row.action or "deleted"
    scope: Literal["geo", "post"] = "geo" if reason == "scrub_geo" else "post"
    hidden = reason in _HIDDEN
    return Delete(source=source, uid=f"{source}:{row.id}", scope=scope, reason=reason, reversible=hidden, at=now)
