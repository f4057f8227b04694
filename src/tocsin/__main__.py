"""`tocsin`, and `python -m tocsin`."""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Run the command line; ends the process with its exit code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for small matrices more threads are slower; read by numpy
    from tocsin.cli import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="tocsin")


if __name__ == "__main__":
    main()
