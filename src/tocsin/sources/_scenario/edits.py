"""The small changes that people make when they copy a post."""

from __future__ import annotations

import random

_EMOJI = ("😂", "😡", "🙄", "🔥", "👀", "🤦", "😭", "👏", "💯", "‼️")
_TAGS = ("#fail", "#help", "#news", "#wow", "#same")


def _prepend_name(text: str, chance: random.Random) -> str:
    return f"@user{chance.randrange(5000)} {text}"


def _append_link(text: str, chance: random.Random) -> str:
    return f"{text} https://example.com/{chance.getrandbits(40):x}"


def _append_emoji(text: str, chance: random.Random) -> str:
    return f"{text} {chance.choice(_EMOJI) * chance.randrange(1, 4)}"


def _change_case(text: str, chance: random.Random) -> str:
    return text.upper() if chance.random() < 0.3 else text.lower()


def _append_tag(text: str, chance: random.Random) -> str:
    return f"{text} {chance.choice(_TAGS)}"


def _drop_letter(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at + 1 :]


def _drop_last_word(text: str, chance: random.Random) -> str:
    return text.rsplit(" ", 1)[0]


def _unchanged(text: str, chance: random.Random) -> str:
    return text


_EDITS = (
    _prepend_name, _append_link, _append_emoji, _change_case, _append_tag, _drop_letter, _drop_last_word, _unchanged,
)  # fmt: skip


def near_copy(text: str, chance: random.Random) -> str:
    """The text with one or two small changes."""
    for edit in chance.choices(_EDITS, k=chance.randrange(1, 3)):
        text = edit(text, chance)
    return text
