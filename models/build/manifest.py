"""Step 6: manifest.json: what the model is called, what it was made from, hashes of its files, its scores."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import corpora
import lists
import teacher

from tocsin.evaluate import nlp

ID = "embedded-1"
WEIGHTS = Path(__file__).parents[2] / "src" / "tocsin" / "models" / "weights"
LABELLED = {
    "sentiment": {
        "SemEval 2013 to 2016, subtask A": "CC BY 3.0",
        "GoEmotions": "Apache-2.0",
        "sentences and posts rated for VADER": "MIT",
    },
    "entities": {"Broad Twitter Corpus, train and dev": "CC BY 4.0", "WNUT17, train and dev": "CC BY 4.0"},
}

KEPT_APART = {
    "sentiment, posts of November and December 2015, macro-recall (sentiment.py --judge-late)": 0.677,
    "entities, WNUT17 dev, F1 (tagger.py --seeds 2, trained on the train parts)": 0.660,
    "entities, BTC dev, F1 (tagger.py --seeds 2, trained on the train parts)": 0.715,
}
"""What models that had not seen them said of sets on which the shipped model was trained in the end."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = arguments.parse_args()
    manifest = {"id": ID, **_origins(), "files": _hashes(), "scores": {}}
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    manifest["scores"] = nlp.run(given.data, task="categories") | nlp.run(given.data, task="sentiment")
    manifest["scores_kept_apart"] = KEPT_APART
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _origins() -> dict[str, object]:
    return {
        "teacher": {"package": teacher.PACKAGE, "licence": "Apache-2.0", "sha256": teacher.SHA256},
        "texts": {corpus.name: corpus.licence for corpus in corpora.EMBEDDING},
        "labelled": LABELLED,
        "lists": {
            source.name: {"package": source.package, "licence": source.licence, "sha256": source.sha256}
            for source in lists.SOURCES
        },
    }


def _hashes() -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(WEIGHTS.glob("*.npz"))
    }


if __name__ == "__main__":
    main()
