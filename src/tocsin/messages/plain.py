"""A message as plain text, for terminals, mail, chat and text messages."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.messages import Message, Quote
from tocsin.text import truncate


def text(message: Message, most: int | None = None, *, title: bool = True) -> str:
    """All of it, or as much as fits in `most` characters; with the first line or without."""
    lines = list(_lines(message))
    if title:
        lines.insert(0, message.title)
    whole = "\n".join(lines)
    return whole if most is None else truncate(whole, most)


def _lines(message: Message) -> Iterator[str]:
    if message.why:
        yield message.why
    for name, value in message.facts:
        yield f"{name}: {value}"
    for part in message.slices:
        yield f"excess: {part}"
    for line in message.lines:
        yield f"- {line}"
    for post in message.posts:
        yield quoted(post)
    if message.page:
        yield f"Look: {message.page}"
    for name, url in message.actions:
        yield f"{name}: {url}"
    if message.sql:
        yield f"SQL: {message.sql}"
    if message.footer:
        yield message.footer


def quoted(post: Quote) -> str:
    """A post in a line."""
    copies = f"  (and {post.copies - 1} more)" if post.copies > 1 else ""
    return f"{post.at} {post.by}: {post.text}{copies}".strip()
