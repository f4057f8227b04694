"""Which reader a file needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pyarrow as pa

from tocsin.errors import ConfigError
from tocsin.sources._csv import Csv
from tocsin.sources._json import JsonArray, JsonLines, Parquet
from tocsin.sources._records import Nothing, Reader
from tocsin.sources._unpack import KEPT, Bytes

Format = Literal["csv", "jsonl", "json", "parquet"]


def open_reader(path: Path, format: Format | None, delimiter: str | None, encoding: str) -> Reader:
    """A reader of the format named, or of the one that the first bytes and the name of the file speak for.

    Raises ConfigError for a file that no option can make readable, OSError if it cannot be opened.
    """
    data = Bytes(path)
    try:
        head = data.read(KEPT)
        fault = data.fault
    finally:
        data.close()
    if not head.strip() or (fault and not re.search(rb"[\r\n]", head)):
        return Nothing(fault)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"{path} is UTF-16", hint="make it UTF-8, for example with: iconv -f utf-16 -t utf-8")
    found = format or _guess(path, head)
    if found == "parquet":
        try:
            return Parquet(path)
        except pa.ArrowException as error:
            return Nothing(f"the Parquet file is cut off or damaged: {error}")
    if found == "jsonl":
        return JsonLines(path, encoding)
    return JsonArray(path, encoding) if found == "json" else Csv(path, delimiter, encoding)


def _guess(path: Path, head: bytes) -> Format:
    if head.startswith(b"PAR1"):
        return "parquet"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{") or {".jsonl", ".ndjson"} & set(path.suffixes):
        return "jsonl"
    return "json" if re.match(rb"\[\s*[{\]]", start) else "csv"
