"""Running a measurement by name, and showing its figures."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.cli._common import print_json

OutputOption = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the figures here.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A size or a path to measure with. Repeatable.")
]


def measure(package: str, name: str, output: Path | None, settings: list[str] | None, *, json: bool) -> None:
    """Run `tocsin.<package>.<name>.run` with the settings, and print what it gives; without a name, list them."""
    names = _names(package)
    if not name:
        typer.echo("\n".join(names))
        return
    if name not in names:
        raise typer.BadParameter(f"{name} is not one of {', '.join(names)}", param_hint="NAME")
    run = importlib.import_module(f"tocsin.{package}.{name}").run
    given = dict(_setting(text) for text in settings or [])
    try:
        inspect.signature(run).bind(**given)
    except TypeError as error:
        known = ", ".join(inspect.signature(run).parameters)
        raise typer.BadParameter(f"{error}; there are {known}", param_hint="--set") from None
    figures = run(**given)
    if output is not None:
        import msgspec

        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    if json:
        print_json(figures)
    else:
        _print(figures)


def _names(package: str) -> list[str]:
    folder = Path(__file__).parent.parent / package
    found = [module.name for module in pkgutil.iter_modules([str(folder)]) if module.name[0] != "_"]
    return sorted(name for name in found if "\ndef run(" in (folder / f"{name}.py").read_text(encoding="utf-8"))


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text} is not KEY=VALUE", param_hint="--set")
    for kind in (int, float):
        try:
            return key.replace("-", "_"), kind(value)
        except ValueError:
            continue
    return key.replace("-", "_"), Path(value)


def _print(figures: dict[str, Any], depth: int = 0) -> None:
    for key, value in figures.items():
        label = "  " * depth + str(key).replace("_", " ")
        if isinstance(value, dict):
            typer.echo(label)
            _print(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            typer.echo(label)
            for item in value:
                typer.echo("  " * (depth + 1) + "  ".join(f"{k} {_figure(v)}" for k, v in item.items()))
        else:
            typer.echo(f"{label:44s} {_figure(value)}")


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
