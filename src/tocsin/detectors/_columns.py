"""State of many series as arrays: one column a series, grown together, saved and loaded as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


class Columns:
    """Base of a dataclass of arrays whose last axis is the series. New series are zeros everywhere."""

    def arrays(self) -> Iterator[tuple[str, Array]]:
        for field in fields(self):  # type: ignore[arg-type]
            yield field.name, getattr(self, field.name)

    def grow(self, more: int) -> None:
        for name, array in self.arrays():
            new = np.zeros((*array.shape[:-1], more), array.dtype)
            setattr(self, name, np.concatenate([array, new], axis=-1))


def floats(*shape: int) -> Floats:
    """No series yet: zeros of this shape and a last axis of length 0."""
    return np.zeros((*shape, 0), np.float32)


class _Stored(msgspec.Struct, array_like=True):
    type: str
    shape: tuple[int, ...]
    data: bytes


class Packed(msgspec.Struct):
    """What `pack` wrote."""

    header: dict[str, Any]
    arrays: dict[str, _Stored]

    def restore(self, part: str, columns: Columns, size: int) -> None:
        """Fill the arrays of a part that was packed under this name. Raises KeyError, TypeError or ValueError."""
        for name, like in list(columns.arrays()):
            stored, little = self.arrays[f"{part}.{name}"], like.dtype.newbyteorder("<")
            if stored.type != little.str or stored.shape != (*like.shape[:-1], size):
                raise ValueError(f"{part}.{name} is {stored.type} {stored.shape}")
            setattr(columns, name, np.frombuffer(stored.data, little).reshape(stored.shape).astype(like.dtype))


def pack(header: Mapping[str, Any], parts: Mapping[str, Columns]) -> bytes:
    """Header and arrays in MessagePack, little-endian: the same bytes for the same content on every machine."""
    stored = {}
    for part, columns in parts.items():
        for name, array in columns.arrays():
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            stored[f"{part}.{name}"] = _Stored(little.dtype.str, little.shape, little.tobytes())
    return msgspec.msgpack.encode(Packed(dict(header), stored))


def unpack(saved: bytes) -> Packed:
    """Raises msgspec.DecodeError if the bytes are not ours."""
    return msgspec.msgpack.decode(saved, type=Packed)
