"""What running every text by itself costs, against runs of texts of one length: python -m tools.onnx_batches DIR FILE

DIR is a bi-encoder, FILE has a post a line. Prints posts a CPU second of one core, and how far the vectors of int8 are
from those of fp32, as JSON. The figures of docs/reference/onnx.md are made by it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tocsin.component import Context, Label
from tocsin.models.onnx import Config, Onnx

POSTS, TOGETHER = 600, 32


def measure(folder: Path, texts: Sequence[str], cache: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {"posts": len(texts)}
    vectors = {}
    for precision in ("fp32", "int8"):
        config = Config.model_validate({"precision": precision, "cache": cache, "clean": "none"})
        model: Any = Onnx(str(folder.absolute()), config, Context("bench", cache))
        head = model.classifier([Label("warm up")])._vectors.__self__
        vectors[precision] = head.vectors(texts)
        figures[precision] = {
            "one text a run": rate(lambda head=head: head.vectors(texts), len(texts)),
            f"{TOGETHER} of one length a run": rate(lambda head=head: grouped(head._runtime, texts), len(texts)),
        }
    lengths = [np.linalg.norm(rows, axis=1) for rows in vectors.values()]
    cosines = np.einsum("ij,ij->i", *vectors.values()) / np.prod(lengths, axis=0)
    return figures | {"cosine of int8 and fp32": {"mean": float(cosines.mean()), "lowest": float(cosines.min())}}


def grouped(runtime: Any, texts: Sequence[str]) -> None:
    """Texts of as many tokens, together."""
    ids = sorted((runtime._single.encode(text).ids for text in texts), key=len)
    for _, group in groupby(ids, len):
        rows = list(group)
        for start in range(0, len(rows), TOGETHER):
            block = np.array(rows[start : start + TOGETHER], np.int64)
            fed = {name: np.zeros_like(block) for name in runtime._inputs}
            fed |= {"input_ids": block, "attention_mask": np.ones_like(block)}
            answer = runtime._session.run([runtime._output], fed)[0]
            answer.mean(axis=1)


def rate(work: Callable[[], object], posts: int) -> int:
    begun = time.process_time()
    work()
    return round(posts / (time.process_time() - begun))


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()[:POSTS]
        print(json.dumps(measure(Path(sys.argv[1]), [line for line in lines if line.strip()], Path(made)), indent=1))
