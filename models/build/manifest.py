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
    "sentiment": {"SemEval 2013 to 2016, subtask A": "CC BY 3.0", "GoEmotions": "Apache-2.0"},
    "entities": {"Broad Twitter Corpus, train and dev": "CC BY 4.0", "WNUT17, train and dev": "CC BY 4.0"},
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = arguments.parse_args()
    manifest = {"id": ID, **_origins(), "files": _hashes(), "scores": {}}
    (WEIGHTS / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    manifest["scores"] = nlp.run(given.data)
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
