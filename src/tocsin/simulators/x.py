"""X's API v2, played: rules, the filtered stream, search, counts, connections, compliance, and what goes wrong.

Posts are told from when the first client listens, each with the id that its moment has. What nobody listens to is gone,
but for search, which knows it some 30 s later. Time is the clock's, so that a test may let it fly.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from tocsin import rules
from tocsin.clock import Clock, SystemClock
from tocsin.rules_match import Document
from tocsin.simulators._faults import Fault, script
from tocsin.simulators._simulator import HOUR, Simulator
from tocsin.simulators._x_stream import ENDS, ODD, Stream, raw

REFUSALS = ("500", "503", "429", "crowded", "409")
KINDS = (*ENDS, *ODD, *REFUSALS)
"""What a random script may hold. "401", "402" and "403" keep a client away for long, "400" turns it to other words."""
_EPOCH_MS = 1_288_834_974_657
_TYPE = "https://api.x.com/2/problems/"
_TAG, _NAME = re.compile(r"(?<!\w)#(\w+)"), re.compile(r"(?<!\w)@(\w+)")
_LINK = re.compile(r"https?://\S+")
_ISSUES = {"crowded": (429, "TooManyConnections"), "409": (409, "RuleConfigurationIssue")}


@dataclass
class Told:
    """One post. `repost` is the number of another that it repeats, `edits` of one of which it is a new version."""

    text: str
    author: int = 0
    repost: int | None = None
    edits: int | None = None
    id: str = ""
    at: datetime | None = None
    history: list[str] = field(default_factory=list)


def story(seed: int, count: int, texts: Sequence[str] = (), reposts: bool = True) -> list[Told]:
    """Invented posts, some of which repeat or edit an earlier one."""
    draw = random.Random(seed)
    told: list[Told] = []
    posts: list[int] = []
    for number in range(count):
        kind = draw.choices(["post", "repost", "edit"], [90, 6 if reposts else 0, 4])[0]
        text = draw.choice(texts) if texts else f"acme\u2028 rang {number} times: größer &amp; besser 🔔"
        if kind == "post" or number < 5:
            posts.append(number)
            told.append(Told(text, draw.randrange(40)))
            continue
        other = draw.choice(posts)
        if kind == "repost":
            told.append(Told(told[other].text, draw.randrange(40), repost=other))
        else:
            told.append(Told(f"{text} (edited)", told[other].author, edits=other))
    return told


class X(Simulator):
    """`pace` and `alive` are real seconds: between posts, and between signs of life."""

    def __init__(
        self, told: Sequence[Told], faults: Sequence[Fault] = (), pace: float = 0.003, alive: float = 0.05,
        clock: Clock | None = None, words: str = "tweet",
    ) -> None:  # fmt: skip
        super().__init__(faults)
        self._told, self._pace, self._alive, self._words = list(told), pace, alive, words
        self._clock = clock or SystemClock()
        self._reached = 0
        self._listening: set[Stream] = set()
        self._crowded = False
        self._jobs: dict[str, list[str]] = {}
        self.rules: dict[str, tuple[str, str]] = {}
        """By id: text and tag."""
        self.gone: dict[str, str] = {}
        """Ids that compliance names, with the reason."""
        self.reposts: set[str] = set()
        self.kills = 0
        self.rule_calls: list[dict[str, Any]] = []

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/2/tweets/search/stream/rules", self._list_rules),
            web.post("/2/tweets/search/stream/rules", self._change_rules),
            web.get("/2/tweets/search/stream", self._stream),
            web.get("/2/tweets/search/recent", self._search),
            web.get("/2/tweets/counts/recent", self._counts),
            web.get("/2/connections", self._connections),
            web.delete("/2/connections/filtered_stream", self._kill),
            web.get("/2/usage/tweets", self._usage),
            web.post("/2/compliance/jobs", self._job),
            web.get("/2/compliance/jobs/{id}", self._look),
            web.put("/upload/{id}", self._upload),
            web.get("/download/{id}", self._download),
        ]

    async def close(self) -> None:
        for stream in self._listening:
            stream.news.put_nowait(None)
        await super().close()

    @property
    def over(self) -> bool:
        return self._reached >= len(self._told)

    async def _tell(self) -> None:
        """Time goes on, whoever listens. A post that no rule matches is nobody's."""
        while not self.over:
            await asyncio.sleep(self._pace)
            one = self._told[self._reached]
            one.at = self._clock.now()
            one.id = str(((int(one.at.timestamp() * 1000) - _EPOCH_MS) << 22) + self._reached % 2**22)
            one.history = [*self._told[one.edits].history, one.id] if one.edits is not None else [one.id]
            if one.edits is not None:
                self._told[one.edits].history = one.history
            self._reached += 1
            if self.matching(one):
                self.matched.add(one.id)
                if one.repost is not None:
                    self.reposts.add(one.id)
                for stream in self._listening:
                    stream.news.put_nowait(one)

    def matching(self, one: Told, values: Sequence[tuple[str, str, str]] | None = None) -> list[dict[str, str]]:
        asked = values or [(id, value, tag) for id, (value, tag) in self.rules.items()]
        document = Document(
            text=one.text, author_id=str(1000 + one.author), author_handle=f"user{one.author}", language="en",
            hashtags=_TAG.findall(one.text), mentions=_NAME.findall(one.text), urls=_LINK.findall(one.text),
            is_repost=one.repost is not None,
        )  # fmt: skip
        return [{"id": id, "tag": tag} for id, value, tag in asked if rules.parse(value).matches(document)]

    # -- rules --

    async def _list_rules(self, _: web.Request) -> web.Response:
        found = [{"id": id, "value": value, "tag": tag} for id, (value, tag) in self.rules.items()]
        meta = {"sent": "2026-01-15T10:30:00.000Z", "result_count": len(found)}
        return web.json_response({"data": found, "meta": meta} if found else {"meta": meta})

    async def _change_rules(self, request: web.Request) -> web.Response:
        body = await request.json()
        dry = request.query.get("dry_run") == "true"
        self.rule_calls.append({"dry": dry, **body})
        if "delete" in body:
            for id in body["delete"]["ids"]:
                self.rules.pop(id, None)
            return web.json_response({"meta": {"summary": {"deleted": len(body["delete"]["ids"])}}})
        made: list[dict[str, str]] = []
        faults: list[dict[str, Any]] = []
        for rule in body["add"]:
            if any(value == rule["value"] for value, _ in self.rules.values()):
                faults.append({"value": rule["value"], "title": "DuplicateRule", "type": f"{_TYPE}duplicate-rules"})
                continue
            fault = _invalid(rule["value"])
            if fault:
                faults.append(
                    {
                        "value": rule["value"],
                        "title": "UnprocessableEntity",
                        "details": [fault],
                        "type": f"{_TYPE}invalid-rules",
                    }
                )
                continue
            made.append({"id": str(1_166_916_266_197_536_000 + len(self.rule_calls) * 100 + len(made)), **rule})
        if not dry and not faults:
            self.rules.update({rule["id"]: (rule["value"], rule.get("tag", "")) for rule in made})
        answer = {"data": made, "meta": {"summary": {"created": len(made), "not_created": len(faults)}}}
        return web.json_response(answer | ({"errors": faults} if faults else {}), status=201)

    # -- the stream --

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.connects += 1
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if not self.rules:
            return _problem(409, "ConnectionException", connection_issue="RuleConfigurationIssue")
        self.begin()
        stream = Stream(self, request)
        self._listening.add(stream)
        try:
            return await stream.run(self._alive)
        finally:
            self._listening.discard(stream)

    def _refusal(self, request: web.Request) -> web.Response | None:
        wrong = "tweet.fields" if self._words == "post" else "post.fields"
        if wrong in request.query:
            return _problem(400, "Invalid Request")
        if self._crowded:
            return _problem(429, "ConnectionException", connection_issue="TooManyConnections")
        fault = self.due(*REFUSALS, "401", "402", "403")
        if fault is None:
            return None
        if fault.kind == "409":
            self.rules = {id: rule for id, rule in self.rules.items() if not rule[1].startswith("tocsin:")}
        self._crowded = fault.kind == "crowded"
        status, issue = _ISSUES.get(fault.kind, (int(fault.kind) if fault.kind.isdigit() else 429, ""))
        title = {402: "CreditsDepleted", 401: "Unauthorized"}.get(
            status, "ConnectionException" if issue else "Too Many"
        )
        return _problem(status, title, **({"connection_issue": issue} if issue else {}))

    async def _connections(self, _: web.Request) -> web.Response:
        row = {"id": "1", "endpoint_name": "filtered_stream", "client_ip": "127.0.0.1"}
        return web.json_response({"data": [row]} if self._crowded else {"meta": {"result_count": 0}})

    async def _kill(self, _: web.Request) -> web.Response:
        self.kills += 1
        self._crowded = False
        return web.json_response({"data": {"successful_kills": 1, "failed_kills": 0}})

    def recent(self) -> list[Told]:
        return [one for one in self._told[max(self._reached - 5, 0) : self._reached] if self.matching(one)]

    # -- what is asked --

    async def _search(self, request: web.Request) -> web.Response:
        if (fault := self.due("500", "503", "429")) is not None:
            return _problem(int(fault.kind), "try again")
        query, since = request.query["query"], int(request.query["since_id"])
        known = self._clock.now() - timedelta(seconds=30)
        found = [
            one for one in reversed(self._told[: self._reached])
            if one.at is not None and one.at <= known and int(one.id) > since and one.repost is None
            and self.matching(one, [("", query, "")])
        ]  # fmt: skip
        start = int(request.query.get("next_token", "0"))
        size = min(int(request.query["max_results"]), 20)
        page = found[start : start + size]
        self.sent.update(one.id for one in page)
        body = self.body(page)
        body["meta"] = {"result_count": len(page)}
        if start + size < len(found):
            body["meta"]["next_token"] = str(start + size)
        if not page:
            del body["data"]
        return web.Response(body=raw(body), content_type="application/json")

    async def _counts(self, request: web.Request) -> web.Response:
        count = sum(bool(self.matching(one, [("", request.query["query"], "")])) for one in self._told)
        return web.json_response({"data": [], "meta": {"total_tweet_count": count}})

    async def _usage(self, _: web.Request) -> web.Response:
        return web.json_response({"data": {"project_usage": str(self.sent.total()), "project_cap": "3000000"}})

    # -- compliance --

    async def _job(self, _: web.Request) -> web.Response:
        id = str(len(self._jobs) + 1)
        self._jobs[id] = []
        return web.json_response({"data": self._about(id, "created")})

    def _about(self, id: str, status: str) -> dict[str, str]:
        return {
            "id": id,
            "status": status,
            "upload_url": f"{self.url}/upload/{id}",
            "download_url": f"{self.url}/download/{id}",
        }

    async def _look(self, request: web.Request) -> web.Response:
        return web.json_response({"data": self._about(request.match_info["id"], "complete")})

    async def _upload(self, request: web.Request) -> web.Response:
        self._jobs[request.match_info["id"]] = (await request.text()).split()
        return web.Response()

    async def _download(self, request: web.Request) -> web.Response:
        ids = self._jobs[request.match_info["id"]]
        rows = [{"id": id, "action": "delete", "reason": self.gone[id]} for id in ids if id in self.gone]
        return web.Response(body=b"\n".join(msgspec.json.encode(row) for row in rows))

    # -- the wire --

    def body(self, page: Sequence[Told]) -> dict[str, Any]:
        others = [self._told[one.repost] for one in page if one.repost is not None]
        users = [
            {"id": str(1000 + author), "username": f"user{author}", "name": f"User {author}",
             "location": "Manchester, England", "public_metrics": {"followers_count": 10 * author}}
            for author in sorted({one.author for one in page})
        ]  # fmt: skip
        includes = {"users": users, f"{self._words}s": [self._tweet(one) for one in others if one.id]}
        return {"data": [self._tweet(one) for one in page], "includes": includes}

    def _tweet(self, one: Told) -> dict[str, Any]:
        assert one.at is not None
        written = one.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        other = None if one.repost is None else self._told[one.repost]
        text = one.text if other is None else f"RT @user{other.author}: {one.text[:8]}…"
        tweet: dict[str, Any] = {
            "id": one.id, "text": text, "author_id": str(1000 + one.author), "created_at": written, "lang": "en",
            f"edit_history_{self._words}_ids": one.history, "entities": _entities(one.text),
            "public_metrics": {"retweet_count" if self._words == "tweet" else "repost_count": 0, "like_count": 0},
        }  # fmt: skip
        if other is not None:
            tweet[f"referenced_{self._words}s"] = [{"type": "retweeted", "id": other.id}]
        return tweet

    def line(self, one: Told) -> bytes:
        body = self.body([one])
        return raw({"data": body["data"][0], "includes": body["includes"], "matching_rules": self.matching(one)})


def _entities(text: str) -> dict[str, Any]:
    return {
        "hashtags": [{"tag": tag} for tag in _TAG.findall(text)],
        "mentions": [{"username": name} for name in _NAME.findall(text)],
        "urls": [{"url": url, "expanded_url": url} for url in _LINK.findall(text)],
    }


def _invalid(value: str) -> str:
    """What is wrong with a rule, in the words of X."""
    try:
        rules.parse(value)
    except rules.RuleError as error:
        return f"Rule cannot be parsed: {error.message} (at position {error.column})"
    return "Rules must be 1024 characters or less" if len(value) > 1024 else ""


def _problem(status: int, title: str, **more: str) -> web.Response:
    return web.json_response(
        {"title": title, "detail": title, "status": status, "type": f"{_TYPE}it", **more}, status=status
    )


def an_hour(rate: float, texts: Sequence[str], seed: int, faults: int) -> tuple[X, str]:
    """An hour of posts from now on at `rate` a second, with so many faults, and its block of `sources:`."""
    count = round(rate * HOUR)
    broken = script(seed, KINDS, count, faults) if faults else ()
    server = X(story(seed, count, texts), broken, pace=1 / rate, alive=20.0)
    return server, 'x: {{type: x, url: "{url}", token: invented, max_cost_per_day: 1000, refuse: false}}'
