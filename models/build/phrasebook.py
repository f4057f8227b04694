"""Sentences of our own, as people write them to companies, public desks and each other, and as desks write news.

Each file of `phrasebook/` is one field of life, as a small grammar: `slot = this | that` names words that fit a
place, `[kind]` heads sentences of a kind, one a line; `(this|that)` is a choice and `{slot}` a word from a slot.
`frames.txt` says how each kind is put, and has the slots that all fields share.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

COUNT = 60_000
FOLDER = Path(__file__).parent / "phrasebook"
_CHOICE = re.compile(r"\(([^()]*)\)|\{(\w+)\}")
_LONGEST = 30
_TWO = 0.2  # how often somebody writes two sentences

Grammar = dict[str, list[str]]


def sentences() -> Iterator[str]:
    """About COUNT different sentences, the same ones at every call, as many of each field as of the others."""
    frames = _grammar(FOLDER / "frames.txt")
    fields = [path for path in sorted(FOLDER.glob("*.txt")) if path.stem != "frames"]
    for field in fields:
        chance = random.Random(field.stem)
        grammar = _grammar(field)
        seen: set[str] = set()
        for _ in range(3 * COUNT // len(fields)):
            sentence = _sentence(grammar, frames, chance)
            if chance.random() < _TWO:
                sentence = f"{sentence} {_sentence(grammar, frames, chance)}"
            folded = sentence.lower().strip(".!? ")
            if folded not in seen and len(sentence.split()) <= _LONGEST:
                seen.add(folded)
                yield sentence
            if len(seen) == COUNT // len(fields):
                break


def _grammar(path: Path) -> Grammar:
    """Slots by name, and the sentences of each kind under the kind's name in brackets."""
    found: Grammar = {}
    kind = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = line
        elif match := re.match(r"(\w+) = (.*)", line):
            found[match[1]] = match[2].split(" | ")
        elif line and not line.startswith("#"):
            found.setdefault(kind, []).append(line)
    return found


def _sentence(grammar: Grammar, frames: Grammar, chance: random.Random) -> str:
    kinds = [kind for kind in grammar if kind.startswith("[")]
    kind = chance.choices(kinds, [len(grammar[kind]) for kind in kinds])[0]
    text = chance.choice(frames.get(kind, ["{it}"])).replace("{it}", chance.choice(grammar[kind]))
    fill = partial(_filled, slots=frames | grammar, chance=chance)
    while _CHOICE.search(text):
        text = _CHOICE.sub(fill, text)
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", " ".join(text.split()))
    return _styled(re.sub(r" (?=[,.?!])", "", text), chance)


def _filled(match: re.Match[str], slots: Grammar, chance: random.Random) -> str:
    return chance.choice(match[1].split("|") if match[2] is None else slots[match[2]])


def _styled(text: str, chance: random.Random) -> str:
    """The habits of those who write: no capitals, no apostrophes, no full stop, all capitals, short forms."""
    habit = chance.random()
    if habit < 0.55:
        text = re.sub(r"(^|[.?!] )([a-z])", lambda match: match[1] + match[2].upper(), text)
        text = re.sub(r"\bi\b", "I", text)
        return text if text[-1] in ".?!" or habit < 0.1 or text.split()[-1][0] == "#" else text + "."
    if habit < 0.8:
        text = text.lower()
        return text.rstrip(".?!") if habit < 0.7 else text
    if habit < 0.9:
        text = text.lower().replace("'", "")
        for long, short in (("please", "pls"), ("you", "u"), ("your", "ur"), ("thanks", "thx"), ("because", "cos")):
            text = re.sub(rf"\b{long}\b", short if chance.random() < 0.5 else long, text)
        return text
    if habit < 0.93:
        return text.upper() + "!!"
    return text.rstrip(".") + chance.choice(["!", "!!", "...", "?!", " smh", " lol", " ugh", " 😡", " 🙏", " 👍"])
