"""What all geocoders have in common that are asked over the network.

Each question is asked once: answers are kept on disk (`Stored`), "nowhere" too. Retries, time-outs, the circuit breaker
and the cap on costs are those of remote models (models/_remote.py).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from tocsin.costs import Bill
from tocsin.errors import Permanent, Transient
from tocsin.gazetteer._stored import Stored
from tocsin.model import Place
from tocsin.models._remote import Ask, Remote, Reply, Unfit, Unsent, grouped
from tocsin.options import Duration, Options
from tocsin.text import one_line
from tocsin.words import fold

log = logging.getLogger(__name__)

LONGEST = 200
"""Characters of a text; what is longer is no place."""


class KeepOptions(Options):
    """Options of every geocoder that is asked over the network."""

    keep: Annotated[Duration, Field(gt=0)] | None = None
    """How long an answer is kept on disk and used again. `null`: for good."""


class Late(Unsent):
    """There was no turn to ask in time: the text is left for the next time."""


@dataclass(frozen=True)
class Found:
    """An answer; no place means nowhere."""

    place: Place | None


Search = Callable[[str, str | None], Awaitable[Place | None]]
"""Asks for a text in a language. Raises Late, Unfit, Lost, or any other Transient or Permanent."""


class Lookups:
    """Asks one service, as a Task of `Remote`. `price`: US dollars a text. `languages`: those in which it makes a
    difference to ask."""

    name = "places"

    def __init__(
        self,
        session: Callable[[], AbstractAsyncContextManager[Search]],
        remote: Remote,
        stored: Stored,
        *,
        price: float = 0.0,
        languages: frozenset[str] = frozenset(),
    ) -> None:
        self._session, self._remote, self._stored, self._languages = session, remote, stored, languages
        self._bill = Bill(1, price)

    def locate(self, texts: Sequence[str], languages: Sequence[str | None] | None = None) -> list[Place | None]:
        """A place a text, or None. Raises Transient or Permanent where there is no answer at all."""
        questions = [
            question(text, language if language in self._languages else None)
            for text, language in zip(texts, languages or [None] * len(texts), strict=True)
        ]
        wanted = dict.fromkeys(filter(None, questions))
        known = self._stored.get(wanted) if wanted else {}
        new = [one for one in wanted if one not in known]
        if new:
            known |= self._answers(new, bool(known))
        return [known.get(one) for one in questions]

    def _answers(self, new: Sequence[str], others: bool) -> dict[str, Place | None]:
        try:
            answers = self._remote.answers(self, new)
        except (Transient, Permanent) as error:
            if not others:
                raise
            log.warning("%s had no answer to %d places: %s.", self._remote.service, len(new), error)
            return {}
        return {one: found.place for one, found in zip(new, answers, strict=True) if found is not None}

    def groups(self, texts: Sequence[str]) -> list[Sequence[str]]:
        return grouped(texts, 1)

    def at_most(self, texts: Sequence[str]) -> Bill:
        return self._bill

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Ask[Found]]:
        async with self._session() as search:
            yield partial(self._ask, search)

    async def _ask(self, search: Search, questions: Sequence[str]) -> Reply[Found]:
        language, _, text = questions[0].partition("\t")
        try:
            place = await search(text, language or None)
        except Unsent:
            raise
        except Unfit as error:
            raise Unfit(str(error), self._bill) from None
        try:
            self._stored.put(questions[0], place)
        except Permanent as error:
            log.warning("An answer of %s is not kept: %s.", self._remote.service, error)
        return Reply([Found(place)], self._bill)


def question(text: str, language: str | None) -> str:
    r"""What a service is asked, the same for all spellings of a text; "" for what cannot be a place.

    >>> question("  ＬＥＥＤＳ, UK ", None), question("Leeds", "de"), question("me@example.org", None)
    ('\tleeds, uk', 'de\tleeds', '')
    """
    folded = " ".join(fold(one_line(text)).split())
    fits = 2 <= len(folded) <= LONGEST and any(map(str.isalpha, folded)) and not ("@" in folded or "://" in folded)
    return f"{language or ''}\t{folded}" if fits else ""
