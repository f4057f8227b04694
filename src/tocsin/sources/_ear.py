"""What of a whole platform is worth keeping: everything that a watch might match, and no post that one does.

The watches themselves are matched later, when language and place are known. Here a rule's anchors are enough: words
of which every post that it matches has one.
"""

from __future__ import annotations

from collections.abc import Iterable

from tocsin import rules
from tocsin.component import WatchRule
from tocsin.model import Post
from tocsin.options import Options
from tocsin.words import words

_UNKNOWN_YET = ("lang:", "place_country:", "is:", "has:")


class Watch(Options):
    """A watch of the config, as a source takes it."""

    name: str
    match: str
    sources: tuple[str, ...] | None = None


def concerned(watches: Iterable[WatchRule], source: str) -> list[WatchRule]:
    """Those of the watches that listen to this source."""
    return [watch for watch in watches if watch.sources is None or source in watch.sources]


class Ear:
    """Listens for the watches that concern one source; without any it wants every post."""

    def __init__(self, watches: Iterable[WatchRule], source: str) -> None:
        own = concerned(watches, source)
        anchors = frozenset[str]().union(*(rules.parse(watch.match).anchors() or () for watch in own))
        self._all = not own or any(anchor.startswith(_UNKNOWN_YET) for anchor in anchors)
        self._words = frozenset(max(found, key=len) for anchor in anchors if (found := words(_plain(anchor))))

    def wants(self, post: Post) -> bool:
        author = (post.author.id, post.author.handle) if post.author else ()
        return self.hears(post.text, post.title, *post.hashtags, *post.mentions, *post.urls, *author)

    def hears(self, *parts: str | None) -> bool:
        """Of a post's text, title, tags, names, links and author."""
        said = " \n".join(part for part in parts if part)
        if "://" in said:
            said = said.replace("://", " ")  # else the words of links would not count
        return self._all or not self._words.isdisjoint(words(said))


def _plain(anchor: str) -> str:
    """An anchor as it would stand in a text."""
    kind, colon, value = anchor.partition(":")
    return value if colon and kind in {"from", "url"} else anchor
