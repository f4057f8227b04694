"""Serve what earlier runs left behind: the API, pages of incidents, silences. Ends with Ctrl-C.

`tocsin run` serves the same while it works; this is for a lake at rest. Where a run is going on, give this one another
port (`server: port:`).
"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import closing
from typing import TYPE_CHECKING

from tocsin.cli._common import ConfigOption, DataDirOption, existing
from tocsin.clock import SystemClock
from tocsin.errors import Permanent

if TYPE_CHECKING:
    from tocsin.runners.assemble import Assembly


def command(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    from tocsin.runners.assemble import Assembly
    from tocsin.telemetry import configure_logging

    read = existing(config, data_dir)
    configure_logging("info", as_json=False, redactor=read.redactor)
    asyncio.run(_serve(Assembly(read, SystemClock())))


async def _serve(assembly: Assembly) -> None:
    from tocsin.server.serve import serve

    stop = threading.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    with closing(assembly.state()) as state:
        await serve(assembly, state, stop)
    if not stop.is_set():
        raise Permanent("the server could not begin")
