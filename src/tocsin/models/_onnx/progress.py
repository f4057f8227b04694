"""How far a download is, on a terminal; elsewhere nothing, since the log says what is fetched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.models._onnx.hub import Told


@contextmanager
def shown(name: str, size: int) -> Iterator[Told]:
    """A bar on stderr while the block runs; call what it gives with the bytes that came."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=size)
        yield lambda size: progress.update(task, advance=size)
