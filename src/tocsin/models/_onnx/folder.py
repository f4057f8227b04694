"""What a model's directory says of itself: the kind of model, its weights, its labels, its card.

The layout is that of the Hugging Face Hub and of sentence-transformers. Nothing in it is ever run: pickled weights
and models that bring their own code are refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from tocsin.errors import ConfigError
from tocsin.hints import printable

Kind = Literal["bi-encoder", "cross-encoder", "sequence classifier", "token classifier"]
Pooling = Literal["mean", "cls", "max"]

SMALL = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "README.md",
)
"""All files that are taken from a repository besides its weights."""
_ONNX = ("onnx/model.onnx", "model.onnx")
_SAFETENSORS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")
_PICKLED = re.compile(r".*\.(bin|pt|pth|ckpt|pkl|pickle|joblib|h5|msgpack)")
_MAX_JSON = 64 * 2**20
_POOLING: dict[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass(frozen=True)
class Weights:
    """The files that hold the weights, the one to open first; `onnx` tells which of the two forms they have."""

    files: tuple[str, ...]
    onnx: bool


@dataclass(frozen=True)
class Folder:
    """A directory that can be worked with."""

    path: Path
    config: Mapping[str, Any]
    kind: Kind
    labels: tuple[str, ...]
    """What the columns of the model's answer stand for; none for a bi-encoder."""
    pooling: Pooling
    prompt: str
    """What a bi-encoder wants before each text."""
    max_tokens: int
    """The longest input that the model takes."""


@dataclass(frozen=True)
class Card:
    """What the card in README.md says; None where it does not."""

    licence: str | None
    languages: frozenset[str] | None


def choose_weights(names: Collection[str], wanted: str | None, where: str) -> Weights:
    """Which of a directory's files to take: `wanted`, else its ONNX file, else safetensors. Raises ConfigError."""
    if wanted is not None:
        if wanted not in names or not wanted.endswith(".onnx"):
            others = ", ".join(sorted(name for name in names if name.endswith(".onnx"))) or "none"
            raise ConfigError(f"{where} has no ONNX file {printable(wanted)}", hint=f"its ONNX files: {others}")
        return _with_data(wanted, names)
    for name in _ONNX:
        if name in names:
            return _with_data(name, names)
    if found := tuple(sorted(name for name in names if _SAFETENSORS.fullmatch(name))):
        return Weights(found, onnx=False)
    pickled = sorted(name for name in names if "/" not in name and _PICKLED.fullmatch(name))
    if pickled:
        hint = (
            "such files can run code when they are opened: take a revision with model.safetensors or an ONNX file, or"
        )
        hint += " convert it where you trust it: model.save_pretrained(DIR, safe_serialization=True)"
        raise ConfigError(f"{where} has only pickled weights ({pickled[0]})", hint=hint)
    raise ConfigError(f"{where} has no weights", hint="model.safetensors, model.onnx or onnx/model.onnx is needed")


def _with_data(name: str, names: Collection[str]) -> Weights:
    """An ONNX file and what lies beside it of large tensors."""
    beside = sorted(other for other in names if other.startswith((f"{name}_data", f"{name}.data")))
    return Weights((name, *beside), onnx=True)


def read(path: Path, where: str) -> Folder:
    """The directory's own description. Raises ConfigError, one line that says what is wrong and what to do."""
    config = read_json(path / "config.json", where)
    if "auto_map" in config:
        raise ConfigError(
            f"{where} brings its own code (auto_map in config.json), which is never run",
            hint="take a model of a kind that transformers has itself",
        )
    modules = _modules(path, where)
    kind = _kind(config, modules, where)
    return Folder(
        path=path,
        config=config,
        kind=kind,
        labels=() if kind == "bi-encoder" else _labels(config, where),
        pooling=_pooling(path, where) if "Pooling" in modules else "mean",
        prompt=_prompt(path, where),
        max_tokens=_max_tokens(path, config, where),
    )


def read_json(file: Path, where: str) -> dict[str, Any]:
    """A JSON object, {} where there is no such file but config.json. Raises ConfigError."""
    if not file.is_file() and file.name != "config.json":
        return {}
    value = _json(file, where)
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: {file.name} holds no JSON object", hint="get the directory anew")
    return value


def _json(file: Path, where: str) -> Any:
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_JSON + 1)
        return json.loads(data[:_MAX_JSON])
    except FileNotFoundError:
        raise ConfigError(f"{where} has no {file.name}, so it is no model", hint="get the directory anew") from None
    except OSError as error:
        raise ConfigError(f"{where}: {file.name} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{where}: {file.name} is cut off or no JSON", hint="get the directory anew") from None


def _kind(config: Mapping[str, Any], modules: tuple[str, ...], where: str) -> Kind:
    names = config.get("architectures") or [""]
    architecture = str(names[0]) if isinstance(names, list) else ""
    if modules:
        return "bi-encoder"
    if architecture.endswith("ForTokenClassification"):
        return "token classifier"
    if architecture.endswith("ForSequenceClassification"):
        labels = [label.lower() for label in _labels(config, where)]
        return "cross-encoder" if any(label.startswith("entail") for label in labels) else "sequence classifier"
    if architecture.endswith("Model"):
        return "bi-encoder"
    message = f"{where} is a {printable(architecture) or 'model of no named kind'}, which does none of the tasks"
    kinds = "a sentence-transformers model, …ForSequenceClassification (labels or NLI) or …ForTokenClassification"
    raise ConfigError(message, hint=f"take {kinds}")


def _modules(path: Path, where: str) -> tuple[str, ...]:
    """The steps of a sentence-transformers model; none for a plain one."""
    if not (path / "modules.json").is_file():
        return ()
    listed = _json(path / "modules.json", where)
    entries = listed if isinstance(listed, list) else []
    names = tuple(str(entry.get("type", "")).rpartition(".")[2] for entry in entries if isinstance(entry, dict))
    unknown = [name for name in names if name not in _MODULES]
    if unknown or not names:
        what = printable(unknown[0]) if unknown else "no modules"
        raise ConfigError(f"{where} has {what} in modules.json", hint=f"known are {', '.join(_MODULES)}")
    return names


def _pooling(path: Path, where: str) -> Pooling:
    said = read_json(path / "1_Pooling" / "config.json", where)
    chosen = [name for name, on in said.items() if name.startswith("pooling_mode_") and on is True]
    if len(chosen) == 1 and chosen[0] in _POOLING:
        return _POOLING[chosen[0]]
    found = printable(", ".join(chosen)) or "nothing"
    raise ConfigError(f"{where} pools its tokens by {found}", hint="known are mean, cls and max, one at a time")


def _labels(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    given = config.get("id2label")
    try:
        labels = {int(number): str(label) for number, label in (given or {}).items()}
    except (AttributeError, ValueError):
        labels = {}
    if not labels or sorted(labels) != list(range(len(labels))) or not all(map(str.strip, labels.values())):
        raise ConfigError(f"{where}: id2label in config.json does not name its labels from 0 on, none of them empty")
    return tuple(labels[number] for number in range(len(labels)))


def _prompt(path: Path, where: str) -> str:
    said = read_json(path / "config_sentence_transformers.json", where)
    prompts, name = said.get("prompts"), said.get("default_prompt_name")
    return str(prompts.get(name) or "") if isinstance(prompts, dict) and isinstance(name, str) else ""


def _max_tokens(path: Path, config: Mapping[str, Any], where: str) -> int:
    limits = [read_json(path / "tokenizer_config.json", where).get("model_max_length")]
    limits.append(read_json(path / "sentence_bert_config.json", where).get("max_seq_length"))
    positions, padding = config.get("max_position_embeddings"), config.get("pad_token_id")
    if isinstance(positions, int):
        shifted = config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
        limits.append(positions - (padding if isinstance(padding, int) else 1) - 1 if shifted else positions)
    return int(min([limit for limit in limits if isinstance(limit, int | float) and 1 < limit < 1e6], default=512))


def card(path: Path) -> Card:
    """The metadata at the head of README.md, as far as it can be read."""
    try:
        with (path / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(65_536)
        match = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", head, re.DOTALL)
        said = yaml.safe_load(match[1]) if match else None
    except (OSError, yaml.YAMLError):
        said = None
    if not isinstance(said, dict):
        return Card(None, None)
    licence, spoken = said.get("license"), said.get("language")
    codes = [spoken] if isinstance(spoken, str) else spoken if isinstance(spoken, list) else []
    known = frozenset(str(code).lower() for code in codes)
    plain = bool(known) and all(re.fullmatch(r"[a-z]{2}", code) for code in known)
    return Card(str(licence) if isinstance(licence, str) else None, known if plain else None)


def hashed(file: Path) -> str:
    """The SHA-256 of a file, in hex. Raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fingerprint(hashes: Mapping[str, str]) -> str:
    """One SHA-256 for files by name: of lines like sha256sum's, sorted by name."""
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()
