"""Which addresses on the network anybody may be reached at, and a resolver and sockets that reach no others."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from tocsin.text import one_line

_NOT_GLOBAL = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip
_UNICAST = ipaddress.IPv6Network("2000::/3")


class Refused(OSError):
    """A connection that is not made, because the address is not public."""


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet may be reached at.

    >>> is_public("8.8.8.8"), is_public("::ffff:127.0.0.1"), is_public("64:ff9b::7f00:1")
    (True, False, False)
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _UNICAST:
            return False
    known = not any(ip in network for network in _NOT_GLOBAL if network.version == ip.version)
    return known and ip.is_global and not ip.is_multicast


class PublicResolver(AbstractResolver):
    """A resolver that gives public addresses only."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [result for result in found if is_public(result["host"])]
        if found and not public:
            raise Refused(f"{one_line(host, 100)} is {found[0]['host']}, which is not a public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


def public_socket(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
    family, kind, proto, _, address = info
    if not is_public(str(address[0])):
        raise Refused(f"{address[0]} is not a public address")
    return socket.socket(family, kind, proto)
