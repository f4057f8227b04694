"""Understanding: sentiment, entities and categories on labelled posts, with any model that a config can name.

What chose the embedded model's settings is under `dev`, what judged them later under `held`; see
docs/explanation/embedded-model.md. `model` names another model, as `model:` in a config does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tocsin import load
from tocsin.component import Context, Model
from tocsin.evaluate import _corpora, _zero_shot
from tocsin.options import ModelChoice

TASKS = ("categories", "sentiment", "entities")


def run(
    data: Path = Path("../shared/data"), model: str | Path = "embedded", task: str | Path = "all"
) -> dict[str, Any]:
    """Figures by task and set. Raises ConfigError where the data or the model is not there."""
    _corpora.folder(data, ".")
    wanted = TASKS if str(task) == "all" else (str(task),)
    asked: Model = load.build_model(ModelChoice(spec=str(model)), Context("evaluate", Path(".")))
    tasks: dict[str, Callable[[Model, Path], dict[str, Any]]] = {
        "categories": _categories, "sentiment": _sentiment, "entities": _entities
    }  # fmt: skip
    able = {"categories": "classifier", "sentiment": "sentiment", "entities": "entities"}
    return {"model": asked.id} | {name: tasks[name](asked, data) for name in wanted if hasattr(asked, able[name])}


def _categories(model: Model, data: Path) -> dict[str, Any]:
    return {name: _zero_shot.judge(model, read(data)) for name, read in _zero_shot.SETS.items()}


def _sentiment(model: Model, data: Path) -> dict[str, Any]:
    from tocsin.evaluate._sentiment import judge

    texts, right = _corpora.tweeteval(data)
    return {"tweeteval_validation": judge(model, texts, right)}


def _entities(model: Model, data: Path) -> dict[str, Any]:
    from tocsin.evaluate._entities import judge

    return {
        "wnut17_dev": judge(model, data / "wnut17" / "emerging.dev.conll"),
        "btc_dev": judge(model, data / "btc" / "btc.dev"),
    }
