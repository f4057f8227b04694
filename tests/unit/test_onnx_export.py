"""Models that come as safetensors only: exported where torch is installed, else a line that says what to do."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.helpers.tiny_models import CLEANED, MODELS

from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.models._onnx import build
from tocsin.models.onnx import Config, Onnx

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("transformers") is None,
    reason="needs torch and transformers: pip install torch transformers",
)
NAMES = sorted(path.name for path in MODELS.iterdir())


def prepared(name: str, tmp_path: Path) -> Path:
    path = tmp_path / "model"
    shutil.copytree(MODELS / name, path, ignore=shutil.ignore_patterns("model.onnx", "expected.json"))
    return path


def load(path: Path, **options: Any) -> Onnx:
    config = Config.model_validate({"cache": path.parent / "cache", "clean": "none", **options})
    return Onnx("./model", config, Context("category", path.parent, base_dir=path.parent))


@pytest.mark.parametrize("library", ["torch", "transformers", "onnx"])
def test_a_missing_library_is_named_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str):
    path = prepared("bert-encoder", tmp_path)
    (path / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None if name == library else object())
    with pytest.raises(ConfigError, match=rf"and {library} is not installed \(pip install {library}, ") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_needs_nothing_made_of_it_needs_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda _: None)
    path = prepared("bert-encoder", tmp_path)
    shutil.copy(MODELS / "bert-encoder" / "model.onnx", path)
    assert load(path, precision="fp32").kind == "bi-encoder"
    assert load(path, file="model.onnx").kind == "bi-encoder"


@needs_torch
@pytest.mark.parametrize("name", NAMES)
def test_an_exported_model_answers_as_transformers(tmp_path: Path, name: str):
    import torch
    import transformers

    path = prepared(name, tmp_path)
    config = transformers.AutoConfig.from_pretrained(path)
    config.initializer_range = 0.3
    torch.manual_seed(1)
    original = getattr(transformers, config.architectures[0])(config).eval()
    original.save_pretrained(path)
    tokens = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path / "tokenizer.json"))
    model = load(path, precision="fp32")
    task = next(getattr(model, task) for task in ("classifier", "sentiment", "entities") if hasattr(model, task))
    runtime = task.__self__._runtime
    for text in CLEANED:
        given = tokens(text, return_tensors="pt", truncation=True, max_length=runtime.max_tokens)
        with torch.no_grad():
            answer = original(input_ids=given["input_ids"], attention_mask=given["attention_mask"])
        wanted = (answer.logits if "logits" in answer else answer.last_hidden_state)[0].numpy()
        found, _ = runtime.run(text)
        assert found.shape == wanted.shape
        assert np.abs(found - wanted).max() < 1e-4


@needs_torch
def test_torn_safetensors_are_refused(tmp_path: Path):
    path = prepared("bert-encoder", tmp_path)
    (path / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(ConfigError, match=r"cannot be made ready: .*is the directory whole") as caught:
        load(path)
    assert "\n" not in str(caught.value)


@needs_torch
def test_an_encoder_is_exported_without_the_head_that_it_was_trained_with(tmp_path: Path):
    import torch
    import transformers

    path = prepared("bert-encoder", tmp_path)
    config = transformers.AutoConfig.from_pretrained(path)
    original = transformers.BertForMaskedLM(config).eval()
    original.save_pretrained(path)
    found, encoding = load(path, precision="fp32").classifier.__self__._runtime.run("what a goal")  # type: ignore[attr-defined]
    with torch.no_grad():
        wanted = original.bert(input_ids=torch.tensor([encoding.ids])).last_hidden_state[0].numpy()
    assert np.abs(found - wanted).max() < 1e-4
