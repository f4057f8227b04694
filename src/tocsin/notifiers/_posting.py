"""What notifiers that speak HTTP have in common: one bounded request, its time-outs, whom they may reach."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from tocsin.component import Context
from tocsin.errors import ConfigError
from tocsin.net import Answer, AnyStatus, Client, Timeouts, host_and_port
from tocsin.options import Duration, Options
from tocsin.text import safe_url

JSON = "application/json"


class PostingOptions(Options):
    """Options of every notifier that speaks HTTP."""

    allow_private: bool = False
    """Whether the address may be on this machine or in a private network."""
    timeout: Duration = 15.0
    """How long to wait for the answer."""


class Posting:
    """Posts to one address. Raises ConfigError, on making it, for one that cannot be posted to."""

    def __init__(self, url: str, options: PostingOptions, context: Context) -> None:
        if safe_url(url) is None:
            message = f"the url of the destination '{context.name}' is not one that can be posted to"
            raise ConfigError(message, hint="write https://host/path, without a user or password")
        self._url, self._clock = url, context.clock
        self._allow = frozenset({host_and_port(url)} if options.allow_private else ())
        self._timeouts = Timeouts(connect=options.timeout, read=options.timeout, total=options.timeout)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Raises Transient or Permanent as `net.Client.request` does."""
        async with Client(self._clock, allow=self._allow, timeouts=self._timeouts) as client:
            return await client.request("POST", self._url, body=body, headers=headers)

    async def ask(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Any answer, refusals too, for platforms that say in its body what was wrong."""
        async with AnyStatus(self._clock, allow=self._allow, timeouts=self._timeouts) as client:
            return await client.request("POST", self._url, body=body, headers=headers)

    async def post_json(self, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.post(msgspec.json.encode(body), {"Content-Type": JSON, **(headers or {})})


def multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """A form (RFC 7578) and its Content-Type. `files`: field -> (file name, PNG)."""
    content = b"".join([*(value.encode() for value in fields.values()), *(file for _, file in files.values())])
    border = "tocsin-" + hashlib.blake2b(content, digest_size=16).hexdigest()
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, (file_name, file) in files.items():
        head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + file + b"\r\n")
    return b"".join(parts) + f"--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"
