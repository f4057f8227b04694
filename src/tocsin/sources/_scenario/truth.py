"""What really happened in a scenario."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tocsin.model import Event, Post
from tocsin.sources._scenario.languages import vocabulary
from tocsin.sources._scenario.options import CATEGORIES, Config
from tocsin.sources._scenario.posts import Block
from tocsin.sources._scenario.rhythm import Campaign, Rhythm, moment
from tocsin.sources._scenario.stream import stretches


class _Tally:
    def __init__(self, config: Config) -> None:
        self.counts: Counter[str] = Counter()
        self.watches: Counter[str] = Counter(dict.fromkeys(config.names, 0))
        self.incidents: list[list[str]] = [[] for _ in config.planned_incidents]
        self.bots: Counter[Campaign] = Counter()
        self._names = config.names

    def add(self, event: Event, block: Block) -> None:
        if not isinstance(event, Post):
            self.counts[f"{type(event).__name__.lower()}s"] += 1
        elif event.version > 1:
            self.counts["edits"] += 1
        else:
            self.counts["posts"] += 1
            self.watches[self._names[block.watch[event.uid]]] += 1
            if event.uid in block.bots:
                self.bots[block.bots[event.uid]] += 1
                self.counts["bot_posts"] += 1
            elif event.uid in block.incidents:
                self.incidents[block.incidents[event.uid]].append(event.id)
            elif block.same[event.uid] != event.uid:
                self.counts["reposts" if any(ref.type == "repost" for ref in event.refs) else "near_copies"] += 1


def truth(config: Config, name: str) -> dict[str, Any]:
    """The plan and what came of it, as JSON may hold it. Only what was delivered counts."""
    rhythm, tally = Rhythm(config), _Tally(config)
    previous = Block.empty()
    for stretch in stretches(config, name):
        for _, event in stretch.events:
            late = isinstance(event, Post) and event.uid not in stretch.block.same
            tally.add(event, previous if late else stretch.block)
        previous = stretch.block
    return {
        "seed": config.seed,
        "source": name,
        "start": _iso(rhythm.start),
        "end": _iso(rhythm.end),
        "incidents": [
            {
                "watch": config.names[surge.watch],
                "category": CATEGORIES[surge.category],
                "start": _iso(surge.start),
                "end": _iso(surge.end),
                "multiplier": surge.factor,
                "phrases": _phrases(config, surge.watch, surge.category),
                "posts": posts,
            }
            for surge, posts in zip(rhythm.surges, tally.incidents, strict=True)
        ],
        "bots": [
            {
                "author": f"bot{campaign.bot}",
                "watch": config.names[campaign.watch],
                "start": _iso(campaign.start),
                "end": _iso(campaign.end),
                "posts": count,
            }
            for campaign, count in sorted(tally.bots.items(), key=lambda entry: entry[0].start)
        ],
        "gaps": [{"start": _iso(start), "end": _iso(end)} for start, end in rhythm.outages],
        "counts": {**dict(sorted(tally.counts.items())), "watches": dict(tally.watches)},
    }


def _iso(time: int) -> str:
    return moment(time).isoformat()


def _phrases(config: Config, watch: int, category: int) -> list[str]:
    """What the posts of an incident say, but for numbers and places."""
    brand = config.names[watch]
    cores = [core for code in config.languages for core in vocabulary(code).cores[CATEGORIES[category]]]
    return [core.replace("{brand}", brand) for core in cores]
