"""What the kernel holds the SQL child to, without any rights of its own: resource limits, and Landlock on Linux.

Landlock: https://docs.kernel.org/userspace-api/landlock.html (Linux 5.13 on). Where a kernel has none, the limit on
file size still keeps a byte from being written.
"""

from __future__ import annotations

import ctypes
import math
import os
import resource
import sys
from collections.abc import Sequence

from tocsin.sql.protocol import Limits

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_NEWER_FILE_RIGHTS = 16
_TCP_RIGHTS, _TCP_SINCE = 0b11, 4


class _Ruleset(ctypes.Structure):
    _fields_ = (("file", ctypes.c_uint64), ("network", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def limit(limits: Limits) -> None:
    """Bound memory and processor time; let no byte go to any file; leave no core dump."""
    _lower(resource.RLIMIT_AS, _address_space() + limits.memory)
    _lower(resource.RLIMIT_CPU, math.ceil(limits.seconds * limits.threads))
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _address_space() -> int:
    """Bytes of address space in use now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        return 1 << 30


def enclose(readable: Sequence[str]) -> bool:
    """From now on this thread and those it starts can open only what lies in the `readable` folders, to read it.

    No socket connects either (Linux 6.7 on). Says whether the kernel knows Landlock.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    if version < 1:
        return False
    file_rights = (1 << _FILE_RIGHTS.get(version, _NEWER_FILE_RIGHTS)) - 1
    rules = _Ruleset(file_rights, _TCP_RIGHTS if version >= _TCP_SINCE else 0)
    size = ctypes.sizeof(rules) if version >= _TCP_SINCE else 8
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)))
    for path in readable:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _Beneath(_READ_FILE | _READ_FOLDER, folder)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
        os.close(folder)
    _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)))
    os.close(ruleset)
    return True


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
