"""Hashtags, mentions and links of a post: what the platform says, else what stands in its title and text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import ClassVar

import pyarrow as pa

from tocsin import records
from tocsin.component import Context
from tocsin.options import Options
from tocsin.posts import lists
from tocsin.words import LINK, LONGEST, UNSPACED, fold, links, marks

# A name, then the labels of a domain in lower case (a new sentence after "@name." is none), then a host (fediverse).
# What stands before "@" makes it part of an e-mail address, but not in a script without spaces.
_MENTION = re.compile(
    rf"(?:(?<![\w@＠&/])|(?<=[{UNSPACED}]))[@＠]([A-Za-z0-9_]+(?:-+[A-Za-z0-9_]+)*(?:\.[a-z0-9]++(?:-+[a-z0-9]++)*+(?!\w))*"
    r"(?:@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)?)"
)


class Config(Options):
    """No options."""


class Markup:
    """Fills `hashtags`, `mentions` and `urls`: as written, in order, each once, without "#" and "@"."""

    fills: ClassVar[frozenset[str]] = frozenset({"hashtags", "mentions", "urls"})
    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, config: Config, context: Context) -> None:
        pass

    def enrich(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        rows = zip(batch.column("title").to_pylist(), batch.column("text").to_pylist(), strict=True)
        texts = [f"{title}\n{text}" if title else text or "" for title, text in rows]
        without_links = [LINK.sub(" ", text) if "://" in text else text for text in texts]
        filled = {
            "hashtags": _filled(batch.column("hashtags"), without_links, _hashtags, "#＃"),
            "mentions": _filled(batch.column("mentions"), without_links, _mentions, "@＠"),
            "urls": _filled(batch.column("urls"), texts, links, ""),
        }
        return {name: pa.array(rows, records.SCHEMA.field(name).type) for name, rows in filled.items()}


def _filled(
    given: pa.Array, texts: Iterable[str], find: Callable[[str], Iterable[str]], signs: str
) -> list[Sequence[str]]:
    """For each post what the platform gave, without the signs, or else what is found in the text."""
    same = fold if signs else str
    rows: list[Sequence[str]] = []
    for own, text in zip(lists(given), texts, strict=True):
        first: dict[str, str] = {}
        for name in [name.strip().lstrip(signs) for name in own if name] if own else find(text):
            if name:
                first.setdefault(same(name), name)
        rows.append(list(first.values()))
    return rows


def _hashtags(text: str) -> list[str]:
    if "#" not in text and "＃" not in text:
        return []
    return [tag for tag in _hashtag().findall(text) if len(tag) <= LONGEST and not tag.isdecimal()]


@cache
def _hashtag() -> re.Pattern[str]:
    """A tag is made of letters, digits, their marks, "_" and the Persian non-joiner."""
    return re.compile(rf"(?<![\w&#＃/])[#＃]([\w{marks()}\u200c]+)")


def _mentions(text: str) -> list[str]:
    if "@" not in text and "＠" not in text:
        return []
    return [name for name in _MENTION.findall(text) if len(name) <= LONGEST]
