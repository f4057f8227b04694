"""Blocking work of notifiers: it may fail or hang, and nobody else notices."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from tocsin.notifiers._thread import in_a_thread


async def test_it_gives_what_the_work_gives() -> None:
    assert await in_a_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_a_thread(divmod, 7, 0)


async def test_work_that_hangs_takes_no_thread_from_others() -> None:
    free = threading.Event()
    hanging = [asyncio.create_task(in_a_thread(free.wait)) for _ in range(50)]
    assert await asyncio.to_thread(divmod, 7, 2) == (3, 1)
    for task in hanging[:25]:
        task.cancel()
    free.set()
    done = await asyncio.gather(*hanging, return_exceptions=True)
    assert done[25:] == [True] * 25
    assert all(isinstance(one, asyncio.CancelledError) for one in done[:25])


def test_work_that_hangs_does_not_hold_up_the_end() -> None:
    script = """
import asyncio, threading
from tocsin.notifiers._thread import in_a_thread
async def main():
    try:
        await asyncio.wait_for(in_a_thread(threading.Event().wait), 0.05)
    except TimeoutError:
        print("over")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "over\n", "")
