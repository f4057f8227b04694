"""X, by the filtered stream with an app's token: what the watches ask for, paid by the post; docs/reference/x.md.

X cannot go on where a connection broke: what was missed is searched for, and a gap says so. Nothing is asked for once
the day's money is spent. https://docs.x.com/x-api/posts/filtered-stream/introduction.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from tocsin.capabilities import PlatformRules
from tocsin.component import Context
from tocsin.costs import Costs
from tocsin.errors import Permanent, Transient
from tocsin.model import Batch
from tocsin.net import AnyStatus, Client, Timeouts, host_and_port
from tocsin.options import Duration, Options
from tocsin.rules import parse
from tocsin.rules_match import And, Key, Not, Or, Rule
from tocsin.rules_x import SEARCH_LENGTH, translate
from tocsin.sources import _x_rules as filtering
from tocsin.sources._ear import Watch, concerned
from tocsin.sources._kept import Kept
from tocsin.sources._x_account import Account
from tocsin.sources._x_api import Api, Refusal, Waits
from tocsin.sources._x_compliance import Compliance
from tocsin.sources._x_connection import Connection, Cursor, Setting, load
from tocsin.sources._x_post import QUERY
from tocsin.sources._x_search import posts_a_day

log = logging.getLogger(__name__)

CONNECTIONS, USAGE = "/2/connections", "/2/usage/tweets"
PROBE = 10.0
"""Seconds for an answer when nothing is read."""


class Config(Options):
    """Options of the x source."""

    takes: ClassVar[frozenset[str]] = frozenset({"watches"})

    token: SecretStr
    """The app's bearer token: `${env:X_BEARER_TOKEN}`."""
    max_cost_per_day: Annotated[float, Field(gt=0)]
    """Dollars that a day (UTC) may cost. The source stops before it would be more."""
    price: Annotated[float, Field(ge=0)] = 0.005
    """Dollars that X charges for a post; the developer console says."""
    refuse: bool = True
    """Whether not to start at all where the watches brought more in the last 24 hours than a day may cost."""
    repair: bool = True
    """Whether to search for what was missed. It is paid by the post too."""
    compliance: Duration = 86400.0
    """How often X is asked which of the posts must be forgotten; 0: never."""
    remember: Duration = 2592000.0
    """For how long a post is asked about."""
    url: str = "https://api.x.com"
    """The API's address."""
    timeout: Duration = 25.0
    """A stream on which nothing comes for so long is dead; X gives a sign of life every 20 s."""
    heartbeat: Duration = 10.0
    """How often the source says that it is well."""
    watches: tuple[Watch, ...] = ()


class X:
    finite: ClassVar[bool] = False
    live: ClassVar[bool] = True
    mends: ClassVar[Literal[True]] = True

    def __init__(self, config: Config, context: Context) -> None:
        """Raises ConfigError for a watch that X cannot be asked for, Permanent for an address that is none."""
        self._config, self._name, self._clock = config, context.name, context.clock
        self._kept = context.data_dir / "sources" / f"{context.name}.db"
        self._allow = frozenset([host_and_port(config.url)])
        self._rules = filtering.wanted(config.watches, context.name)
        rules = [parse(watch.match) for watch in concerned(config.watches, context.name)]
        self._queries = translate(rules, SEARCH_LENGTH)
        self._reposts = not all(map(_excludes_reposts, rules))
        self._waits = Waits(context.clock, context.random)
        costs = Costs(
            context.accounts or context.data_dir, f"source {context.name}", config.max_cost_per_day, context.clock
        )
        self._account = Account(costs, config.price, config.max_cost_per_day, context.clock)
        self._ids: frozenset[str] = frozenset()
        self._query = QUERY
        self._crowded = self._projected = False

    @property
    def spent_today(self) -> float:
        """Dollars since midnight, UTC."""
        return self._account.spent

    async def read(self, cursor: str | None) -> AsyncGenerator[Batch, None]:
        """Batches of one connection. Raises Transient when it cannot be made, is lost, or no money is left; Permanent
        where there is nothing to ask for, or too much."""
        place = load(cursor)
        if not self._rules:
            raise Permanent(f"source {self._name}: X sends only what a watch asks for: name one under watches:")
        with Kept(self._kept) as kept:
            async with self._api(self._config.timeout) as api, Client(self._clock, allow=self._allow) as plain:
                gone = Compliance(
                    api, plain, kept, self._name, self._clock, self._config.compliance, self._config.remember
                )
                connection = Connection(api, place, kept, gone, self._account, self._setting(), self._clock)
                try:
                    await self._prepare(api, place)
                    async with aclosing(connection.batches(self._ids)) as batches:
                        async for batch in batches:
                            yield batch
                except Refusal as refusal:
                    raise self._refused(refusal) from None
                finally:
                    await gone.close()

    async def probe(self) -> str:
        """Rules and usage, which cost nothing. The stream is left alone: there may be one of this app only."""
        async with self._api(PROBE) as api:
            try:
                plan = filtering.plan(await filtering.read(api), self._rules, self._name)
                used = (await api.ask(USAGE)).get("data") or {}
            except Refusal as refusal:
                raise Transient(str(refusal)) from None
        month = f"{int(used.get('project_usage') or 0):,} of {int(used.get('project_cap') or 0):,} posts this month"
        spent = f"${self.spent_today:.2f} of ${self._config.max_cost_per_day:.2f} today"
        return f"X takes the token; {len(plan.keep)} rules there, {len(plan.add)} to add; {month}; {spent}"

    async def rules(self, *, apply: bool) -> PlatformRules:
        """The rules at X and those that the watches ask for."""
        async with self._api(PROBE) as api:
            try:
                plan = filtering.plan(await filtering.read(api), self._rules, self._name)
                await filtering.rehearse(api, plan)
                if apply:
                    await filtering.apply(api, plan)
            except Refusal as refusal:
                raise Transient(str(refusal)) from None
        add, remove, keep = ([(rule.value, rule.tag) for rule in some] for some in (plan.add, plan.remove, plan.keep))
        return PlatformRules(add, remove, keep, plan.foreign)

    @asynccontextmanager
    async def _api(self, timeout: float) -> AsyncIterator[Api]:
        times = Timeouts(connect=10.0, read=timeout, total=None)
        async with AnyStatus(self._clock, allow=self._allow, timeouts=times) as client:
            yield Api(client, self._config.url, self._config.token.get_secret_value(), timeout)

    def _setting(self) -> Setting:
        queries = self._queries if self._config.repair else []
        return Setting(self._name, self._query, queries, self._reposts, self._config.heartbeat, self._waits)

    def _refused(self, refusal: Refusal) -> Transient:
        self._crowded = refusal.crowded
        if refusal.status == 400 and self._query is QUERY:
            self._query = {key.replace("tweet", "post"): value.replace("tweet", "post") for key, value in QUERY.items()}
            return Transient("X does not know the words for a tweet; now those for a post", 1.0)
        return Transient(str(refusal), self._waits.refused(refusal))

    async def _prepare(self, api: Api, place: Cursor) -> None:
        """Whatever must be so before connecting: money, rules, no other connection."""
        self._account.check(place.capped)
        try:
            if self._crowded:
                await self._make_room(api)
            await self._reconcile(api)
            if place.heard is None and self._config.refuse and not self._projected:
                await self._project(api)
            self._waits.connecting()
        except Transient as fault:
            raise Transient(str(fault), fault.retry_after or self._waits.dropped()) from None

    async def _make_room(self, api: Api) -> None:
        """End the connection that is in the way: a crash may have left one of ours."""
        found = await api.ask(CONNECTIONS, {"status": "active", "endpoints": "filtered_stream"})
        if found.get("data"):
            log.warning("Source %s: another connection of this app is open; it is ended.", self._name)
            await api.ask(f"{CONNECTIONS}/filtered_stream", method="DELETE")
        self._crowded = False

    async def _reconcile(self, api: Api) -> None:
        """Make X's rules those of the watches. Raises Permanent for one that X does not take."""
        plan = filtering.plan(await filtering.read(api), self._rules, self._name)
        if not plan.done:
            await filtering.rehearse(api, plan)
            await filtering.apply(api, plan)
            log.info("Source %s: %d rules added at X, %d taken away.", self._name, len(plan.add), len(plan.remove))
            plan = filtering.plan(await filtering.read(api), self._rules, self._name)
        self._ids = plan.ids

    async def _project(self, api: Api) -> None:
        """Raises Permanent where a day would cost more than it may."""
        self._account.asked(len(self._queries))
        count = await posts_a_day(api, self._queries, self._clock.now())
        cost, cap = count * self._config.price, self._config.max_cost_per_day
        said = f"the watches had {count:,} posts on X in the last 24 hours, ${cost:.2f} at ${self._config.price:g} each"
        if cost > cap:
            hint = "raise max_cost_per_day, narrow the watches, or write refuse: false to listen until it is spent"
            raise Permanent(f"source {self._name}: {said}; max_cost_per_day is ${cap:.2f}: {hint}")
        log.info("Source %s: %s; a day may cost $%.2f.", self._name, said, cap)
        self._projected = True


def _excludes_reposts(rule: Rule) -> bool:
    """Whether the rule says -is:repost of every post."""
    if isinstance(rule, Or):
        return all(map(_excludes_reposts, rule.rules))
    return isinstance(rule, And) and Not(Key("is:repost")) in rule.rules
