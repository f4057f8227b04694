"""What one connection to X brings: each post once, what X bills for, and whom to ask about later."""

from __future__ import annotations

from datetime import datetime

from tocsin.model import DeadLetter, Post
from tocsin.sources import _x_rules as filtering
from tocsin.sources._x_api import MAX_LINE
from tocsin.sources._x_post import Includes, Line, Tweet, lines, post
from tocsin.text import one_line

_LETTER = 65_536


class Reader:
    """`ids` are those of the rules whose posts are ours. `ending` is X's word that the stream ends."""

    def __init__(self, source: str, ids: frozenset[str]) -> None:
        self._source, self._prefix, self._ids = source, filtering.prefix(source), ids
        self._seen: set[str] = set()
        self._sent: set[str] = set()
        self._taken: dict[str, str] = {}
        self.dead: list[DeadLetter] = []
        self.ending = ""

    def line(self, line: bytes, now: datetime) -> Post | None:
        """The post of a line that our rules matched; what else it says is noted."""
        try:
            if len(line) > MAX_LINE:
                raise ValueError(f"it is longer than {MAX_LINE:,} bytes")
            found = lines.decode(line)
        except ValueError as error:
            reason = f"a line that cannot be read: {one_line(str(error), 200)}"
            self.dead.append(
                DeadLetter(
                    source=self._source, stage="ingest", reason=reason, place="X's stream", body=line[:_LETTER], at=now
                )
            )
            return None
        if found.data is None:
            if found.errors:
                first = found.errors[0]
                self.ending = one_line(first.disconnect_type or first.title or first.detail or "an error", 200)
            return None
        self._sent.add(found.data.id)
        return self.post(found.data, found.includes, now, backfilled=False) if self._ours(found) else None

    def post(self, tweet: Tweet, beside: Includes, now: datetime, *, backfilled: bool) -> Post | None:
        self._sent.add(tweet.id)
        if tweet.id in self._seen:
            return None
        self._seen.add(tweet.id)
        self._taken[tweet.root] = tweet.author_id
        return post(tweet, beside, self._source, now, backfilled=backfilled)

    def _ours(self, line: Line) -> bool:
        """Whether one of our rules matched; others may use the same app."""
        matched = line.matching_rules
        return not matched or any(one.tag.startswith(self._prefix) or one.id in self._ids for one in matched)

    def sent(self) -> set[str]:
        sent, self._sent = self._sent, set()
        return sent

    def taken(self) -> list[tuple[str, str]]:
        taken, self._taken = self._taken, {}
        return list(taken.items())

    def letters(self) -> list[DeadLetter]:
        dead, self.dead = self.dead, []
        return dead
