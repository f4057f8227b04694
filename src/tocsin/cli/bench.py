"""Measure speed and memory on this machine, against a floor or a peer in the same run.

Each file in `bench/` is one benchmark. The figures are printed, and written as JSON with --output.
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
    measure("bench", name, output, set_, json=json)
