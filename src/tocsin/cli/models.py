"""See, fetch and check the models that the config works with.

`pull` fetches a model of the Hub and makes it ready ahead of time, so that `tocsin run` needs no network.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin import text
from tocsin.cli._common import DEFAULT_CONFIG, ConfigOption, JsonOption, group, print_json, read_config
from tocsin.errors import ConfigError

if TYPE_CHECKING:
    from tocsin.models._onnx.provide import Provider
    from tocsin.options import ModelChoice

app = group()

SpecArgument = Annotated[
    str | None, typer.Argument(metavar="SPEC", help="The model, as hf:ORG/NAME. [default: all of the config]")
]
RevisionOption = Annotated[
    str | None, typer.Option("--revision", metavar="REVISION", help="The commit, branch or tag, if not the config's.")
]


@app.command("list")
def show_all(config: ConfigOption = None, json: JsonOption = False) -> None:
    """The models of the config: kind, size, where they are, licence."""
    rows = [_row(user, choice, base) for user, choice, base in _choices(config)]
    if json:
        print_json(rows)
        return
    for row in rows:
        size = f"{row['size'] / 1e6:.1f} MB" if row["size"] else "-"
        words = (row["used_by"], row["model"], row["kind"] or "-", size, row["licence"] or "-", row["state"])
        typer.echo("  ".join(text.one_line(str(word)) for word in words))
    if not rows:
        typer.echo("the config names no models")


@app.command()
def pull(
    spec: SpecArgument = None, config: ConfigOption = None, revision: RevisionOption = None, json: JsonOption = False
) -> None:
    """Fetch a model, or all of the config, and make it ready."""
    rows: list[dict[str, Any]] = []
    for provider in _to_pull(spec, config, revision):
        if provider.fetched:
            provider.pull()
        provided = provider.provide()
        rows.append(
            {
                "model": provider.name,
                "kind": provided.folder.kind,
                "commit": provided.commit,
                "sha256": provided.sha256,
                "size": provided.size,
                "path": str(provided.model.parent),
            }
        )
    if json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['model']}: {row['kind']}, {row['size'] / 1e6:.1f} MB, in {row['path']}")
        if row["commit"]:
            typer.echo(f"  revision: {row['commit']}")
        typer.echo(f"  sha256: {row['sha256']}")


@app.command()
def verify(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Hash every file of the config's models again; ends with 1 if one is not as it was fetched or made."""
    rows: list[dict[str, Any]] = []
    for _, choice, base in _choices(config):
        provider = _provider(choice, base)
        if provider is not None:
            place = provider.find()
            rows.append(
                {"model": choice.spec, "damaged": ["not fetched"] if place is None else provider.damaged(place)}
            )
    if json:
        print_json(rows)
    else:
        for row in rows:
            typer.echo(f"{row['model']}: {text.one_line(', '.join(row['damaged'])) or 'good'}")
    if any(row["damaged"] for row in rows):
        raise typer.Exit(1)


def _choices(file: Path | None) -> Iterator[tuple[str, ModelChoice, Path]]:
    """Which enricher works with which model, and where relative paths start."""
    from tocsin.options import ModelChoice

    config = read_config(file)
    for name, part in config.enrich.items():
        choice = getattr(part.options, "model", None)
        if isinstance(choice, ModelChoice):
            yield name, choice, config.base_dir


def _provider(choice: ModelChoice, base_dir: Path, revision: str | None = None) -> Provider | None:
    """What provides the model's files; None for a model that has none of its own."""
    from tocsin import load
    from tocsin.component import Context
    from tocsin.models._onnx.provide import Provider

    if load.model_type(choice.spec) != "onnx":
        return None
    options = load.component("models", "onnx").config_class.model_validate(
        dict(choice.options) | ({} if revision is None else {"revision": revision})
    )
    context = Context("models", Path(), base_dir=base_dir)
    target = choice.spec.partition(":")[2].strip()
    return Provider(target, options, context, say=_say)  # type: ignore[arg-type]  # they are those of onnx.Config


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _to_pull(spec: str | None, file: Path | None, revision: str | None) -> Iterator[Provider]:
    from tocsin.options import ModelChoice

    known = file is not None or spec is None or DEFAULT_CONFIG.exists()
    chosen = [(choice, base) for _, choice, base in _choices(file)] if known else []
    if spec is not None:
        chosen = [pair for pair in chosen if pair[0].spec == spec] or [(ModelChoice(spec=spec), Path())]
    providers = {choice.spec: _provider(choice, base, revision) for choice, base in chosen}
    found = [provider for provider in providers.values() if provider is not None]
    if not found:
        raise ConfigError(f"{spec or 'the config'} names no model to fetch", hint="write hf:ORG/NAME")
    yield from found


def _row(user: str, choice: ModelChoice, base_dir: Path) -> dict[str, Any]:
    from tocsin import load
    from tocsin.models._onnx import folder

    row = dict.fromkeys(("kind", "size", "path", "commit", "sha256", "licence"))
    row |= {"used_by": user, "model": choice.spec, "type": load.model_type(choice.spec), "state": "needs no files"}
    provider = _provider(choice, base_dir)
    if provider is None:
        return row
    place = provider.find()
    if place is None:
        return row | {"state": f"not fetched: tocsin models pull {choice.spec}"}
    hashes = provider.hashes(place)
    return row | {
        "kind": folder.read(place.path, choice.spec).kind,
        "size": sum((place.path / name).stat().st_size for name in hashes),
        "path": str(place.path),
        "commit": place.commit,
        "sha256": folder.fingerprint(hashes),
        "licence": folder.card(place.path).licence,
        "state": str(place.path),
    }
