"""A message as HTML that mail programs show: tables and inline styles, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tocsin.messages import Message
from tocsin.messages.plain import quoted

COLORS = {"notable": "#b7791f", "high": "#c05621", "critical": "#c53030"}
TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" '
CARD = (
    "max-width:640px;width:100%;background:#ffffff;font-family:Helvetica,Arial,sans-serif;"
    "font-size:15px;line-height:1.45"
)
NAME = "padding:2px 12px 2px 0;color:#5a6272;white-space:nowrap;vertical-align:top"
QUOTE = "margin:0 0 8px;padding:4px 0 4px 12px;border-left:3px solid #cbd5e0;font-size:14px"
BUTTON = (
    "display:inline-block;margin:0 8px 8px 0;padding:8px 14px;border-radius:6px;background:#edf2f7;color:#1f2430;"
    "text-decoration:none;font-size:14px"
)


def page(message: Message, image: str | None = None) -> str:
    """The whole document; `image` is where the picture is ("cid:chart")."""
    color = "#2f855a" if message.event in {"resolved", "expired"} else COLORS[message.word]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(message.title)}</title></head>"
        '<body style="margin:0;padding:0;background:#f4f5f7;color:#1f2430">'
        f'{TABLE}width="100%"><tr><td align="center" style="padding:16px">'
        f'{TABLE}style="{CARD};border-top:4px solid {color}"><tr><td style="padding:20px 24px">'
        f"{''.join(_parts(message, image))}</td></tr></table></td></tr></table></body></html>"
    )


def _parts(message: Message, image: str | None) -> Iterator[str]:
    yield f'<h1 style="margin:0 0 8px;font-size:19px;line-height:1.3">{escape(message.title)}</h1>'
    if message.why:
        yield f'<p style="margin:0 0 12px">{escape(message.why)}</p>'
    if image:
        yield (
            f'<img src="{escape(image)}" width="592" alt="Posts over the last day, with what was expected" '
            'style="display:block;width:100%;max-width:592px;height:auto;margin:0 0 12px">'
        )
    if message.facts:
        rows = "".join(
            f'<tr><td style="{NAME}">{escape(name)}</td><td style="padding:2px 0">{escape(value)}</td></tr>'
            for name, value in message.facts
        )
        yield f'{TABLE}style="margin:0 0 12px;font-size:14px">{rows}</table>'
    for lines in (message.slices, message.lines):
        if lines:
            items = "".join(f"<li>{escape(line)}</li>" for line in lines)
            yield f'<ul style="margin:0 0 12px;padding:0 0 0 20px;font-size:14px">{items}</ul>'
    for post in message.posts:
        link = f' <a href="{escape(post.url)}" style="color:#2b6cb0">open</a>' if post.url else ""
        yield f'<blockquote style="{QUOTE}" dir="auto">{escape(quoted(post))}{link}</blockquote>'
    buttons = [("Look", message.page), *message.actions]
    shown = "".join(f'<a href="{escape(url)}" style="{BUTTON}">{escape(name)}</a>' for name, url in buttons if url)
    if shown:
        yield f'<p style="margin:12px 0 4px">{shown}</p>'
    if message.sql:
        yield (
            '<p style="margin:12px 0 4px;color:#5a6272;font-size:12px">Count it again:</p>'
            '<pre style="margin:0 0 12px;padding:8px;background:#f4f5f7;font-size:11px;white-space:pre-wrap;'
            f'word-break:break-word">{escape(message.sql)}</pre>'
        )
    yield f'<p style="margin:0;color:#5a6272;font-size:12px">{escape(message.footer)}</p>'
