"""An incident in a terminal: golden, and harmless whatever people wrote into it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.helpers.alerts import START, an_alert

from tocsin.cli._alert_text import render
from tocsin.model import Incident

WHY: dict[str, Any] = {
    "why": "63% of the rise is source news (3.1 times its usual share).",
    "slices": [
        {"dimension": "source", "value": "news", "share": 62.5, "posts": 22, "lift": 3.1},
        {"dimension": "author_handle", "value": "ann", "share": 20.0, "posts": 7, "lift": None},
        {"dimension": "rest", "value": "", "share": 17.5, "posts": 13, "lift": None},
    ],
    "phrases": [{"phrase": "login down", "authors": 9, "z": 5.1}, {"phrase": "503", "authors": 4, "z": 3.2}],
    "posts": [
        {"uid": "news:1", "source": "news", "author": "ann", "author_id": "a1", "at": "2026-11-22T12:01:30+00:00",
         "url": None, "text": "login is down", "copies": 3},
        {"uid": "news:2", "source": "news", "author": "ben", "author_id": "a2", "at": "2026-11-22T12:02:00+00:00",
         "url": None, "text": "down here too", "copies": 2},
        {"uid": "news:3", "source": "news", "author": None, "author_id": None, "at": "2026-11-22T12:03:00+00:00",
         "url": None, "text": "503 again", "copies": 1},
    ],
    "voices": {"posts": 42, "authors": 31, "texts": 36, "copies": 6, "busiest_four_share": 0.19},
    "entities": [{"value": "Globex", "share": 40.5, "usual": 2.0}],
    "places": [],
    "sentiment": {"negative": 61.9, "usual_negative": 20.0},
    "together": [{"category": "billing", "observed": 12, "usual": 3.5}],
    "yesterday": 6,
    "last_week": None,
    "coverage": {"share": 0.975, "gaps": []},
}  # fmt: skip

GOLDEN = """\
outage (acme): 42 mentions in 5 min, expected 3 to 11, since 12:00 UTC
  incident-1   severity 3 of 100   open   2026-11-22 12:00, still open (UTC)
  seen       42 in 5 min; expected 6.5 (3 to 11)
  why        63% of the rise is source news (3.1 times its usual share).
  voices     31 authors, 36 different texts, 6 copies; the busiest four wrote 19%
  excess      62.5 %  source news  (3.1 times its usual share, 22 posts)
  excess      20.0 %  the account @ann  (new, 7 posts)
  excess      17.5 %  the rest, spread evenly
  new words  login down (9), 503 (4)
  names      Globex (in 40.5 %, usually 2 %)
  together   billing (12, usually 3.5)
  mood       61.9 % negative, usually 20 %
  earlier    6 a day before
  coverage   97.5% of the window was seen
  12:01  @ann: login is down  (and 2 copies)
  12:02  @ben: down here too  (and 1 copy)
  12:03  @?: 503 again
  SQL        SELECT 1"""


def incident(**values: Any) -> Incident:
    headline = "outage (acme): 42 mentions in 5 min, expected 3 to 11, since 12:00 UTC"
    return msgspec.structs.replace(
        an_alert().incident, **({"headline": headline, "explanation": WHY, "scale": 300} | values)
    )


def test_golden() -> None:
    assert render(incident()) == GOLDEN


def test_one_that_is_over_says_until_when_and_nothing_is_made_up_where_there_is_nothing() -> None:
    rest = {"dimension": "rest", "value": "", "share": 100.0, "posts": 42, "lift": None}
    why = {"slices": [rest], "phrases": [], "posts": [], "voices": WHY["voices"] | {"copies": 1}}
    why |= {"coverage": WHY["coverage"]}
    lines = render(incident(explanation=why, state="resolved", end=START + timedelta(hours=2))).splitlines()
    assert lines[1] == "  incident-1   severity 3 of 100   resolved   2026-11-22 12:00 to 14:00 (UTC)"
    assert lines[3] == "  voices     31 authors, 36 different texts, 1 copy; the busiest four wrote 19%"
    assert lines[4:] == [
        "  excess     100.0 %  spread evenly",
        "  coverage   97.5% of the window was seen",
        "  SQL        SELECT 1",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[2J\x1b]0;owned\x07",
        "a\u202egnp.exe",
        "one\n  SQL        DROP TABLE posts",
        "one\r\rtwo",
        "a\u2028b",
        "\ud83d",
    ],
)
def test_hostile_text_stays_harmless(hostile: str) -> None:
    post = WHY["posts"][0] | {"text": f"x{hostile}y", "author": f"x{hostile}y"}
    why = WHY | {
        "posts": [post],
        "slices": [WHY["slices"][1] | {"value": f"x{hostile}y"}],
        "phrases": [{"phrase": f"x{hostile}y", "authors": 3, "z": 4.0}],
        "why": f"x{hostile}y",
        "entities": [{"value": f"x{hostile}y", "share": 1.0, "usual": 0.0}],
    }
    shown = render(incident(explanation=why, headline=f"x{hostile}y", sql=f"SELECT 'x{hostile}y'"))
    assert not set(shown) & set("\x1b\x07\r\u202e\u2028\ud83d")
    assert len(shown.splitlines()) == 14
    assert sum(line.startswith("  SQL ") for line in shown.splitlines()) == 1
    assert shown.encode()
