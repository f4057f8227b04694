"""What several commands share: options, the config, a component at work, JSON on stdout."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import msgspec
import typer

from tocsin import text
from tocsin.errors import Permanent

if TYPE_CHECKING:
    from tocsin.component import Lake, Queue
    from tocsin.config import Config
    from tocsin.state import State

DEFAULT_CONFIG = Path("tocsin.yaml")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="The config. [default: tocsin.yaml]")
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="The data directory, instead of the config's.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def program() -> str:
    """What to type to call this program again: `tocsin` where the shell finds it, else the path it was called by."""
    called = sys.argv[0]
    return called if Path(called).name == "tocsin" and shutil.which("tocsin") is None else "tocsin"


def group() -> typer.Typer:
    """A command that has commands of its own."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)


def read_config(file: Path | None, data_dir: Path | None = None) -> Config:
    """The config that a command works with.

    With a data directory and without a config file it is the default one. Raises ConfigError.
    """
    from tocsin import config as configs

    if file is None and data_dir is not None and not DEFAULT_CONFIG.exists():
        config = configs.Config()
    else:
        config = configs.load(file or DEFAULT_CONFIG, os.environ)
    if data_dir is None:
        return config
    return config.model_copy(update={"data_dir": data_dir.absolute()})


def existing(file: Path | None, data_dir: Path | None) -> Config:
    """The config of a command that looks at what earlier runs left behind."""
    config = read_config(file, data_dir)
    if not config.data_dir.is_dir():
        raise Permanent(f"there is no data directory {config.data_dir}: `tocsin run` makes it")
    return config


def open_queue(config: Config) -> Queue:
    from tocsin.runners.assemble import Assembly

    return Assembly(config).queue()


def open_lake(config: Config) -> Lake:
    from tocsin.runners.assemble import Assembly

    return Assembly(config).lake()


def open_state(config: Config) -> State:
    from tocsin.runners.assemble import Assembly

    return Assembly(config).state()


def print_json(value: Any) -> None:
    """One JSON document in one line, safe to look at in a terminal."""
    typer.echo(text.escape_json(msgspec.json.encode(value).decode()))


@contextmanager
def opened(source: str) -> Iterator[TextIO]:
    """A file to read lines of, or standard input for "-"."""
    if source == "-":
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace", newline="")
        yield sys.stdin
        return
    with open(source, encoding="utf-8-sig", errors="replace", newline="") as lines:
        yield lines


def user() -> str:
    """Who runs this."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user may have no name
        return f"user {os.getuid()}"
