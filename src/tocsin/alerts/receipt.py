"""The versions that an incident can be computed again with: of the lake, the config, the models and the code.

Kept beside the incident, not in it: two lakes with the same posts give the same incident and two receipts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from tocsin import __version__

JUDGING = ("alerts", "detectors", "pipeline", "series", "model.py", "severity.py")
"""The parts of the package that an incident follows from."""


def of(definitions: Mapping[str, str], models: str) -> dict[str, Any]:
    """The versions of everything but the lake. `definitions` are those of the policies, `models` of the enrichers."""
    return {
        "tocsin": __version__,
        "code": code(),
        "policies": {name: digest(definition.encode()) for name, definition in sorted(definitions.items())},
        "models": models,
    }


@cache
def code() -> str:
    """A digest of the source of everything that judges."""
    root, found = resources.files("tocsin"), hashlib.blake2b(digest_size=8)
    for name in JUDGING:
        for file in _files(root / name):
            if file.name.endswith(".py"):
                found.update(file.name.encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def _files(part: Traversable) -> Iterator[Traversable]:
    """The files of a part of the package, in order."""
    if part.is_file():
        yield part
    elif part.is_dir():
        for inner in sorted(part.iterdir(), key=lambda one: one.name):
            yield from _files(inner)


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def changed_since(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not as it was, in words.

    >>> changed_since({"tocsin": "1.0", "code": "a", "policies": {"volume": "x"}}, {"tocsin": "1.1", "code": "b"})
    ['Tocsin was 1.0 and is 1.1', 'the policy volume has gone']
    """
    said = []
    if then.get("tocsin") != now.get("tocsin"):
        said.append(f"Tocsin was {then.get('tocsin')} and is {now.get('tocsin')}")
    elif then.get("code") != now.get("code"):
        said.append("the code of the detector or of the alerts has changed")
    before, after = then.get("policies", {}), now.get("policies", {})
    for name in sorted({*before, *after}):
        if name not in after:
            said.append(f"the policy {name} has gone")
        elif name not in before:
            said.append(f"the policy {name} is new")
        elif before[name] != after[name]:
            said.append(f"the policy {name} has changed, or what it counts")
    if then.get("models") != now.get("models"):
        said.append("the models of the enrichers have changed")
    return said
