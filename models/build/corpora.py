"""The texts that the embedding is refined on: where they lie, what they are, whose licence they bear.

Only texts whose licence lets weights made from them be given away are read for what ships.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tocsin.evaluate._corpora import SENTIMENTS, clinc, conll, crisis_types, goemotions, new_year, semeval

__all__ = ["EMBEDDING", "SENTIMENTS", "Corpus", "clinc", "conll", "crisis_types", "goemotions", "new_year", "semeval"]


@dataclass(frozen=True)
class Corpus:
    """Unlabelled texts for the embedding."""

    name: str
    licence: str
    read: Callable[[Path], Iterator[str]]


def _sandy(data: Path) -> Iterator[str]:
    with next((data / "crisislex" / "T6").glob("*.csv")).open(encoding="utf-8", newline="") as lines:
        next(lines)
        for row in csv.reader(lines):
            yield row[1]


def _wordnet(_: Path) -> Iterator[str]:
    """Definitions, examples and lemmas of WordNet 3.0 (Debian: wordnet-base)."""
    for part in ("noun", "verb", "adj", "adv"):
        for line in Path(f"/usr/share/wordnet/data.{part}").read_text(encoding="latin-1").splitlines():
            if line.startswith(" "):
                continue
            facts, _, gloss = line.partition("|")
            fields = facts.split()
            count = int(fields[3], 16)
            lemmas = [fields[4 + 2 * i].replace("_", " ").partition("(")[0] for i in range(count)]
            definition, *examples = [piece.strip(' "') for piece in gloss.split('; "')]
            yield f"{', '.join(lemmas[:3])}: {definition}"
            yield definition
            yield from (example.rstrip('"') for example in examples)
            yield from (lemma for lemma in lemmas if " " in lemma)


def _phrasebook(_: Path) -> Iterator[str]:
    from phrasebook import sentences

    yield from sentences()


def _of_conll(files: tuple[str, ...]) -> Callable[[Path], Iterator[str]]:
    return lambda data: (" ".join(tokens) for file in files for tokens, _ in conll(data / file))


EMBEDDING = (
    Corpus("WordNet 3.0 definitions, examples and lemmas", "WordNet 3.0 licence", _wordnet),
    Corpus("SemEval 2013 to 2016, posts", "CC BY 3.0", lambda data: (text for *_, text in semeval(data))),
    Corpus("GoEmotions train and dev, comments", "Apache-2.0",
           lambda data: (text for part in ("train", "dev") for _, text in goemotions(data, part))),
    Corpus("CLINC150 train and validation, requests", "CC BY 3.0",
           lambda data: (text for part in ("train", "val", "oos_train", "oos_val") for _, text in clinc(data, part))),
    Corpus("Broad Twitter Corpus train, posts", "CC BY 4.0", _of_conll(("btc/btc.train",))),
    Corpus("WNUT17 train, posts", "CC BY 4.0", _of_conll(("wnut17/wnut17train.conll",))),
    Corpus("CrisisLexT6 Hurricane Sandy, posts", "MIT", _sandy),
    Corpus("the guidance's New Year posts, a quarter", "MIT-0",
           lambda data: (text for _, text in new_year(data)[::2])),
    Corpus("phrasebook: sentences of our own to shops, banks, carriers and newsrooms", "Apache-2.0", _phrasebook),
)  # fmt: skip
"""What the embedding is refined on."""
