"""Directories that are no usable model: each is refused in one line that says what is wrong and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.helpers.tiny_models import MODELS

from tocsin.component import Context, Label
from tocsin.errors import ConfigError
from tocsin.models._onnx import folder
from tocsin.models._onnx.tokens import tokenizer
from tocsin.models.onnx import Config, Onnx


def copied(name: str, tmp_path: Path) -> Path:
    path = tmp_path / "model"
    shutil.copytree(MODELS / name, path)
    (path / "expected.json").unlink()
    return path


def load(path: Path, **options: Any) -> Onnx:
    config = Config.model_validate({"cache": path.parent / "cache", "precision": "fp32", **options})
    return Onnx(f"./{path.name}", config, Context("category", path.parent, base_dir=path.parent))


def refused(path: Path, said: str, **options: Any) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load(path, **options)
    assert "\n" not in str(caught.value)
    assert "hf:./model" in str(caught.value)


def config_with(path: Path, **changed: Any) -> None:
    said = json.loads((path / "config.json").read_text(encoding="utf-8"))
    (path / "config.json").write_text(json.dumps(said | changed), encoding="utf-8")


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def without(path: Path, *names: str) -> None:
    for name in names:
        (path / name).unlink()


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no config": ("bert-encoder", lambda p: without(p, "config.json"), "has no config.json, so it is no model"),
    "config cut": ("bert-encoder", lambda p: half(p / "config.json"), "config.json is cut off or no JSON"),
    "config no object": ("bert-encoder", lambda p: (p / "config.json").write_text("[]"), "holds no JSON object"),
    "config too deep": ("bert-encoder", lambda p: (p / "config.json").write_text("[" * 10**6), "cut off or no JSON"),
    "own code": (
        "bert-encoder",
        lambda p: config_with(p, auto_map={"AutoModel": "x.Y"}),
        r"brings its own code \(auto_map in config.json\), which is never run",
    ),
    "a causal model": (
        "roberta-sentiment",
        lambda p: config_with(p, architectures=["GPT2LMHeadModel", "x"]) or config_with(p, architectures=["GPT2ForX"]),
        "is a GPT2ForX, which does none of the tasks",
    ),
    "no architecture": ("roberta-sentiment", lambda p: config_with(p, architectures=None), "no named kind"),
    "a masked model": (
        "roberta-sentiment",
        lambda p: config_with(p, architectures=["RobertaForMaskedLM"]),
        "is a RobertaForMaskedLM, which does none",
    ),
    "no labels": ("roberta-sentiment", lambda p: config_with(p, id2label={}), "does not name its labels from 0 on"),
    "labels with a gap": (
        "roberta-sentiment",
        lambda p: config_with(p, id2label={"0": "a", "2": "b"}),
        "does not name its labels from 0 on",
    ),
    "an empty label": (
        "roberta-sentiment",
        lambda p: config_with(p, id2label={"0": "a", "1": " ", "2": "b"}),
        "none of them empty",
    ),
    "numbered labels": (
        "roberta-sentiment",
        lambda p: config_with(p, id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}),
        r"only numbers its labels \(LABEL_0\).*labels: \{LABEL_0: negative",
    ),
    "numbered types": (
        "distilbert-entities",
        lambda p: config_with(p, id2label={str(number): f"LABEL_{number}" for number in range(7)}),
        r"only numbers its labels \(LABEL_0\)",
    ),
    "too many labels": (
        "roberta-sentiment",
        lambda p: config_with(p, id2label={"0": "negative", "1": "neutral", "2": "positive", "3": "more"}),
        "answers with 3 numbers, but config.json names 4 labels",
    ),
    "no contradiction": (
        "deberta-v3-nli",
        lambda p: config_with(p, id2label={"0": "entailment", "1": "neutral", "2": "other"}),
        "none, or several, contradict",
    ),
    "no weights": ("bert-encoder", lambda p: without(p, "model.onnx"), "has no weights"),
    "only pickles": (
        "bert-encoder",
        lambda p: (p / "model.onnx").rename(p / "pytorch_model.bin"),
        r"only pickled weights \(pytorch_model.bin\)",
    ),
    "weights cut": (
        "bert-encoder",
        lambda p: half(p / "model.onnx"),
        r"model.onnx cannot be loaded.*get the directory",
    ),
    "weights empty": ("bert-encoder", lambda p: (p / "model.onnx").write_bytes(b""), "model.onnx cannot be loaded"),
    "no tokenizer": ("bert-encoder", lambda p: without(p, "tokenizer.json"), "has no tokenizer"),
    "tokenizer cut": ("bert-encoder", lambda p: half(p / "tokenizer.json"), "its tokenizer cannot be read"),
    "only sentencepiece": (
        "xlmr-entities",
        lambda p: (p / "tokenizer.json").rename(p / "sentencepiece.bpe.model"),
        "sentencepiece model but no tokenizer.json.*save_pretrained",
    ),
    "another model's tokenizer": (
        "bert-encoder",
        lambda p: shutil.copy(MODELS / "roberta-sentiment" / "tokenizer.json", p),
        "failed on .* tokens.*do tokenizer and weights belong together",
    ),
    "an unknown module": (
        "bert-encoder",
        lambda p: (p / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Dense"}])),
        "has Dense in modules.json",
    ),
    "no modules": ("bert-encoder", lambda p: (p / "modules.json").write_text("{}"), "has no modules in modules.json"),
    "two poolings": (
        "bert-encoder",
        lambda p: (p / "1_Pooling" / "config.json").write_text(
            '{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true}'
        ),
        "pools its tokens by pooling_mode_mean_tokens, pooling_mode_max_tokens",
    ),
    "another pooling": (
        "bert-encoder",
        lambda p: (p / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}'),
        "pools its tokens by pooling_mode_lasttoken",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_model_is_refused(tmp_path: Path, what: str):
    name, spoil, said = BAD[what]
    path = copied(name, tmp_path)
    spoil(path)
    refused(path, said)


def test_a_directory_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"hf:\./model is no directory \(looked for /"):
        load(tmp_path / "model")


def test_weights_cut_are_refused_when_they_are_quantised_too(tmp_path: Path):
    path = copied("bert-encoder", tmp_path)
    half(path / "model.onnx")
    refused(path, "cannot be made ready.*is the directory whole", precision="int8")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_large_tensors_come_from_inside_the_directory_only(tmp_path: Path, precision: str):
    path = copied("bert-encoder", tmp_path)
    (tmp_path / "secret.bin").write_bytes(np.zeros(256, np.float32).tobytes())
    outside = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[16, 16], data_location=TensorProto.EXTERNAL)
    outside.external_data.add(key="location", value="../secret.bin")
    shape = [1, "tokens"]
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["input_ids"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["f", "w"], ["last_hidden_state"]),
        ],
        "g",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape)],
        [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, None)],
        [outside],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (path / "model.onnx").write_bytes(made.SerializeToString())
    refused(path, "cannot be loaded|cannot be made ready", precision=precision)


def test_a_graph_that_wants_more_than_text_is_refused(tmp_path: Path):
    path = copied("bert-encoder", tmp_path)
    model = onnx.load(path / "model.onnx")
    model.graph.input.append(helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, [1]))
    onnx.save(model, path / "model.onnx")
    refused(path, "its ONNX file wants pixel_values")


def test_files_other_than_the_pinned_ones_are_refused(tmp_path: Path):
    path = copied("roberta-sentiment", tmp_path)
    names = [*[name for name in folder.SMALL if (path / name).is_file()], "model.onnx"]
    pinned = folder.fingerprint({name: folder.hashed(path / name) for name in names})
    assert load(path, sha256=pinned).id == f"hf:./model@{pinned[:12]} fp32"
    config_with(path, classifier_dropout=0.5)
    refused(path, f"not those of the sha256:.*these files have (?!{pinned})[0-9a-f]{{64}}", sha256=pinned)


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("roberta-sentiment", {"LABEL_9": "negative"}, r"has no label 'LABEL_9' \(it has negative, neutral, positive"),
        ("distilbert-entities", {"CITY": "LOC"}, r"has no type of entity 'CITY' \(it has LOC, ORG, PER"),
        ("distilbert-entities", {"PER": "HUMAN"}, "'HUMAN' in labels: is no type of entity"),
    ],
)
def test_labels_that_there_are_not(tmp_path: Path, name: str, labels: dict[str, str], said: str):
    with pytest.raises(ConfigError, match=said):
        load(copied(name, tmp_path), labels=labels)


def test_labels_can_be_named_in_the_config(tmp_path: Path):
    path = copied("roberta-sentiment", tmp_path)
    config_with(path, id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"})
    model = load(path, labels={"LABEL_0": "negative", "LABEL_1": "neutral", "LABEL_2": "positive"})
    assert model.sentiment(["I love this"])[0].argmax() == 2  # type: ignore[attr-defined]
    path = copied("deberta-v3-nli", tmp_path / "nli")
    config_with(path, id2label={"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"})
    model = load(path, labels={"LABEL_0": "entailment", "LABEL_1": "neutral", "LABEL_2": "contradiction"})
    assert model.classifier([Label("sport")]).scores(["what a goal"]).shape == (1, 1)  # type: ignore[attr-defined]


def test_a_vocabulary_alone_makes_the_same_tokens(tmp_path: Path):
    texts = ["naïve café visitors", "I LOVE this, don't you? 日本", "🙂 works"]
    for name in ("bert-encoder", "roberta-sentiment"):
        path = copied(name, tmp_path / name)
        whole = tokenizer(path, name)
        model = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        without(path, "tokenizer.json")
        if name == "bert-encoder":
            pieces = sorted(model["vocab"], key=model["vocab"].get)
            (path / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
        else:
            (path / "vocab.json").write_text(json.dumps(model["vocab"]), encoding="utf-8")
            merges = "\n".join(" ".join(pair) for pair in model["merges"])
            (path / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
        made = tokenizer(path, name)
        for text in texts:
            first, second = whole.encode(text, "and more"), made.encode(text, "and more")
            assert (first.ids, first.type_ids, first.offsets) == (second.ids, second.type_ids, second.offsets)


def test_a_vocabulary_without_its_marks_is_refused(tmp_path: Path):
    path = copied("bert-encoder", tmp_path)
    without(path, "tokenizer.json")
    (path / "vocab.txt").write_text("[UNK]\na\n", encoding="utf-8")
    refused(path, r"its vocabulary has no \[SEP\]")


@pytest.mark.parametrize(
    ("names", "chosen", "is_onnx"),
    [
        (["model.onnx", "onnx/model.onnx", "model.safetensors"], ("onnx/model.onnx",), True),
        (
            ["model.onnx", "model.onnx_data", "model.onnx.data"],
            ("model.onnx", "model.onnx.data", "model.onnx_data"),
            True,
        ),
        (["onnx/model_quantized.onnx", "model.safetensors"], ("model.safetensors",), False),
        (
            ["model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json"],
            (
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
            ),
            False,
        ),
    ],
)
def test_which_weights_are_taken(names: list[str], chosen: tuple[str, ...], is_onnx: bool):
    assert folder.choose_weights(names, None, "x") == folder.Weights(chosen, is_onnx)


@pytest.mark.parametrize(
    ("card", "licence", "languages"),
    [
        ("---\nlicense: mit\nlanguage:\n- en\n- de\n---\n", "mit", {"en", "de"}),
        ("---\nlanguage: multilingual\n---\n", None, None),
        ("---\nlicense: [a]\nlanguage: {a: b}\n---\n", None, None),
        ("no metadata", None, None),
        ("---\n: : [\n---\n", None, None),
        ("---\n!!python/object/apply:os.system ['true']\n---\n", None, None),
    ],
)
def test_the_card_is_read_as_far_as_it_can_be(
    tmp_path: Path, card: str, licence: str | None, languages: set[str] | None
):
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert folder.card(tmp_path) == folder.Card(licence, frozenset(languages) if languages else None)
    assert folder.card(tmp_path / "nowhere") == folder.Card(None, None)


@pytest.mark.parametrize("hypothesis", ["no place for it", ""])
def test_a_hypothesis_must_name_the_category(hypothesis: str):
    with pytest.raises(ValueError, match=r"must hold \{\} or \{description\}"):
        Config(hypothesis=hypothesis)


def test_an_encoder_without_modules_is_pooled_by_the_mean(tmp_path: Path):
    path = copied("bert-encoder", tmp_path)
    whole = load(path).classifier([Label("sport")]).scores(["what a goal"])  # type: ignore[attr-defined]
    shutil.rmtree(path / "1_Pooling")
    without(path, "modules.json", "sentence_bert_config.json")
    assert np.array_equal(load(path).classifier([Label("sport")]).scores(["what a goal"]), whole)  # type: ignore[attr-defined]
