"""HTML as plain text, with its links. Never fails, and costs time in proportion to what it reads."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tocsin.words import links

LONGEST = 200_000
"""Characters of HTML that are read."""
_BREAKS = frozenset(
    {"br", "li", "tr", "div", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "table"}
)
_SILENT = frozenset({"script", "style", "template", "noscript", "head"})
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_LINES = re.compile(r" *\n *")
_EMPTY = re.compile(r"\n{3,}")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.links: dict[str, None] = {}
        self._silent = self._anchors = 0
        self._hidden: list[bool] = []
        """For each open span, whether it is one that the page does not show."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "p":
            self.parts.append("\n\n")
        elif tag in _BREAKS:
            self.parts.append("\n")
        elif tag == "span":
            self._hidden.append("invisible" in (dict(attrs).get("class") or "").split())
        elif tag == "a":
            self._anchors += 1
            if (href := dict(attrs).get("href")) and href.startswith(("http://", "https://")):
                self.links[href] = None

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag == "p":
            self.parts.append("\n\n")
        elif tag == "span" and self._hidden:
            self._hidden.pop()
        elif tag == "a":
            self._anchors = max(self._anchors - 1, 0)

    def handle_data(self, data: str) -> None:
        if not self._silent and True not in self._hidden[-1:]:
            self.parts.append(data.replace("\n", " "))
            if not self._anchors:
                self.links.update(dict.fromkeys(links(data)))


def plain(html: str) -> tuple[str, tuple[str, ...]]:
    """The text that a reader sees, paragraphs apart by an empty line, and where its links go, made ones and bare ones.

    >>> plain('<p>Hello <b>you</b> &amp; all<br>bye</p><p><a href="https://acme.example/x">here</a></p>')
    ('Hello you & all\\nbye\\n\\nhere', ('https://acme.example/x',))
    """
    if "<" not in html and "&" not in html:
        return _SPACES.sub(" ", html).strip(), tuple(dict.fromkeys(links(html)))
    reader = _Reader()
    reader.feed(html[:LONGEST])
    reader.close()
    text = _EMPTY.sub("\n\n", _LINES.sub("\n", _SPACES.sub(" ", "".join(reader.parts))))
    return text.strip(), tuple(reader.links)
