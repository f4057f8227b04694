"""The pages as HTML: readable on a phone and in the dark, without a script."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources

from tocsin.messages import ACTIONS, Message, of
from tocsin.messages.picture import svg
from tocsin.messages.plain import quoted
from tocsin.model import Alert, Incident
from tocsin.people import Done
from tocsin.text import clean, one_line

STYLE = (resources.files("tocsin.server") / "page.css").read_text(encoding="utf-8")
QUESTIONS = {
    "ack": ("Take this on?", "Everybody sees that you have."),
    "snooze": ("Hear no more of this for a while?", "It rings again if it gets far worse."),
    "useful": ("Was this alert useful?", "The threshold of its policy goes down a little."),
    "not_useful": ("Was this alert not useful?", "The threshold of its policy goes up."),
    "planned": ("Was this planned?", "It is written down; the threshold stays."),
    "note": ("Write something down", "Everybody who opens the incident sees it."),
}


def page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def notice(title: str, text: str) -> str:
    return page(title, f"<section><h1>{escape(title)}</h1><p>{escape(text)}</p></section>")


def confirm(incident: Incident, action: str, lengths: Sequence[str]) -> str:
    """Asks before anything is done."""
    question, what = QUESTIONS[action]
    fields = ""
    if action == "snooze":
        options = "".join(f"<option>{escape(length)}</option>" for length in lengths)
        fields = f'<label for="for">For</label><select id="for" name="for">{options}</select>'
    if action == "note":
        area = '<textarea id="note" name="note" rows="4" maxlength="2000" required></textarea>'
        fields = f'<label for="note">Note</label>{area}'
    button = ACTIONS.get(action, "Keep")
    return page(
        question,
        f"<section><h1>{escape(question)}</h1><p>{escape(_line(incident.headline))}</p>"
        f'<p class="pale">{escape(what)}</p>'
        f'<form method="post">{fields}<label for="who">Your name</label>'
        '<input id="who" name="who" maxlength="80" autocomplete="name">'
        f"<p><button>{escape(button)}</button></p></form></section>",
    )


def done(incident: Incident, action: str, link: str) -> str:
    """Says that it is done."""
    return page(
        "Done",
        f"<section><h1>Done: {escape(ACTIONS.get(action, 'noted').lower())}</h1>"
        f"<p>{escape(_line(incident.headline))}</p>"
        f'<p><a href="{escape(link)}">The incident</a></p></section>',
    )


def incident(incident: Incident, log: Sequence[Done], links: Mapping[str, str]) -> str:
    """All that is known of an incident."""
    event = incident.state if incident.state != "open" else "opened"
    message = of(Alert(incident.id, event, incident))
    opened = of(Alert(incident.id, "opened", incident))
    return page(
        message.title,
        f'<section><p class="pale">{escape(_state(incident))}</p><h1>{escape(message.title)}</h1>'
        f"<p>{escape(opened.why)}</p>{_chart(opened)}</section>"
        f'<section><div class="deeds">{"".join(_link(name, url) for name, url in links.items())}</div></section>'
        f"{_facts([*opened.facts, *(message.facts if message.event != 'opened' else ())])}"
        f"{_list('What it is made of', opened.slices)}{_quotes(opened)}{_log(log)}"
        f"<section><h2>Count it again</h2><pre>{escape(opened.sql)}</pre>"
        f'<p class="pale">{escape(opened.footer)}</p></section>',
    )


def _state(incident: Incident) -> str:
    found = [f"severity {incident.severity} of 100", incident.state, f"since {incident.start:%d %b %Y %H:%M} UTC"]
    if incident.acked_by:
        found.append(f"taken on by {_line(incident.acked_by)}")
    if incident.assigned_to:
        found.append(f"assigned to {_line(incident.assigned_to)}")
    if incident.snoozed_until:
        found.append(f"snoozed until {incident.snoozed_until:%d %b %H:%M} UTC")
    return " · ".join(found)


def _chart(message: Message) -> str:
    if message.chart is None or message.start is None:
        return ""
    image = base64.b64encode(svg(message.chart, message.start).encode()).decode()
    return (
        f'<img width="640" height="240" src="data:image/svg+xml;base64,{image}" '
        'alt="Posts over the last day, with what was expected">'
    )


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<section><h2>Figures</h2><dl>{rows}</dl></section>"


def _list(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<section><h2>{escape(title)}</h2><ul>{items}</ul></section>" if lines else ""


def _quotes(message: Message) -> str:
    quotes = "".join(
        f'<blockquote dir="auto">{escape(quoted(post))}'
        + (f' <a href="{escape(post.url)}" rel="noreferrer noopener">open</a>' if post.url else "")
        + "</blockquote>"
        for post in message.posts
    )
    return f"<section><h2>Posts</h2>{quotes}</section>" if quotes else ""


def _log(log: Sequence[Done]) -> str:
    lines = [
        f"{one.at:%d %b %H:%M} UTC  {_line(one.by)}: {one.action} {_line(one.argument or '')}".strip() for one in log
    ]
    return _list("What was done", lines)


def _link(name: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(name)}</a>'


def _line(text: str) -> str:
    return one_line(clean(text)).strip()
