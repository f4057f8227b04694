"""What each channel shows: a golden message each, its limits, and nothing that people wrote taken for markup."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from tests.helpers.alerts import START, an_alert
from tests.helpers.channels import context, mail_server
from tests.helpers.site import serving

from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.messages import Message, of
from tocsin.messages.html import page
from tocsin.messages.picture import png, svg
from tocsin.messages.plain import text
from tocsin.messages.shapes import alertmanager, event, lookout, prometheus
from tocsin.model import Alert, Digest
from tocsin.notifiers import discord, email, ntfy, pagerduty, slack, sns, teams, telegram
from tocsin.notifiers._posting import multipart

GOLDEN = Path(__file__).parents[1] / "golden" / "channels"
NASTY = "<script>alert(1)</script> <!channel> @everyone **bold** [x](javascript:1) \u202egnp\u2028line \U0001f469\u200d"
WHY: dict[str, Any] = {
    "why": "71% of the rise is source forum (9 times its usual share). New words: “can't log in”.",
    "slices": [
        {"dimension": "source", "value": "forum", "where": {"source": "forum"}, "share": 71.0, "posts": 30, "lift": 9},
        {"dimension": "rest", "value": "", "where": {}, "share": 29.0, "posts": 12, "lift": None},
    ],
    "phrases": [{"phrase": "can't log in", "authors": 12, "z": 6.1}],
    "posts": [
        {"uid": "forum:1", "source": "forum", "author": "ann", "author_id": "a1", "at": "2026-11-22T12:01:30+00:00",
         "url": "https://forum.example/1", "text": "I can't log in", "copies": 3, "role": "first"},
        {"uid": "forum:2", "source": "forum", "author": "ev*il<b>", "author_id": "a2", "at": "2026-11-22T12:02:00Z",
         "url": "javascript:alert(1)", "text": NASTY, "copies": 1, "role": "typical"},
    ],
    "voices": {"posts": 42, "authors": 31, "texts": 36, "copies": 6, "busiest_four_share": 0.19},
    "last_week": 7,
    "coverage": {"share": 0.97, "gaps": []},
    "chart": {"start": 1763726400, "bucket": 900, "counts": [3, 2, 4, 3, 5, 2, 3, 4, 21, 42], "expected": 3.2},
}  # fmt: skip
HEADLINE = "outage (acme): 42 mentions in 5 min, expected 3 to 11, since 12:00 UTC"


def link(incident: str, action: str) -> str:
    return f"https://tocsin.example/{action}/{incident}?s=1"


def alert(**values: Any) -> Alert:
    told = an_alert(headline=HEADLINE)
    own = {
        "explanation": WHY,
        "severity": 72,
        "score": 1.8,
        "scale": 300,
        "start": datetime(2026, 11, 21, 14, tzinfo=UTC),
    }
    return msgspec.structs.replace(told, incident=msgspec.structs.replace(told.incident, **(own | values)))


def over() -> Alert:
    ended = {"state": "resolved", "end": START + timedelta(hours=2), "peak": 120.0, "total_excess": 633.4}
    return msgspec.structs.replace(alert(**ended), event="resolved", key="incident-1:resolved:0")


def digest() -> Digest:
    one, other = alert().incident, alert(told=False, state="resolved").incident
    return Digest("digest:daily:2026-11-22", "daily", START - timedelta(days=1), START, (one, other), 1.0, 1, 0.98)


def rendered(message: Message, told: Alert | Digest, folder: Path) -> dict[str, str]:
    """What each channel sends, as text that people can compare."""
    shown: dict[str, Any] = {
        "plain.txt": text(message),
        "email.html": page(message, "cid:chart"),
        "slack.json": list(slack.blocks(message)),
        "teams.json": teams.card(message),
        "discord.json": discord.payload(message, picture=True),
        "telegram.json": telegram.payload(message),
        "ntfy.json": ntfy.payload(message),
        "cloudevents.json": event(told, "/tocsin"),
    }
    if isinstance(told, Alert):
        shown |= {
            "lookout.json": lookout(told, link),
            "alertmanager.json": alertmanager(told, link),
            "alertmanager-api.json": prometheus(told, link),
            "pagerduty.json": pager(folder)._event(told),
        }
    return {
        name: body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=1, default=str)
        for name, body in shown.items()
    }


def pager(folder: Path) -> pagerduty.Pagerduty:
    return pagerduty.Pagerduty(pagerduty.Config(routing_key=SecretStr("k")), with_link(folder))


def with_link(folder: Path) -> Any:
    return dataclasses.replace(context(folder), link=link)


@pytest.mark.parametrize(("name", "told"), [("opened", alert()), ("resolved", over()), ("digest", digest())])
def test_what_each_channel_shows(name: str, told: Alert | Digest, tmp_path: Path) -> None:
    for file, body in rendered(of(told, link), told, tmp_path).items():
        golden = GOLDEN / name / file
        if os.environ.get("TOCSIN_GOLDEN") == "write":
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(body + "\n", encoding="utf-8")
        assert body + "\n" == golden.read_text(encoding="utf-8"), f"{golden.name} is another one now"


def test_the_first_line_stands_alone() -> None:
    assert of(alert(), link).title == HEADLINE
    assert of(over(), link).title.startswith("Over: outage (acme)")
    assert dict(of(over(), link).facts)["in all"] == "+633 against what was expected"
    many = msgspec.structs.replace(alert(), also=(alert().incident, alert().incident))
    assert of(many, link).title.endswith("(and 2 more)")
    assert len(of(alert(headline="x" * 500), link).title) <= 140


def test_nothing_that_people_wrote_is_markup() -> None:
    message = of(alert(), link)
    assert "<script" not in page(message)
    assert "javascript:" not in json.dumps([one["url"] for one in slack.blocks(message) if "url" in one])
    said = json.dumps(list(slack.blocks(message)))
    assert "<!channel>" not in said
    assert "<script" not in telegram.payload(message)["text"]
    assert "**bold**" not in discord.payload(message, picture=False)["embeds"][0]["description"]
    assert discord.payload(message, picture=False)["allowed_mentions"] == {"parse": []}
    assert all(block["type"] == "RichTextBlock" for block in teams.card(message)["attachments"][0]["content"]["body"])
    for shown in (text(message), page(message), said):
        assert not set(shown) & set("\u202e\u2028\x1b")


long = st.text(max_size=3000)


@given(headline=long, why=long, post=long, author=long, many=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_no_limit_is_passed_whatever_people_wrote(headline: str, why: str, post: str, author: str, many: int) -> None:
    posts = [WHY["posts"][0] | {"text": post, "author": author}] * 5
    parts = [WHY["slices"][0] | {"value": author, "where": {"source": author}}] * 5
    told = alert(headline=headline, explanation=WHY | {"why": why, "posts": posts, "slices": parts})
    told = msgspec.structs.replace(told, also=(told.incident,) * many)
    message = of(told, link)
    blocks = list(slack.blocks(message))
    assert len(blocks) <= 50
    assert all(len(block.get("text", {}).get("text", "")) <= 3000 for block in blocks)
    assert len(msgspec.json.encode(teams.card(message))) <= 28_000
    (embed,) = discord.payload(message, picture=True)["embeds"]
    assert len(embed["title"]) <= 256
    assert len(embed["description"]) <= 4096
    assert len(embed["title"]) + len(embed["description"]) + len(embed["footer"]["text"]) <= 6000
    html = telegram.payload(message)["text"]
    assert len(html) <= 4096
    assert html.count("<b>") == html.count("</b>")
    assert html.count("<blockquote>") == html.count("</blockquote>")
    assert len(ntfy.payload(message)["message"].encode()) <= 4096
    assert 1 <= len(sns._subject(message.title)) <= 100


def test_a_picture_is_drawn_with_the_font_that_comes_along() -> None:
    drawn = png(WHY["chart"], START)
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) > 4000
    assert svg(WHY["chart"], START).count("<rect") == 11
    assert png({"start": 0, "bucket": 60, "counts": [], "expected": 0.0}, START).startswith(b"\x89PNG")


def test_a_form_is_whole() -> None:
    body, kind = multipart({"payload_json": "{}"}, {"files[0]": ("chart.png", b"\x89PNG")})
    border = kind.partition("boundary=")[2].encode()
    assert body.count(b"--" + border) == 3
    assert body.endswith(b"--" + border + b"--\r\n")


async def test_mails_of_an_incident_are_one_thread_with_the_picture_in_it(tmp_path: Path) -> None:
    config = email.Config(to=("a@example.com", "b@example.com"), sender="t@example.com", host="127.0.0.1")
    made = email.Email(config, with_link(tmp_path))
    first, last = (made.written(of(told, link), b"\x89PNG") for told in (alert(), over()))
    assert first["In-Reply-To"] == last["In-Reply-To"] == first["References"]
    assert first["Message-ID"] != last["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"
    kinds = [part.get_content_type() for part in first.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]


async def test_a_headline_cannot_forge_a_header(tmp_path: Path) -> None:
    config = email.Config(to=("a@example.com",), sender="t@example.com", host="127.0.0.1")
    told = alert(headline="x\r\nBcc: everyone@example.com")
    mail: EmailMessage = email.Email(config, with_link(tmp_path)).written(of(told, link), None)
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]


@pytest.mark.parametrize(("answer", "fault"), [("450 later", Transient), ("552 full", Permanent)])
async def test_what_a_mail_server_says_is_understood(answer: str, fault: type[Exception], tmp_path: Path) -> None:
    async with mail_server() as (mailbox, port):
        config = email.Config(
            to=("a@example.com",), sender="t@example.com", host="127.0.0.1", port=port, security="none", picture=False
        )
        mailbox.answer = answer
        with pytest.raises(fault):
            await email.Email(config, context(tmp_path)).send(alert())
        starts = config.model_copy(update={"security": "starttls"})
        with pytest.raises(Permanent, match="security"):
            await email.Email(starts, context(tmp_path)).send(alert())
    with pytest.raises(Transient, match="cannot be reached"):
        await email.Email(config, context(tmp_path)).send(alert())


def test_a_password_does_not_go_over_an_open_line() -> None:
    with pytest.raises(ValidationError, match="open line"):
        email.Config(
            to=("a@example.com",), sender="t@example.com", host="mail.example.com", security="none", user="u",
            password=SecretStr("p"),
        )  # fmt: skip


async def test_slack_and_telegram_say_no_in_the_body(tmp_path: Path) -> None:
    async with serving() as site:
        options = {"api": f"http://{site.host}", "allow_private": True}
        bot = slack.Slack(slack.Config(token=SecretStr("t"), channel="#a", **options), context(tmp_path))
        for body, fault in ((b'{"ok":false,"error":"ratelimited"}', Transient), (b"[]", Transient)):
            site.answers(200, body)
            with pytest.raises(fault):
                await bot.send(alert())
        site.answers(200, b'{"ok":false,"error":"channel_not_found"}')
        with pytest.raises(Permanent, match="channel_not_found"):
            await bot.send(alert())
        site.answers(429, b'{"ok":false,"parameters":{"retry_after":7}}')
        chat = telegram.Telegram(telegram.Config(token=SecretStr("t"), chat=1, **options), context(tmp_path))
        with pytest.raises(Transient) as caught:
            await chat.send(alert())
        assert caught.value.retry_after == 7


async def test_the_picture_goes_to_discord_as_a_file(tmp_path: Path) -> None:
    async with serving() as site:
        config = discord.Config(webhook=SecretStr(site.url), allow_private=True)
        await discord.Discord(config, context(tmp_path)).send(alert())
        body = await site.requests[0].read()
        assert b'name="files[0]"; filename="chart.png"' in body
        assert b"\x89PNG" in body


def test_labels_for_alertmanager_are_ones_that_it_takes() -> None:
    shown = prometheus(alert(series={"watch": "acme", "bad name-1": "x"}), link)
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in shown["labels"])
    assert prometheus(over(), link)["labels"] == prometheus(alert(), link)["labels"] | {}


async def test_a_digest_is_not_for_pagers(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="no digests"):
        await pager(tmp_path).send(digest())


def test_a_url_that_apprise_does_not_know_is_refused(tmp_path: Path) -> None:
    from tocsin.notifiers.apprise import Apprise, Config

    with pytest.raises(ConfigError, match="none that Apprise knows"):
        Apprise(Config(url=SecretStr("nothing://x")), context(tmp_path))


def test_a_fifo_topic_knows_repeats(tmp_path: Path) -> None:
    from tests.helpers.remote import fake_credentials

    with fake_credentials():
        topic = "arn:aws:sns:eu-central-1:123456789012:alerts.fifo"
        made = sns.Sns(sns.Config(topic=topic, shape="lookout"), context(tmp_path))
        first, again, last = (made.request(told) for told in (alert(), alert(), over()))
    assert first["MessageDeduplicationId"] == again["MessageDeduplicationId"] != last["MessageDeduplicationId"]
    assert first["MessageGroupId"] == "incident-1"
    bodies = json.loads(first["Message"])
    assert json.loads(bodies["lambda"])["impactedMetric"]["dimensionContribution"][-1]["dimensionName"] == "source"
    assert bodies["sms"] == HEADLINE
