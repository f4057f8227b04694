"""Tocsin hears what people say about you, and knows the minute it changes.

Every file beside this one is a command: `cli/<name>.py` holds a function `command`, or an `app` with commands of
its own (`_common.group()`). Its docstring is the command's help. It is imported when the command is used.
"""

from __future__ import annotations

import errno
import importlib
import inspect
import os
import pkgutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from tocsin import __version__
from tocsin.errors import ConfigError, TocsinError

FAILURE, CONFIG = 1, 78
"""Exit codes; 0 is success, 2 a wrong command line, 130 an interrupt."""


class _Named(TyperCommand):
    """A command known by its file and its first line of help, until it is used."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        return _imported(str(self.name)).make_context(*args, **options)


class Commands(TyperGroup):
    """The commands found on disk, and the one place that turns errors into a line and an exit code."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name in names():
            self.add_command(_Named(name, help=_first_line(_file(name)), rich_markup_mode=None))

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except (typer.TyperException, typer.Exit, typer.Abort):
            raise
        except Exception as error:  # the last stop: whatever it is, it becomes one line and an exit code
            if os.environ.get("TOCSIN_DEBUG") == "1" or (isinstance(error, OSError) and error.errno == errno.EPIPE):
                raise
            typer.echo(_line(error), err=True)
            raise typer.Exit(CONFIG if isinstance(error, ConfigError) else FAILURE) from error


def names() -> list[str]:
    """The names of all commands, in the order of the help."""
    stems = [module.name for module in pkgutil.iter_modules(__path__) if module.name[0] != "_"]
    return sorted(stem.rstrip("_") for stem in stems)


def _file(name: str) -> Path:
    """The file of a command; one named like a word of Python's has an underscore behind its name."""
    folder = Path(__file__).parent
    return next(file for file in (folder / f"{name}.py", folder / f"{name}_.py") if file.exists())


def _first_line(file: Path) -> str:
    """The first sentence of a module's docstring, without importing it."""
    with file.open(encoding="utf-8") as lines:
        return lines.readline().strip().strip('"')


def _imported(name: str) -> Any:
    module = importlib.import_module(f"{__name__}.{_file(name).stem}")
    own = getattr(module, "app", None)
    if own is None:
        own = typer.Typer(add_completion=False, rich_markup_mode=None)
        own.command(name)(module.command)
    command = get_command(own)
    command.name, command.help = name, inspect.cleandoc(module.__doc__ or "")
    return command


def _line(error: Exception) -> str:
    """One line that says what went wrong; where it is in a file, the file comes first."""
    if isinstance(error, TocsinError):
        return str(error) if getattr(error, "file", None) else f"tocsin: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"tocsin: {error.strerror}: {error.filename}" if error.filename else f"tocsin: {error.strerror}"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"tocsin: a bug, please report it: {what} (TOCSIN_DEBUG=1 shows where)"


app = typer.Typer(cls=Commands, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tocsin {__version__}")
        raise typer.Exit


@app.callback(help=inspect.cleandoc(__doc__ or "").splitlines()[0])
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options before a command."""
