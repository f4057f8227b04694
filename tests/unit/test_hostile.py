"""Two hundred hostile texts in everything that is told: e-mail, chats, pages, CSV, the terminal (S1)."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from tests.helpers.hostile import PAYLOADS
from tests.unit.test_channels import WHY, alert, link

from tocsin import messages
from tocsin.cli._alert_text import render
from tocsin.messages.html import page
from tocsin.messages.plain import text
from tocsin.model import Alert
from tocsin.notifiers import slack
from tocsin.server import pages
from tocsin.text import csv_cell

CONTROLS = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]")
UNSAFE = {
    "script",
    "iframe",
    "object",
    "embed",
    "svg",
    "math",
    "form",
    "base",
    "meta",
    "link",
    "style",
    "video",
    "audio",
}


class Tags(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def told_of(payload: str) -> Alert:
    """An alert in which everything that comes from outside is the payload."""
    post = WHY["posts"][0] | {"text": payload, "author": payload[:60], "url": payload, "source": payload[:40]}
    why: dict[str, Any] = WHY | {
        "why": f"New words: “{payload[:80]}”.", "posts": [post],
        "phrases": [{"phrase": payload[:80], "authors": 12, "z": 6.1}],
        "slices": [WHY["slices"][0] | {"value": payload[:80], "where": {"source": payload[:80]}}, WHY["slices"][1]],
    }  # fmt: skip
    made = alert(explanation=why)
    series = {"watch": "acme", "entity": payload[:80]}
    return msgspec.structs.replace(
        made, incident=msgspec.structs.replace(made.incident, series=series, acked_by=payload[:60])
    )


def elements(html: str) -> list[str]:
    return [tag for tag, _ in Tags(html).found]


HARMLESS = told_of("https://forum.example/1")
PLAIN = elements(page(messages.of(HARMLESS, link), "cid:chart"))
PAGE = elements(pages.incident(HARMLESS.incident, [], {"Ack": "https://tocsin.example/ack"}))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_text_stays_a_text_wherever_it_is_told(payload: str) -> None:
    told = told_of(payload)
    message = messages.of(told, link)
    mail = page(message, "cid:chart")
    shown = pages.incident(told.incident, [], {"Ack": "https://tocsin.example/ack"})
    for html, usual in ((mail, PLAIN), (shown, PAGE)):
        found = Tags(html).found
        assert not {tag for tag, _ in found if tag in UNSAFE} - set(usual)
        assert len(found) <= len(usual)
        for _, attributes in found:
            assert not [name for name in attributes if name.startswith("on")]
            for name in ("href", "src", "action"):
                assert re.match(r"(https?://|cid:|data:image/|/|$)", attributes.get(name) or "")
        assert not CONTROLS.search(html)
    for said in (text(message), message.title, render(told.incident), *slack_texts(told)):
        assert not CONTROLS.search(said.replace("\n", ""))
    assert "<!channel>" not in "".join(slack_texts(told))
    assert "<!here>" not in "".join(slack_texts(told))
    assert csv_cell(payload)[:1] not in {"=", "+", "-", "@", "\t", "\r"}


def slack_texts(told: Alert) -> list[str]:
    def texts(part: Any) -> list[str]:
        if isinstance(part, dict):
            return [
                text
                for key, value in part.items()
                for text in ([value] if key == "text" and isinstance(value, str) else texts(value))
            ]
        return [text for one in part for text in texts(one)] if isinstance(part, list) else []

    return texts(list(slack.blocks(messages.of(told, link))))
