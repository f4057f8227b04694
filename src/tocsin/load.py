"""Type name -> component, without any list: a file on disk, or an entry point of the group `tocsin.<stage>`.

The name in the config can only choose among what is found there (`[a-z][a-z0-9_]*`): no dotted path, no class
name, nothing that is looked up anywhere else. A built-in component wins over a plug-in of the same name.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tocsin.errors import ConfigError
from tocsin.hints import did_you_mean, printable
from tocsin.options import ModelChoice, Options

if TYPE_CHECKING:
    from tocsin.component import Context

STAGES = ("sources", "queues", "enrichers", "lakes", "detectors", "notifiers", "models", "gazetteer")
_MODEL_TYPES = {"hf": "onnx"}
"""What a config says before the colon of `model:`, where it is not the model's file name."""
_TYPE = re.compile(r"[a-z][a-z0-9_]*")
_EXTRA = re.compile(r"""\s*(?P<library>[A-Za-z0-9._-]+).*\bextra\s*==\s*["'](?P<extra>[^"']+)["']""")


@dataclass(frozen=True)
class Loaded:
    """A component's options model and its class, made as `component_class(options, context)`."""

    config_class: type[Options]
    component_class: type[Any]


def names(stage: str) -> list[str]:
    """The types of a stage that can be named in the config: files on disk and plug-ins, sorted."""
    return sorted({*_built_in(stage), *_plugins(stage)})


def component(stage: str, type_name: str) -> Loaded:
    """The component of a stage by its type. Raises ConfigError if there is none, or it cannot be loaded."""
    if _TYPE.fullmatch(type_name) and type_name in _built_in(stage):
        return _loaded(_built_in_module(stage, type_name), stage, type_name)
    plugin = _plugins(stage).get(type_name)
    if plugin is not None and _TYPE.fullmatch(type_name):
        return _loaded(_plugin_module(plugin), stage, type_name)
    found = names(stage)
    known = f"there are {', '.join(found)}" if found else "there are none"
    message = f"no {_kind(stage)} has the type '{printable(type_name)}'; {known}"
    raise ConfigError(message, hint=did_you_mean(type_name, found))


def build(stage: str, type_name: str, options: Options, context: Context) -> Any:
    """A component at work."""
    return component(stage, type_name).component_class(options, context)


def model_type(spec: str) -> str:
    """The type of the model that `model: SPEC` names: `onnx` for "hf:org/name", `embedded` for "embedded"."""
    prefix = spec.partition(":")[0].strip()
    return _MODEL_TYPES.get(prefix, prefix)


def build_model(choice: ModelChoice, context: Context) -> Any:
    """A model at work. Raises ConfigError if there is none, or it cannot be loaded."""
    loaded = component("models", model_type(choice.spec))
    options = loaded.config_class.model_validate(dict(choice.options))
    return loaded.component_class(choice.spec.partition(":")[2].strip(), options, context)


def _kind(stage: str) -> str:
    return stage.removesuffix("s")


def _built_in(stage: str) -> frozenset[str]:
    if stage not in STAGES:
        raise ValueError(f"no such stage: {stage}")
    package = importlib.import_module(f"tocsin.{stage}")
    return frozenset(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_")


@cache
def _plugins(stage: str) -> dict[str, metadata.EntryPoint]:
    return {point.name: point for point in metadata.entry_points(group=f"tocsin.{stage}")}


def _built_in_module(stage: str, type_name: str) -> ModuleType:
    try:
        return importlib.import_module(f"tocsin.{stage}.{type_name}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "tocsin"):
            raise
        message = f"the {_kind(stage)} '{type_name}' needs the library {missing}, which is not installed"
        raise ConfigError(message, hint=f"pip install '{_requirement(missing)}'") from error


def _requirement(module: str) -> str:
    """What to give to pip for a missing module: our extra that brings it, else its own name."""
    wanted = module.lower().replace("_", "-")
    for line in metadata.requires("tocsin") or []:
        match = _EXTRA.match(line)
        if match and re.match(rf"{wanted}(-|$)", match["library"].lower().replace("_", "-")):
            return f"tocsin[{match['extra']}]"
    return wanted


def _plugin_module(plugin: metadata.EntryPoint) -> ModuleType:
    try:
        loaded = plugin.load()
    except Exception as error:  # somebody else's code: whatever it raises becomes one clear line
        raise _broken(plugin, f"{type(error).__name__}: {error}") from error
    if not isinstance(loaded, ModuleType):
        raise _broken(plugin, f"{plugin.value} is not a module")
    return loaded


def _broken(plugin: metadata.EntryPoint, why: str) -> ConfigError:
    owner = f" of {plugin.dist.name} {plugin.dist.version}" if plugin.dist else ""
    message = f"the plug-in '{plugin.name}'{owner} ({plugin.value}) cannot be loaded: {printable(why, 300)}"
    return ConfigError(message, hint="repair or uninstall it")


def _loaded(module: ModuleType, stage: str, type_name: str) -> Loaded:
    class_name = "".join(part.capitalize() for part in type_name.split("_"))
    config_class, component_class = getattr(module, "Config", None), getattr(module, class_name, None)
    if not (isinstance(config_class, type) and issubclass(config_class, Options)):
        raise ConfigError(f"the {_kind(stage)} '{type_name}' ({module.__name__}) has no model Config of its options")
    if not isinstance(component_class, type):
        raise ConfigError(f"the {_kind(stage)} '{type_name}' ({module.__name__}) has no class {class_name}")
    return Loaded(config_class, component_class)
