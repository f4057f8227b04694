"""The contract of component.Notifier, run over every notifier found on disk.

A case file `cases/notifiers/<type>.py` holds `make(tmp_path)`: an async context manager that gives a `Case`.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.alerts import an_alert

import tocsin.notifiers
from tocsin import load
from tocsin.component import Notifier
from tocsin.errors import Permanent, Transient

TYPES = sorted(path.stem for path in Path(tocsin.notifiers.__file__).parent.glob("[!_]*.py"))
CANARY = "canary-in-the-mine"
HOSTILE = [
    "",
    "\x00\x1b[2J\u202e",
    "two\nlines\u2028three",
    '"quoted" \\ </script>',
    "日本語 👩‍👩‍👧",
    "x" * 100_000,
    "=1+1",
    "é",
]


@dataclass
class Case:
    """A notifier and its other side.

    `received` gives the alerts that arrived, as JSON objects, each key once, in order of arrival;
    `fail("transient")` and `fail("permanent")` break the other side, `fail(None)` repairs it; `again` makes the
    notifier anew, as after a restart.
    """

    notifier: Notifier
    received: Callable[[], list[dict[str, Any]]]
    fail: Callable[[str | None], Awaitable[None]]
    again: Callable[[], Notifier]
    whole: bool = True
    """Whether the alert arrives as data; else as a message, whose `text` is in `received` instead."""
    says_never: bool = True
    """Whether it can tell a refusal for good from one for now."""


def case_of(type_name: str) -> Any:
    try:
        return importlib.import_module(f"tests.contract.cases.notifiers.{type_name}")
    except ModuleNotFoundError:
        pytest.fail(f"notifiers/{type_name}.py has no case: write tests/contract/cases/notifiers/{type_name}.py")


@pytest.fixture(params=TYPES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    made: AbstractAsyncContextManager[Case] = case_of(request.param).make(tmp_path)
    async with made as case:
        yield case


def keys(case: Case) -> list[str]:
    return [alert["key"] for alert in case.received()]


@pytest.mark.parametrize("type_name", TYPES)
def test_it_is_found_by_its_type(type_name: str) -> None:
    loaded = load.component("notifiers", type_name)
    assert loaded.config_class.__doc__
    undocumented = [name for name, field in loaded.config_class.model_fields.items() if not field.description]
    assert undocumented == []


async def test_making_it_does_nothing(case: Case) -> None:
    assert case.received() == []


async def test_an_alert_arrives_with_all_that_it_says(case: Case) -> None:
    alert = an_alert()
    await case.notifier.send(alert)
    (received,) = case.received()
    assert received["key"] == alert.key
    if not case.whole:
        assert alert.incident.headline in received["text"].replace("\\", "")
        assert "42" in received["text"]
        return
    assert received["event"] == "opened"
    incident = received["incident"]
    assert incident["headline"] == alert.incident.headline
    assert incident["series"] == {"watch": "acme", "category": "outage"}
    assert (incident["observed"], incident["expected"], incident["severity"]) == (42, 6.5, 3)
    assert incident["detected_at"] == "2026-11-22T12:05:00Z"
    assert incident["explanation"] == alert.incident.explanation


async def test_alerts_arrive_in_order(case: Case) -> None:
    for number in range(5):
        await case.notifier.send(an_alert(number))
    assert keys(case) == [an_alert(number).key for number in range(5)]


async def test_a_repeat_is_known_by_its_key_also_after_a_restart(case: Case) -> None:
    await case.notifier.send(an_alert(1))
    await case.notifier.send(an_alert(1))
    restarted = case.again()
    await restarted.send(an_alert(1))
    await restarted.send(an_alert(2))
    assert keys(case) == [an_alert(1).key, an_alert(2).key]


async def test_many_at_once(case: Case) -> None:
    await asyncio.gather(*(case.notifier.send(an_alert(number)) for number in range(20)))
    assert sorted(keys(case)) == sorted(an_alert(number).key for number in range(20))


@pytest.mark.parametrize("kind", ["transient", "permanent"])
async def test_failures_are_classified_and_nothing_counts_as_sent(case: Case, kind: str) -> None:
    await case.notifier.send(an_alert(1))
    await case.fail(kind)
    kind = kind if case.says_never else "transient"
    with pytest.raises(Transient if kind == "transient" else Permanent) as caught:
        await case.notifier.send(an_alert(2))
    assert "\n" not in str(caught.value)
    assert str(caught.value)
    assert CANARY not in str(caught.value)
    await case.fail(None)
    assert keys(case) == [an_alert(1).key]
    await case.notifier.send(an_alert(2))
    assert keys(case) == [an_alert(1).key, an_alert(2).key]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_arrives_as_data(case: Case, text: str) -> None:
    await case.notifier.send(an_alert(headline=text))
    (received,) = case.received()
    if not case.whole:
        assert not set(received["text"]) & set("\x00\x1b\u202e")
        return
    assert received["incident"]["headline"] == text
    assert json.loads(json.dumps(received)) == received


async def test_it_does_not_show_its_secrets(case: Case) -> None:
    assert CANARY not in repr(case.notifier)
    assert CANARY not in repr(vars(case.notifier))
