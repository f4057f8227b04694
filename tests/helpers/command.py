"""The command as a person runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

TOCSIN = str(Path(sys.executable).with_name("tocsin"))


def run(arguments: Sequence[str], cwd: Path, prefix: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """`tocsin ARGUMENTS`, to its end; without the variables that would change what it prints."""
    environ = {name: value for name, value in os.environ.items() if name not in ("TOCSIN_DEBUG", "FORCE_COLOR")}
    command = [*prefix, TOCSIN, *arguments]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=240)


def without_network() -> list[str]:
    """What to put before a command so that it has no network at all; nothing where that is not allowed here."""
    for prefix in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        tool = shutil.which(prefix[0])
        if tool and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return []
