"""What goes wrong when the table's files are written, in errors of ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from deltalake.exceptions import DeltaError

from tocsin.errors import LowSpace, Transient


@contextmanager
def writing(root: Path) -> Iterator[None]:
    try:
        yield
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise not_written(root, error) from error


def not_written(root: Path, error: Exception) -> Transient:
    """A full disk and its like may pass: what was not committed is tried again by whoever asked for it."""
    reason = str(error).splitlines()[0]
    kind = LowSpace if os.strerror(errno.ENOSPC) in reason else Transient
    return kind(f"{root}: the lake cannot be written ({reason})")
