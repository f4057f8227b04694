"""Invented posts to an invented shop, some of which are about logging in, some about refunds, in a lake."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.helpers.rows import row, table
from tests.helpers.world import World

YAML = """
data_dir: data
sources: {}
categories:
  - {name: login, description: "people cannot log in, their password does not work"}
  - {name: refund, description: "people want their money back, a refund that does not come"}
alerts:
  policies:
    - {name: volume, by: [category], bucket: 1h}
"""
LOGIN = [
    "I cannot log in since {n} this morning", "my password does not work, tried {n} times",
    "locked out of my account again, {n} attempts", "login page says error {n} and then nothing",
    "sign in fails on my phone, code {n}",
]  # fmt: skip
REFUND = [
    "where is my refund of {n} euros", "I want my money back for order {n}", "still no refund after {n} days",
    "returned parcel {n} and nobody paid me back", "please give me back the {n} I paid",
]  # fmt: skip
OTHER = [
    "lovely weather, {n} degrees in the garden", "our team won {n} to nil tonight", "reading page {n} of a good novel",
    "the train has {n} coaches today", "made {n} pancakes for breakfast", "new shoes, size {n}, very comfortable",
    "the parcel came with {n} stickers", "my phone is {n} years old", "what a concert, row {n} was perfect",
]  # fmt: skip
KINDS = {"login": LOGIN, "refund": REFUND, "": OTHER}


def posts(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows of the lake, a minute apart; the truth is in `note`."""
    chance = random.Random(seed)
    rows = []
    for seq in range(1, count + 1):
        kind = chance.choices(list(KINDS), [0.1, 0.1, 0.8])[0]
        text = chance.choice(KINDS[kind]).format(n=chance.randint(2, 9_999))
        rows.append(
            row(
                seq,
                60 * seq,
                text=text,
                note=kind,
                watches=[],
                category=None,
                categories=None,
                author_id=f"a{seq % 97}",
            )
        )
    return rows


def fill(folder: Path, count: int = 1_500, yaml: str = YAML) -> None:
    with World(folder, yaml) as world:
        made = posts(count)
        for start in range(0, count, 500):
            part = made[start : start + 500]
            world.lake.append(table(part), world.queue.uuid, part[-1]["seq"])
        world.lake.flush()


def truth(text: str) -> list[str]:
    """What a post is about, known by its words."""
    beginnings = {kind: [one.partition("{n}")[0] for one in some] for kind, some in KINDS.items() if kind}
    return [kind for kind, some in beginnings.items() if any(text.startswith(one) for one in some)]
