"""Labelled posts that Tocsin is measured with, read from where they lie beside the project (`--set data=FOLDER`)."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

from tocsin.errors import ConfigError

SENTIMENTS = ("negative", "neutral", "positive")


def folder(data: Path, name: str) -> Path:
    """The folder of a data set. Raises ConfigError if it is not there."""
    found = data / name
    if not found.is_dir():
        raise ConfigError(f"there is no {found}", hint="name the folder of the measuring data with --set data=FOLDER")
    return found


def semeval(data: Path) -> Iterator[tuple[str, str, str]]:
    """(id, sentiment, text) of SemEval 2013 to 2016, subtask A."""
    for file in sorted((data / "semeval2017").glob("twitter-*-A.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            fields = line.split("\t")
            if len(fields) >= 3 and fields[1] in SENTIMENTS:
                yield fields[0], fields[1], _unescaped(fields[2])


def _unescaped(text: str) -> str:
    r"""These files write some characters as \u2019 and quote some lines."""
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text)
    return html.unescape(text.strip().strip('"').replace('""', '"').replace("\\", '"'))


def goemotions(data: Path, part: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(emotions, text)"""
    names = (data / "goemotions" / "labels.txt").read_text().split()
    for line in (data / "goemotions" / f"{part}.tsv").read_text(encoding="utf-8").splitlines():
        text, numbers, _ = line.split("\t")
        yield tuple(names[int(number)] for number in numbers.split(",")), text


def clinc(data: Path, part: str) -> Iterator[tuple[str, str]]:
    """(intent, text)"""
    for text, intent in json.loads((data / "clinc150" / "data_full.json").read_text())[part]:
        yield intent, text


def conll(file: Path) -> Iterator[tuple[list[str], list[str]]]:
    """(tokens, tags) of each post."""
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*file.read_text(encoding="utf-8").splitlines(), ""]:
        if line.strip():
            token, _, tag = line.strip().replace(" ", "\t").rpartition("\t")
            tokens.append(token.strip())
            tags.append(tag)
        elif tokens:
            yield tokens, tags
            tokens, tags = [], []


def new_year(data: Path) -> list[tuple[str, str]]:
    """(category, text) of the first half of the guidance's sample posts."""
    with (data / "newyear" / "dev.csv").open(encoding="utf-8", newline="") as lines:
        return [(row["Resolution_Category"], row["text"]) for row in csv.DictReader(lines)]


def crisis_types(data: Path) -> Iterator[tuple[str, str]]:
    """(information type, text) of the related posts of CrisisLexT26; never trained on."""
    yield from ((row[3].strip(), row[1]) for row in _crisis_rows(data) if row[4].strip().startswith("Related"))


def crisis_unrelated(data: Path) -> Iterator[str]:
    """Posts that were collected with those of CrisisLexT26 and have nothing to do with the disaster."""
    yield from (row[1] for row in _crisis_rows(data) if row[4].strip() == "Not related")


def _crisis_rows(data: Path) -> Iterator[list[str]]:
    for file in sorted((data / "crisislex" / "T26").glob("*/*labeled.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            yield from csv.reader(lines)


def tweeteval(data: Path) -> tuple[list[str], list[int]]:
    """(texts, 0 negative, 1 neutral, 2 positive) of TweetEval's validation posts."""
    where = data / "tweeteval_sentiment"
    texts = (where / "val_text.txt").read_text(encoding="utf-8").split("\n")
    labels = [int(line) for line in (where / "val_labels.txt").read_text().split()]
    return texts[: len(labels)], labels


def airline(data: Path) -> list[dict[str, str]]:
    """The posts to six airlines with their labels, as rows of the file."""
    with (data / "airline" / "tweets.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
