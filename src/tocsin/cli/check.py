"""Check a config: every mistake with its line and column.

Ends with 0 if the config can be used (warnings included), else with 78.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.cli._common import DEFAULT_CONFIG, ConfigOption, JsonOption, print_json
from tocsin.cli._config_warnings import about_categories, about_places
from tocsin.errors import ConfigError

if TYPE_CHECKING:
    from tocsin.config import Config

ShowOption = Annotated[bool, typer.Option("--show", help="Print the config with all defaults, secrets masked.")]


def command(config: ConfigOption = None, show: ShowOption = False, json: JsonOption = False) -> None:
    import yaml

    from tocsin import config as configs

    file = config or DEFAULT_CONFIG
    try:
        read = configs.load(file, os.environ)
        warnings = [*read.warnings, *about_categories(read), *about_places(read)]
    except ConfigError as error:
        if not json:
            raise
        print_json({"ok": False, "errors": [_plain(one) for one in _each(error)], "warnings": []})
        raise typer.Exit(78) from None
    if json:
        result = {"ok": True, "errors": [], "warnings": [_plain(warning) for warning in warnings]}
        print_json(result | ({"config": read.effective()} if show else {}))
        return
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    if show:
        typer.echo(yaml.safe_dump(read.effective(), sort_keys=False, allow_unicode=True), nl=False)
    else:
        typer.echo(f"{file}: good ({_summary(read)})")


def _each(error: ConfigError) -> tuple[ConfigError, ...]:
    errors: tuple[ConfigError, ...] = getattr(error, "errors", (error,))
    return errors


def _plain(error: ConfigError) -> dict[str, Any]:
    fields = ("file", "line", "column", "message", "hint")
    return {name: getattr(error, name) for name in fields}


def _summary(config: Config) -> str:
    counts = {
        "watch": len(config.watches),
        "source": len(config.sources),
        "category": len(config.categories),
        "policy": len(config.alerts.policies),
        "destination": len(config.alerts.destinations),
    }
    plurals = {"watch": "watches", "category": "categories", "policy": "policies"}
    return ", ".join(f"{n} {name if n == 1 else plurals.get(name, f'{name}s')}" for name, n in counts.items())
