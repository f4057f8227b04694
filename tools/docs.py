"""Write docs/reference/config.md and docs/reference/cli.md from the models and the commands: python tools/docs.py"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from tocsin import cli
from tocsin.schema import config_schema

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

CONFIG_HEAD = """\
# The config

One YAML file, `tocsin.yaml` unless `-c FILE` names another. `tocsin init` writes one to begin with, `tocsin check`
says everything that is wrong with one, with line and column, and `tocsin schema` prints its JSON schema for editors.
This page is made from the program by `python tools/docs.py`.

```yaml
# yaml-language-server: $schema=./tocsin.schema.json
data_dir: ./tocsin-data
watches:
  - name: acme
    match: '(acme OR "acme cloud" OR #acmedown) -is:repost'
    sources: [inbox]
sources:
  inbox: {type: webhook, port: 8322, secret: "${env:INBOX_SECRET:-only-for-trying}"}
  archive: {type: file, path: posts.csv, fields: {id: tweet_id, created_at: tweet_created}, speed: max}
categories:
  - name: outage
    match: down OR outage OR "not working"
alerts:
  budget: 1 per day
  policies:
    - {name: volume, measure: mentions, by: [watch, category], bucket: 1m, sensitivity: balanced}
  destinations:
    - {name: ops, type: log}
server: {host: 127.0.0.1, port: 8321}
```

## How it is read

- The file is YAML 1.2 in UTF-8, at most 1 MiB: only `true` and `false` are booleans, dates are text. Anchors, aliases,
  tags, a key that stands twice and a second document are refused.
- A rule with ` #tag` in it needs quotes: YAML takes a `#` after a space for a comment. `tocsin check` says so.
- An unknown key is an error. A key of the config's own blocks without a value counts as not written.
- In any text, `${env:NAME}` is an environment variable, `${env:NAME:-else}` one with something to take instead, and
  `${file:PATH}` the content of a file; `$${` is a plain `${`. Nothing else overrides the file but the option
  `--data-dir`: where a value should come from the environment, say so, as in `port: "${env:PORT:-8321}"`.
- A secret should be such a reference; `tocsin check` warns where one is not. `check --show` and logs mask secrets.
- Relative paths start at the file's folder.
- A *duration* is a number and a unit (`250ms`, `90s`, `5m`, `6h`, `7d`, `2w`), or seconds; a *size* is a number and a
  unit (`64 KiB`, `10 MB`), or bytes.

"""

CLI_HEAD = """\
# The command line

`tocsin COMMAND --help` says the same as this page, which is made from the program by `python tools/docs.py`.

| exit code | means |
|---|---|
| 0 | it went well |
| 1 | it failed; one line on stderr says what, where and what to do |
| 2 | the command line is wrong |
| 78 | the config is wrong, or something it names cannot be used |
| 130 | it was interrupted with Ctrl-C |

Results go to stdout, everything else to stderr. With `--json` the result is JSON. Nothing is coloured where stdout is
not a terminal or `NO_COLOR` is set. `TOCSIN_DEBUG=1` shows the traceback of a failure.

"""

_STAGES = {
    "sources": ("Sources", "A block of `sources`, by a name of your own (letters, digits, `_`, `.`, `-`)."),
    "notifiers": ("Destinations", "A block in the list `alerts: destinations:`."),
    "queues": ("Queues", "The block `queue`."),
    "lakes": ("Lakes", "The block `lake`."),
    "gazetteer": ("Geocoders", "The block `geocoder` of the enricher `place`."),
}
_UNITS = (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def config_page() -> str:
    """docs/reference/config.md."""
    schema = config_schema()
    definitions = schema["$defs"]
    parts = [CONFIG_HEAD, "## The blocks\n\n", _table(schema, definitions)]
    for title in ("Watch", "Category", "Places", "Alerts", "Policy", "Delivery", "Maintenance", "Heartbeat", "Server", "User", "AccessToken"):
        parts += [f"## {title}\n\n{definitions[title]['description']}\n\n", _table(definitions[title], definitions)]
    for stage, (title, text) in _STAGES.items():
        parts.append(f"## {title}\n\n{text}\n\n")
        for name, block in definitions.items():
            if name.startswith(f"{stage}.") and name.count(".") == 1:
                parts.append(_component(stage, name.removeprefix(f"{stage}."), block, definitions))
    parts.append("## Enrichers\n\nA block of `enrich`, by the name of the enricher. All work without one.\n\n")
    for name, block in schema["properties"]["enrich"]["properties"].items():
        parts.append(_component("enrichers", name, block, definitions))
    return "".join(parts).rstrip() + "\n"


def _component(stage: str, name: str, block: dict[str, Any], definitions: dict[str, Any]) -> str:
    own = f"{stage}.{name}."
    parts = [f"### `{name}`\n\n{block['description']}\n\n", _table(block, definitions)]
    for inner, fields in definitions.items():
        if inner.startswith(own) and "properties" in fields:
            about = " ".join(fields.get("description", "").split())
            parts.append(f"**{inner.removeprefix(own)}**: {about}\n\n{_table(fields, definitions)}")
    return "".join(parts)


def _table(block: dict[str, Any], definitions: dict[str, Any]) -> str:
    required = block.get("required", [])
    rows = []
    for name, field in block["properties"].items():
        if "const" in field:
            continue
        default = "**required**" if name in required else _default(field)
        text = (field if "description" in field else _referred(field, definitions)).get("description", "")
        rows.append(f"| `{name}` | {_type(field)} | {default} | {' '.join(text.split())} |")
    if not rows:
        return ""
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *rows]) + "\n\n"


def _referred(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definitions.get(field.get("$ref", "").rpartition("/")[2], {})
    return found


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if "." not in name else name.rpartition(".")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(one) for one in field["anyOf"] if one.get("type") != "null"))
    if "oneOf" in field or "properties" in field or "patternProperties" in field:
        return "block"
    if "enum" in field or "const" in field:
        return " \\| ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    kind = field.get("type", "anything")
    if isinstance(kind, list):
        return "size" if "integer" in kind else "duration"
    if kind == "array":
        return f"list of {_type(field.get('items', {}))}"
    if kind == "object":
        return f"block of {_type(field.get('additionalProperties', {}))}"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return {"password": "secret", "path": "path"}.get(field.get("format", ""), words.get(kind, str(kind)))


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value is None or value in ([], {}) or "$ref" in field:
        return ""
    if _type(field) == "duration":
        return f"`{_duration(value)}`"
    if _type(field) == "size":
        return f"`{_size(value)}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _duration(seconds: float) -> str:
    for unit, length in _UNITS:
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _size(size: int) -> str:
    for unit, length in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size and size % length == 0:
            return f"{size // length} {unit}"
    return f"{size} B"


def cli_page() -> str:
    """docs/reference/cli.md."""
    sections = [f"## `tocsin {' '.join(path)}`\n\n```text\n{_help(path)}```\n\n" for path in commands()]
    return CLI_HEAD + "".join(sections).rstrip() + "\n"


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, those of a group behind it."""
    for name in cli.names():
        yield (name,)
        inner = getattr(cli._imported(name), "commands", {})
        for one in inner:
            yield (name, one)


def _help(path: tuple[str, ...]) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(cli.app, [*path, "--help"], prog_name="tocsin")
    return result.output


def write() -> None:
    """Both pages, in their places."""
    (REFERENCE / "config.md").write_text(config_page(), encoding="utf-8")
    (REFERENCE / "cli.md").write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
