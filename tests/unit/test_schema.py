"""The JSON schema: whole, described, and put together from the components on disk."""

import json
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from tocsin import load, schema
from tocsin.cli import app
from tocsin.errors import ConfigError
from tocsin.model import Event, Post


def every(node: Any):
    """All objects in a schema."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from every(value)
    elif isinstance(node, list):
        for value in node:
            yield from every(value)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return schema.config_schema()


def test_every_reference_leads_somewhere_and_every_definition_is_used(config):
    used = {node["$ref"].removeprefix("#/$defs/") for node in every(config) if isinstance(node.get("$ref"), str)}
    assert used == set(config["$defs"])


def test_every_component_on_disk_is_a_choice(config):
    for stage in ("sources", "queues", "lakes", "notifiers"):
        for name in load.names(stage):
            block = config["$defs"][f"{stage}.{name}"]
            assert block["properties"]["type"] == {"const": name}
            assert block["required"][0] == "type"
            assert block["additionalProperties"] is False
            assert len(block["description"]) > 20
    assert set(config["properties"]["enrich"]["properties"]) == set(load.names("enrichers"))


def test_what_an_enricher_takes_from_other_blocks_is_not_said_twice(config):
    assert "categories" not in config["properties"]["enrich"]["properties"]["category"]["properties"]
    assert config["properties"]["enrich"]["properties"]["watches"]["properties"] == {}


def test_what_a_source_takes_from_other_blocks_is_not_said_twice(config):
    assert "watches" not in config["$defs"]["sources.jetstream"]["properties"]
    assert "sources.jetstream.Watch" not in config["$defs"]


def test_the_options_of_every_model_may_stand_beside_it(config):
    known = config["properties"]["enrich"]["properties"]["category"]["properties"]
    assert known["model"]["type"] == "string"
    assert {"revision", "max_cost_per_day", "refine"} <= set(known)


def test_every_key_is_described(config):
    own = [block for name, block in config["$defs"].items() if name.count(".") < 2]
    blocks = [config, *own, *config["properties"]["enrich"]["properties"].values()]
    silent = [
        f"{block.get('title')}.{key}"
        for block in blocks
        for key, field in block.get("properties", {}).items()
        if not {"description", "const", "properties", "$ref"} & set(field)
    ]
    assert silent == []


def test_it_names_its_dialect_and_the_command_prints_it(config):
    printed = json.loads(CliRunner().invoke(app, ["schema"]).stdout)
    assert printed == json.loads(json.dumps(config))
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert next(iter(printed)) == "$schema"


def test_the_schema_of_events_knows_every_kind():
    printed = json.loads(CliRunner().invoke(app, ["schema", "--events"]).stdout)
    assert set(printed["discriminator"]["mapping"]) == {"post", "delete", "gap", "heartbeat"}
    assert printed["$defs"]["Post"]["required"] == msgspec.json.schema(Event)["$defs"]["Post"]["required"]
    assert set(Post.__struct_fields__) <= set(printed["$defs"]["Post"]["properties"])


def test_a_component_whose_library_is_missing_is_left_out(monkeypatch: pytest.MonkeyPatch):
    real = load.component

    def component(stage: str, name: str) -> load.Loaded:
        if (stage, name) == ("sources", "webhook"):
            raise ConfigError("needs a library")
        return real(stage, name)

    monkeypatch.setattr(load, "component", component)
    assert "sources.webhook" not in schema.config_schema()["$defs"]
