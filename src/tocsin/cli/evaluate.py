"""Measure how right Tocsin is, on data with known answers.

Each file in `evaluate/` with a `run` is one evaluation. The figures are printed, and written as JSON with --output.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli._common import JsonOption
from tocsin.cli._figures import OutputOption, SetOption, measure

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Which one; without it they are listed.")]


def command(
    name: NameArgument = "", output: OutputOption = None, set_: SetOption = None, json: JsonOption = False
) -> None:
    measure("evaluate", name, output, set_, json=json)
