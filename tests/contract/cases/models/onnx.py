"""One tiny model of each kind for the contract suite (tests/helpers/tiny_models.py made them)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.helpers.tiny_models import MODELS

from tocsin.component import Context
from tocsin.models.onnx import Config, Onnx


@contextmanager
def _make(name: str, options: dict[str, Any], tmp_path: Path) -> Iterator[Onnx]:
    config = Config.model_validate({"cache": tmp_path / "cache", **options})
    yield Onnx(f"./{name}", config, Context("category", tmp_path, base_dir=MODELS))


TOPICS = {"labels": {"tech": "outage", "money": "billing"}}
MAKES = {
    "bi-encoder": partial(_make, "bert-encoder", {"precision": "fp32"}),
    "bi-encoder-int8": partial(_make, "bert-encoder", {}),
    "cross-encoder": partial(_make, "deberta-v3-nli", {"precision": "fp32"}),
    "topics": partial(_make, "deberta-v2-topics", {"precision": "fp32", **TOPICS}),
    "sentiment-int8": partial(_make, "roberta-sentiment", {}),
    "sentiment-threads": partial(_make, "roberta-sentiment", {"precision": "fp32", "threads": 3}),
    "entities-distilbert": partial(_make, "distilbert-entities", {"precision": "fp32"}),
    "entities-xlmr": partial(_make, "xlmr-entities", {"precision": "fp32"}),
}
