"""The rules that X filters by, made to be those that the watches ask for; rules of others are never touched.

https://docs.x.com/x-api/stream/update-stream-rules. Rules outlive connections and cannot be changed: they are added
and taken away, added first. X keeps no two with the same text. Ours are known by the beginning of their tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin import rules
from tocsin.component import WatchRule
from tocsin.errors import Permanent
from tocsin.rules_x import translate
from tocsin.sources._ear import concerned
from tocsin.sources._x_api import STREAM, Api, Refusal
from tocsin.text import one_line

PATH = f"{STREAM}/rules"
AT_ONCE = 25
"""Rules of one request."""
TAG_LENGTH = 128


@dataclass(frozen=True)
class Rule:
    """A rule at X, or one that shall be there (`id` "")."""

    value: str
    tag: str
    id: str = ""


@dataclass(frozen=True)
class Plan:
    """What has to be done, and what stays. `foreign` is how many rules others have; `shared` the ids of those among
    them that ask what we would ask, and which X keeps once only."""

    add: Sequence[Rule]
    remove: Sequence[Rule]
    keep: Sequence[Rule]
    foreign: int
    shared: frozenset[str]

    @property
    def ids(self) -> frozenset[str]:
        """The rules at X whose posts are ours."""
        return self.shared | {rule.id for rule in self.keep}

    @property
    def done(self) -> bool:
        return not self.add and not self.remove


def prefix(source: str) -> str:
    """How the tags of this source's rules begin."""
    return f"tocsin:{source}:"


def wanted(watches: Iterable[WatchRule], source: str) -> list[Rule]:
    """The rules that the watches of a source ask for; watches that ask the same share one.

    Raises ConfigError for a watch that X cannot be asked for.
    """
    found: dict[str, Rule] = {}
    for watch in concerned(watches, source):
        for value in translate([rules.parse(watch.match)]):
            found.setdefault(value, Rule(value, f"{prefix(source)}{watch.name}"[:TAG_LENGTH]))
    return list(found.values())


def plan(there: Sequence[Rule], want: Sequence[Rule], source: str) -> Plan:
    ours = [rule for rule in there if rule.tag.startswith(prefix(source))]
    others = [rule for rule in there if not rule.tag.startswith(prefix(source))]
    known = {(rule.value, rule.tag) for rule in ours}
    asked = {(rule.value, rule.tag) for rule in want}
    values, taken = {rule.value for rule in want}, {rule.value for rule in others}
    return Plan(
        add=[rule for rule in want if (rule.value, rule.tag) not in known and rule.value not in taken],
        remove=[rule for rule in ours if (rule.value, rule.tag) not in asked],
        keep=[rule for rule in ours if (rule.value, rule.tag) in asked],
        foreign=len(others),
        shared=frozenset(rule.id for rule in others if rule.value in values),
    )


async def read(api: Api) -> list[Rule]:
    """All rules of the app. Raises what `Api.ask` does."""
    found: list[Rule] = []
    query: dict[str, str] = {}
    while True:
        answer = await api.ask(PATH, query)
        rows = answer.get("data")
        for row in rows if isinstance(rows, list) else []:
            found.append(Rule(str(row.get("value", "")), str(row.get("tag", "")), str(row.get("id", ""))))
        token = (answer.get("meta") or {}).get("next_token")
        if not token:
            return found
        query = {"pagination_token": str(token)}


async def rehearse(api: Api, plan: Plan) -> None:
    """Ask X whether it would take what is to be added. Raises Permanent with X's reason, and what `Api.ask` does."""
    for group in _groups(plan.add):
        _check(await _add(api, group, dry=True))


async def apply(api: Api, plan: Plan) -> None:
    """Make it so: first what is added, so that nothing is missed. Raises what `rehearse` does."""
    # X refuses a second rule of the same text, so a rule that only changes its tag goes first.
    texts = {rule.value for rule in plan.add}
    first = [rule for rule in plan.remove if rule.value in texts]
    await _remove(api, first)
    try:
        for group in _groups(plan.add):
            _check(await _add(api, group, dry=False))
    finally:
        await _remove(api, [rule for rule in plan.remove if rule.value not in texts])


async def _add(api: Api, group: Sequence[Rule], *, dry: bool) -> dict[str, Any]:
    body = {"add": [{"value": rule.value, "tag": rule.tag} for rule in group]}
    try:
        return await api.ask(PATH, {"dry_run": "true"} if dry else {}, method="POST", body=body)
    except Refusal as refusal:
        if refusal.status in (400, 403, 422) and "errors" in refusal.problem:
            return refusal.problem
        raise


async def _remove(api: Api, removed: Sequence[Rule]) -> None:
    for group in _groups(removed):
        await api.ask(PATH, method="POST", body={"delete": {"ids": [rule.id for rule in group]}})


def _check(answer: Mapping[str, Any]) -> None:
    """Raises Permanent for what X does not take; a rule that somebody has already is as good as ours."""
    faults = [
        error
        for error in answer.get("errors") or []
        if isinstance(error, dict) and "DuplicateRule" not in str(error.get("title"))
        and not str(error.get("type")).endswith("/duplicate-rules")
    ]  # fmt: skip
    if faults:
        error = faults[0]
        why = error.get("details") or error.get("detail") or error.get("title") or "no reason"
        text = "; ".join(map(str, why)) if isinstance(why, list) else str(why)
        value = one_line(str(error.get("value", "")), 100)
        raise Permanent(f"X does not take the rule '{value}': {one_line(text, 300)}")


def _groups(found: Sequence[Rule]) -> list[Sequence[Rule]]:
    return [found[start : start + AT_ONCE] for start in range(0, len(found), AT_ONCE)]
