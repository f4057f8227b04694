"""The HTTP client: what it refuses to reach, what it refuses to swallow, and what it calls a failure."""

from __future__ import annotations

import gzip
import random
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.site import Site, serving

from tocsin import __version__, net
from tocsin.addresses import is_public
from tocsin.clock import ManualClock
from tocsin.errors import Permanent, Transient
from tocsin.net import Client, Decoder, TooLarge, backoff, host_and_port, retry_after

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

SPECIAL = [
    # IPv4: this host, private, shared, loopback, link-local and metadata, IETF, documentation, 6to4 relay,
    # benchmarks, multicast, reserved
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
    "169.254.0.1", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "192.168.255.255", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    # IPv6: unspecified, loopback, v4-compatible, v4-mapped, translated, NAT64 (well-known and local), discard,
    # Teredo, ORCHID, benchmarks, documentation
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:2::1", "2001:20::1", "2001:db8::1",
    "3fff::1",
    # 6to4 of loopback and private, segment routing, unique local and its metadata address, link-local with a zone,
    # site-local, multicast
    "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::", "5f00::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "ff0e::1", "192.0.0.171", "0.0.0.1", "::2", "fdff::1",
]  # fmt: skip
SPELLINGS = [
    "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0x0",
    "127.0.0.1.", "localhost", "LOCALHOST.",
    "⑫７.0.0.1", "127。0。0。1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::1]", "3232235521",
    "0xa9fea9fe",
]  # fmt: skip
PUBLIC = [
    "8.8.8.8", "1.1.1.1", "93.184.215.14", "223.255.255.1",
    "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
]  # fmt: skip


def _result(name: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=name, host=address, port=port, family=family, proto=0, flags=0)


class FakeResolver(AbstractResolver):
    """Gives each name its addresses in turn, one more with each question."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): turns for name, turns in answers.items()}
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked += 1
        turns = self.answers[host]
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        pass


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


def _client(site: Site | None = None, **options: object) -> Client:
    allow = frozenset({site.host}) if site else frozenset[str]()
    return Client(ManualClock(NOW), allow=allow, **options)  # type: ignore[arg-type]


# --- what may not be reached


def test_there_are_sixty_special_addresses() -> None:
    assert len(set(SPECIAL)) >= 60


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("nonsense", ["", "example.com", "2130706433", "1.2.3", "1.2.3.4.5"])
def test_what_is_no_address_is_not_public(nonsense: str) -> None:
    assert not is_public(nonsense)


@given(st.ip_addresses(v=4))
@settings(max_examples=300, deadline=None)
def test_mapped_addresses_are_judged_as_what_they_map_to(address) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))


async def test_no_special_address_is_connected_to_directly(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _count_sockets(monkeypatch)
    async with _client() as client:
        for address in [*SPECIAL, *SPELLINGS]:
            host = f"[{address}]" if ":" in address and "[" not in address else address
            with pytest.raises((Permanent, Transient)) as caught:
                await client.request("GET", f"http://{host}:{site.port}/secret")
            assert "secret" not in str(caught.value)
    assert made == []
    assert site.requests == []


async def test_no_special_address_is_reached_by_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _count_sockets(monkeypatch)
    for address in SPECIAL:
        async with _client(resolver=FakeResolver(evil_example=[[address]])) as client:
            with pytest.raises(Permanent, match="not a public address"):
                await client.request("GET", f"http://evil.example:{site.port}/")
    assert made == []
    assert site.requests == []


async def test_no_special_address_is_reached_by_a_redirect(site: Site) -> None:
    async with _client(site) as client:
        for address in [*SPECIAL, *SPELLINGS, "file:///etc/passwd", "gopher://127.0.0.1/"]:
            host = f"[{address}]" if ":" in address and "[" not in address and "/" not in address else address
            target = host if "://" in host else f"http://{host}:1/"
            site.answers(302, Location=target)
            count = len(site.requests)
            with pytest.raises((Permanent, Transient)):
                await client.request("GET", site.url, redirects=3)
            assert len(site.requests) == count + 1


async def test_a_name_that_changes_its_mind_is_judged_each_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = _count_sockets(monkeypatch)
    resolver = FakeResolver(rebind_example=[["8.8.8.8"], ["127.0.0.1"]])
    async with _client(resolver=resolver) as client:
        with pytest.raises(Transient, match="the test makes no connections"):
            await client.request("GET", f"http://rebind.example:{site.port}/")
        for _ in range(3):
            with pytest.raises(Permanent, match="not a public address"):
                await client.request("GET", f"http://rebind.example:{site.port}/")
    assert resolver.asked == 4
    assert passed == ["8.8.8.8"]
    assert site.requests == []


async def test_the_socket_is_checked_even_if_the_resolver_lied(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net, "PublicResolver", lambda inner: inner)
    async with _client(resolver=FakeResolver(evil_example=[["127.0.0.1"]])) as client:
        with pytest.raises(Permanent, match=r"127\.0\.0\.1 is not a public address"):
            await client.request("GET", f"http://evil.example:{site.port}/")
    assert site.requests == []


async def test_a_name_with_only_private_addresses_is_permanent() -> None:
    async with _client(resolver=FakeResolver(home_example=[["127.0.0.1", "10.0.0.1", "::1"]])) as client:
        with pytest.raises(Permanent, match=r"home\.example is 127\.0\.0\.1, which is not a public address"):
            await client.request("GET", "http://home.example/")


async def test_of_mixed_addresses_only_the_public_ones_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = _count_sockets(monkeypatch)
    async with _client(resolver=FakeResolver(mixed_example=[["127.0.0.1", "8.8.8.8", "::1"]])) as client:
        with pytest.raises(Transient):
            await client.request("GET", "http://mixed.example/")
    assert tried == ["8.8.8.8"]


def _count_sockets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that passed the check at the socket; none of them is really connected to."""
    passed: list[str] = []
    guard = net.public_socket

    def counted(info):
        guard(info).close()
        passed.append(info[4][0])
        raise OSError("the test makes no connections")

    monkeypatch.setattr(net, "public_socket", counted)
    return passed


async def test_an_allowed_host_is_reached_at_its_port_only(site: Site) -> None:
    async with _client(site) as client:
        assert (await client.request("GET", site.url)).body == b"ok"
        with pytest.raises(Permanent, match="not a public address"):
            await client.request("GET", f"http://127.0.0.1:{site.port - 1}/")


async def test_a_name_may_be_allowed(site: Site) -> None:
    resolver = FakeResolver(hooks_corp=[["127.0.0.1"]])
    async with Client(ManualClock(NOW), allow=frozenset({f"hooks.corp:{site.port}"}), resolver=resolver) as client:
        assert (await client.request("GET", f"http://HOOKS.corp:{site.port}/")).status == 200


async def test_proxies_of_the_environment_are_ignored(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with _client(site) as client:
        assert (await client.request("GET", site.url)).status == 200


@pytest.mark.parametrize("url", [
    "", "x", "/path", "file:///etc/passwd", "ftp://example.com/", "gopher://example.com", "http://", "http:///x",
    "http://exa mple.com:99999/", "http://example.com:0/",
    "http://user:canary@example.com/", "http://canary@example.com/", "javascript:canary", "http://[::1/",
    f"http://{'a' * 64}.example/", "http://..../", "http://*/",
])  # fmt: skip
async def test_bad_urls_are_permanent_and_not_repeated(url: str) -> None:
    async with _client() as client:
        with pytest.raises((Permanent, Transient)) as caught:
            await client.request("GET", url)
    assert "canary" not in str(caught.value)


def test_hosts_are_named_with_their_port() -> None:
    assert host_and_port("https://h.example/a") == "h.example:443"
    assert host_and_port("http://[::1]:81/a") == "[::1]:81"
    with pytest.raises(Permanent):
        host_and_port("nonsense")


# --- what comes back


async def test_a_good_answer(site: Site) -> None:
    site.answers(201, b"body", X_Thing="1")
    async with _client(site) as client:
        answer = await client.request("POST", site.url, body=b"sent", headers={"X-Mine": "yes"})
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (201, b"body", "1")
    (request,) = site.requests
    assert request.headers["User-Agent"] == f"tocsin/{__version__}"
    assert request.headers["X-Mine"] == "yes"
    assert await request.read() == b"sent"


async def test_a_large_body_is_sent(site: Site) -> None:
    async with _client(site) as client:
        await client.request("POST", site.url, body=b"x" * 3_000_000)
    assert len(await site.requests[0].read()) == 3_000_000
    assert site.requests[0].headers["Content-Length"] == "3000000"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_statuses_that_may_pass(site: Site, status: int) -> None:
    site.answers(status, Retry_After="17")
    async with _client(site) as client:
        with pytest.raises(Transient, match=f"answered {status}") as caught:
            await client.request("GET", site.url)
    assert caught.value.retry_after == 17
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("status", [300, 301, 302, 305, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451])
async def test_statuses_that_will_not_pass(site: Site, status: int) -> None:
    site.answers(status, Retry_After="17")
    async with _client(site) as client:
        with pytest.raises(Permanent, match=f"answered {status}"):
            await client.request("GET", site.url)


async def test_not_modified_is_a_good_answer(site: Site) -> None:
    site.answers(304)
    async with _client(site) as client:
        assert (await client.request("GET", site.url)).status == 304


async def test_a_hostile_reason_is_cleaned(site: Site) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=400, reason="no \x1b[31m way" + "y" * 500)

    site.handler = handler
    async with _client(site) as client:
        with pytest.raises((Permanent, Transient)) as caught:
            await client.request("GET", site.url)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


async def test_redirects_are_off_by_default(site: Site) -> None:
    site.answers(302, Location="/elsewhere")
    async with _client(site) as client:
        with pytest.raises(Permanent, match="moved to http://127"):
            await client.request("GET", site.url)
    assert len(site.requests) == 1


async def test_redirects_are_followed_when_asked_and_lose_headers_between_hosts(site: Site) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/path":
            raise web.HTTPFound("/second")
        if request.path == "/second":
            raise web.HTTPTemporaryRedirect(f"http://other.example:{site.port}/third")
        return web.Response(text=request.headers.get("Authorization", "none"))

    site.handler = handler
    allow = frozenset({site.host, f"other.example:{site.port}"})
    resolver = FakeResolver(other_example=[["127.0.0.1"]])
    async with Client(ManualClock(NOW), allow=allow, resolver=resolver) as client:
        headers = {"Authorization": "canary", "Range": "bytes=5-"}
        answer = await client.request("GET", site.url, headers=headers, redirects=2)
        assert answer.body == b"none"
        assert site.requests[-1].headers["Range"] == "bytes=5-"
        assert [request.headers.get("Authorization") for request in site.requests] == ["canary", "canary", None]
        with pytest.raises(Permanent, match="moved"):
            await client.request("GET", site.url, redirects=1)


async def test_a_body_is_never_sent_on_to_where_it_was_redirected(site: Site) -> None:
    site.answers(307, Location="/elsewhere")
    async with _client(site) as client:
        with pytest.raises(Permanent, match="moved"):
            await client.request("POST", site.url, body=b"signed", redirects=5)
    assert len(site.requests) == 1


async def test_an_endless_chain_of_redirects_ends(site: Site) -> None:
    site.answers(302, Location="/path")
    async with _client(site) as client:
        with pytest.raises(Permanent, match="moved"):
            await client.request("GET", site.url, redirects=5)
    assert len(site.requests) == 6


async def test_cookies_are_not_kept(site: Site) -> None:
    site.answers(200, Set_Cookie="session=1")
    async with _client(site) as client:
        await client.request("GET", site.url)
        await client.request("GET", site.url)
    assert all("Cookie" not in request.headers for request in site.requests)


# --- bodies


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


TEXT = b"".join(b"line %d of a long body\n" % number for number in range(20_000))


@pytest.mark.parametrize(("coding", "packed"), [
    ("gzip", gzip.compress(TEXT, mtime=0)), ("x-gzip", gzip.compress(TEXT, mtime=0)),
    ("GZIP", gzip.compress(TEXT[:1000], mtime=0) + gzip.compress(TEXT[1000:], mtime=0)),
    ("deflate", zlib.compress(TEXT)), ("deflate", _raw_deflate(TEXT)), ("identity", TEXT), ("", TEXT),
])  # fmt: skip
async def test_packed_bodies_are_unpacked(site: Site, coding: str, packed: bytes) -> None:
    site.answers(200, packed, Content_Encoding=coding)
    async with _client(site) as client:
        assert (await client.request("GET", site.url)).body == TEXT


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 65_536 * 3])
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_unpacking_loses_nothing_at_the_seams(size: int, step: int) -> None:
    packed = gzip.compress(b"z" * size)
    decoder = Decoder("gzip", None)
    parts = [part for start in range(0, len(packed), step) for part in decoder.feed(packed[start : start + step])]
    decoder.finish()
    assert b"".join(parts) == b"z" * size
    assert all(len(part) <= 65_536 for part in parts)


def test_what_the_inflater_holds_back_is_asked_for() -> None:
    """All input is taken in, 64 KiB have come out, and one byte waits inside."""
    packer = zlib.compressobj(1, wbits=-15)
    packed = packer.compress(b"z" * 65_537) + packer.flush()
    decoder = Decoder("deflate", None)
    assert sum(map(len, decoder.feed(packed))) == 65_537
    decoder.finish()


def _bomb(size: int = 256 * 2**20) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(size // 2**20)) + packer.flush()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity"])
async def test_bombs_are_defused(site: Site, coding: str) -> None:
    """256 MiB of zeros, packed or not, cost a few MiB here."""
    bombs = {"gzip": _bomb, "deflate": lambda: zlib.compress(bytes(64 * 2**20)), "identity": lambda: bytes(12 * 2**20)}
    site.answers(200, bombs[coding](), Content_Encoding=coding)
    async with _client(site) as client:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        with pytest.raises(TooLarge, match="larger than 8,388,608 bytes"):
            await client.request("GET", site.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak - before < 40 * 2**20


async def test_the_cap_is_exact(site: Site) -> None:
    site.answers(200, gzip.compress(b"x" * 1000), Content_Encoding="gzip")
    async with _client(site) as client:
        assert len((await client.request("GET", site.url, limit=1000)).body) == 1000
        with pytest.raises(TooLarge):
            await client.request("GET", site.url, limit=999)


def test_a_thousand_tiny_members_are_too_many() -> None:
    decoder = Decoder("gzip", 10**6)
    with pytest.raises(TooLarge, match="members"):
        for _ in decoder.feed(gzip.compress(b"", mtime=0) * 1001):
            pass


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "\x1b[31m"])
def test_unknown_codings_are_refused(coding: str) -> None:
    with pytest.raises(Permanent, match="not understood") as caught:
        Decoder(coding, None)
    assert "\x1b" not in str(caught.value)


WRONG_SUM = gzip.compress(TEXT, mtime=0)[:-4] + bytes(4)


@pytest.mark.parametrize("packed", [b"not gzip at all", WRONG_SUM, gzip.compress(b"x", mtime=0) + b"garbage"])
def test_damaged_bodies_are_permanent(packed: bytes) -> None:
    decoder = Decoder("gzip", None)
    with pytest.raises(Permanent, match="not gzip"):
        list(decoder.feed(packed))


def test_a_cut_body_may_be_whole_next_time() -> None:
    decoder = Decoder("gzip", None)
    list(decoder.feed(gzip.compress(TEXT)[:-9]))
    with pytest.raises(Transient, match="ends early"):
        decoder.finish()


# --- waiting


@pytest.mark.parametrize(("header", "seconds"), [
    (None, None), ("", None), ("0", 0), ("120", 120), (" 5 ", 5), ("-5", None), ("1.5", None), ("soon", None),
    ("99999999999999999999", 86_400),
    ("Sun, 22 Nov 2026 12:00:30 GMT", 30), ("Sun, 22 Nov 2026 11:00:00 GMT", 0), ("Sunday, 22-Nov-26 12:01:00 GMT", 60),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ("Sun, 99 Nov 2026 12:00:30 GMT", None), ("٣", None),
])  # fmt: skip
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_backoff_grows_to_its_cap_with_full_jitter() -> None:
    chance = random.Random(1)
    for attempt, most in [(0, 1.0), (1, 2.0), (5, 32.0), (6, 60.0), (10_000, 60.0)]:
        waits = [backoff(attempt, chance) for _ in range(300)]
        assert all(0 <= wait <= most for wait in waits)
        assert max(waits) > 0.9 * most
        assert min(waits) < 0.1 * most


def test_backoff_is_as_random_as_it_is_told() -> None:
    assert [backoff(3, random.Random(7)) for _ in range(3)] == [backoff(3, random.Random(7))] * 3
    assert backoff(2, random.Random(7), base=0.001, cap=0.002) <= 0.002
