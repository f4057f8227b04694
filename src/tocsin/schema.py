"""JSON Schema (draft 2020-12) of the config, put together from every component found, and of events."""

from __future__ import annotations

import inspect
import json
from typing import Any

import msgspec

from tocsin import load
from tocsin.errors import ConfigError
from tocsin.model import Event
from tocsin.settings import Config

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """What a config may hold, with all components that are installed."""
    schema = Config.model_json_schema()
    definitions = schema.pop("$defs")
    del definitions["Part"], definitions["Options"]
    definitions["Alerts"]["properties"]["destinations"]["items"] = _any_of("notifiers", definitions)
    properties = schema["properties"]
    properties["sources"]["patternProperties"] = {
        pattern: _any_of("sources", definitions) for pattern in properties["sources"].pop("patternProperties")
    }
    for key, stage in (("queue", "queues"), ("lake", "lakes")):
        properties[key] = {"description": properties[key]["description"], **_any_of(stage, definitions)}
    enrichers = {name: _enricher(name, definitions) for name in load.names("enrichers")}
    properties["enrich"] |= {"properties": enrichers, "additionalProperties": False}
    return _tidy({"$schema": DIALECT, **schema, "title": "Tocsin's config", "$defs": definitions})


def event_schema() -> dict[str, Any]:
    """What an event is, as JSON: what the webhook takes, and what the queue holds."""
    return {"$schema": DIALECT, "title": "An event of Tocsin's", **msgspec.json.schema(Event)}


def _enricher(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """What may stand in the block of an enricher: not what it takes from the config's own blocks."""
    options = _options("enrichers", name, definitions)
    properties = _without(options["properties"], *load.component("enrichers", name).config_class.takes)
    if "model" in properties:
        properties |= _model_properties(definitions)
    if "geocoder" in properties:
        described = {"description": properties["geocoder"]["description"]}
        properties["geocoder"] = described | _any_of("gazetteer", definitions)
    return options | {"properties": properties}


def _any_of(stage: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A choice between the components of a stage; each one's own schema goes into `definitions`."""
    choices = []
    for name in load.names(stage):
        try:
            options = _options(stage, name, definitions)
        except ConfigError:  # its library is not installed, so it cannot be used either
            continue
        first: dict[str, Any] = {"type": {"const": name}}
        if stage == "notifiers":
            first = {"name": {"type": "string", "description": "Its name. Default: its type."}} | first
        taken = load.component(stage, name).config_class.takes
        options["properties"] = first | _without(options["properties"], "type", *taken)
        options["required"] = ["type", *options.get("required", [])]
        definitions[f"{stage}.{name}"] = options
        choices.append({"$ref": f"#/$defs/{stage}.{name}"})
    return {"oneOf": choices}


def _model_properties(definitions: dict[str, Any]) -> dict[str, Any]:
    """What may stand beside `model:`: the options of all models."""
    properties: dict[str, Any] = {"model": {"type": "string", "description": "embedded, hf:ORG/NAME, or TYPE:NAME."}}
    for name in load.names("models"):
        try:
            properties |= _options("models", name, definitions)["properties"]
        except ConfigError:
            continue
    return properties


def _options(stage: str, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    loaded = load.component(stage, name)
    own = loaded.config_class.model_json_schema(ref_template=f"#/$defs/{stage}.{name}.{{model}}")
    for inner, schema in own.pop("$defs", {}).items():
        definitions[f"{stage}.{name}.{inner}"] = schema
    module = inspect.getmodule(loaded.component_class)
    description = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    return {"title": name, "description": description, "properties": {}} | _without(own, "title", "description")


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without definitions that nothing refers to."""
    text = json.dumps(schema)
    unused = [name for name in schema["$defs"] if f'"#/$defs/{name}"' not in text]
    return _tidy({**schema, "$defs": _without(schema["$defs"], *unused)}) if unused else schema


def _without(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}
