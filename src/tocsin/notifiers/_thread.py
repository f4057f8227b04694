"""Blocking work in a thread of its own: one that hangs holds up no other, nor the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def in_a_thread(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What `work` gives or raises. `asyncio.to_thread` would take a thread that the pipeline needs."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            found = work(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
            with suppress(RuntimeError):
                done.set_exception(error)
        else:
            with suppress(RuntimeError):
                done.set_result(found)

    waiting = asyncio.wrap_future(done)
    threading.Thread(target=run, daemon=True, name="tocsin-notifier").start()
    return await waiting
