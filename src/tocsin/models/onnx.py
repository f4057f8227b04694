"""Any model of the Hugging Face layout, from the Hub or a directory, run by ONNX Runtime: `hf:ORG/NAME`, `hf:./DIR`.

What it can do follows from what it is: a bi-encoder or an NLI cross-encoder tells categories apart by their
descriptions, a sequence classifier knows sentiment or topics, a token classifier finds entities. An answer depends on
its text alone: every text is run by itself (docs/reference/onnx.md has the price). Nothing is fetched that the config
does not name, nothing pickled is opened, no code of a model is run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator

from tocsin.component import Context, Patience
from tocsin.errors import ConfigError
from tocsin.models._onnx.entities import TokenClassifier
from tocsin.models._onnx.folder import Folder, card
from tocsin.models._onnx.heads import BiEncoder, CrossEncoder, Feelings, SequenceClassifier, Topics, feeling, renamed
from tocsin.models._onnx.provide import Provided, Provider
from tocsin.models._onnx.runtime import Runtime
from tocsin.models._onnx.text import Cleaning, cleaner
from tocsin.models.embedded import mind
from tocsin.options import Options

TASKS = ("classifier", "sentiment", "entities")


class Config(Options):
    """Options of a Hugging Face model."""

    revision: str | None = None
    """The commit (recommended), branch or tag to take. Default: `main`, as it was when it was first fetched."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """What the model's files must hash to, as `tocsin models list` shows it; others are refused."""
    token: SecretStr | None = None
    """The access token for private and gated models. Default: the environment's HF_TOKEN, if any."""
    offline: bool = False
    """Whether to work with what is on the disk only."""
    cache: Path | None = None
    """The folder of fetched models. Default: `~/.cache/tocsin/models`."""
    file: str | None = None
    """The ONNX file of the repository to run as it is, such as `onnx/model_quantized.onnx`."""
    precision: Literal["int8", "fp32"] = "int8"
    """`int8` is two to three times as fast and a quarter as large; `fp32` answers as the original does."""
    threads: Annotated[int, Field(ge=1, le=64)] = 1
    """How many texts are worked on at once, each by one thread. Answers do not depend on it."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)] = 256
    """How much of a text is read, in the model's tokens; no model reads more than it was made for."""
    clean: Cleaning | None = None
    """How texts are cleaned: `words`, `marks` or `none`. Default: by the kind of model."""
    hypothesis: str = "This text is about {}."
    """What a cross-encoder is asked to infer: `{}` is the category's name, `{description}` its description."""
    labels: dict[str, str] = Field(default_factory=dict)
    """What the model's own labels mean: `{LABEL_0: negative}`, a category's name, or a type of entity."""
    prefix: str | None = None
    """What a bi-encoder wants before each text, such as "query: ". Default: what the model itself says."""
    label_prefix: str | None = None
    """What it wants before each category. Default: the same."""

    @field_validator("hypothesis")
    @classmethod
    def _names_the_category(cls, hypothesis: str) -> str:
        if "{}" not in hypothesis and "{description}" not in hypothesis:
            raise ValueError("must hold {} or {description}, where the category is named")
        return hypothesis


class Onnx:
    """A model at work. It has the methods of the tasks that its kind can do: `classifier`, `sentiment`, `entities`."""

    patience = Patience(seconds_a_post=5.0)
    """A cross-encoder with many categories on a small machine takes a second a post."""

    def __init__(self, target: str, config: Config, context: Context) -> None:
        """Raises ConfigError: no such model, no network, not of a kind that is known, damaged, not what was pinned."""
        provided = Provider(target, config, context).provide()
        name = f"hf:{target}"
        self.id = f"{name}@{provided.version}" + ("" if config.precision == "int8" else f" {config.precision}")
        self.kind: str = provided.folder.kind
        self.languages = card(provided.folder.path).languages
        head = _head(provided, config, name)
        for task in TASKS:
            if hasattr(head, task):
                setattr(self, task, getattr(head, task))


def _head(provided: Provided, config: Config, name: str) -> Any:
    folder = provided.folder
    runtime = Runtime(folder, provided.model, config.max_tokens, config.threads, name)
    if folder.kind == "token classifier":
        return TokenClassifier(runtime, folder.labels, config.labels, name)
    if folder.kind == "bi-encoder":
        prefix = folder.prompt if config.prefix is None else config.prefix
        label_prefix = prefix if config.label_prefix is None else config.label_prefix
        return BiEncoder(runtime, folder, cleaner(config.clean or "words", _segmented), prefix, label_prefix)
    labels = renamed(folder.labels, config.labels, name)
    if any(label.lower().startswith("entail") for label in labels):
        clean = cleaner(config.clean or "words", _segmented)
        return CrossEncoder(runtime, labels, clean, config.hypothesis, name)
    return _classifier(runtime, folder, labels, cleaner(config.clean or "marks", _segmented), name)


def _classifier(
    runtime: Runtime, folder: Folder, labels: list[str], clean: Callable[[str], str], name: str
) -> SequenceClassifier:
    feelings = {feeling(label) for label in labels}
    kind = Feelings if {"negative", "positive"} <= feelings and None not in feelings else Topics
    independent = folder.config.get("problem_type") == "multi_label_classification"
    if len(labels) < 2 and not independent:
        raise ConfigError(f"{name} has one label only, so it tells nothing apart")
    return kind(runtime, labels, clean, independent, name)


def _segmented(tag: str) -> list[str]:
    """The words of (a part of) a hashtag, as the embedded model cuts them."""
    return mind().table.pieces.segmented_tag(tag)
