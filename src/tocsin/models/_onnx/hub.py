"""Files of a Hugging Face Hub repository, by the project's own HTTP client: https://huggingface.co/docs/hub/api

Asked are `/api/models/REPO/revision/REVISION?blobs=true` for names, sizes and hashes, then
`/REPO/resolve/COMMIT/FILE` for each file that is wanted. A file counts only if its hash is the one that was listed:
SHA-256 for large files, Git's blob hash for small ones. What broke off goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from tocsin.clock import Clock
from tocsin.errors import ConfigError, Permanent, Transient
from tocsin.net import Client, Timeouts, backoff, host_and_port, pieces

log = logging.getLogger(__name__)

PUBLIC = "https://huggingface.co"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
REVISION = re.compile(r"[\w][\w./-]{0,127}")
COMMIT = re.compile(r"[0-9a-f]{40}")
_TRIES = 5
_LONGEST_WAIT = 300.0
_MAX_LISTING = 32 * 2**20
_TIMEOUTS = Timeouts(connect=10.0, read=30.0, total=None)
_REASONS = {
    "answered 401": "there is no such model, or it is private or gated: accept its terms and set token:",
    "answered 403": "the token may not read it: accept the model's terms on its page",
    "answered 404": "there is no such model, revision or file: look at its name",
    "answered 429": "the hub wants fewer requests: wait, or set token:",
}


class Told(Protocol):
    """Who wants to know how far a download is: the bytes that came since the last call."""

    def __call__(self, size: int) -> None: ...


@dataclass(frozen=True)
class Remote:
    """A file as the hub lists it. `digest` is the SHA-256 of its bytes, or Git's hash of the blob."""

    name: str
    size: int
    digest: str
    git: bool


@dataclass(frozen=True)
class Listing:
    """A repository at one commit."""

    commit: str
    files: Mapping[str, Remote]


class Hub:
    """A hub at one address. Its calls block; they may be made whether or not an event loop runs."""

    def __init__(self, endpoint: str, token: str | None, clock: Clock, random: random.Random) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._allow = frozenset() if self._endpoint == PUBLIC else frozenset({host_and_port(self._endpoint)})
        self._clock, self._random = clock, random

    def listing(self, repository: str, revision: str) -> Listing:
        """What is in a repository. Raises ConfigError."""
        url = f"{self._endpoint}/api/models/{repository}/revision/{quote(revision, safe='')}?blobs=true"
        with _explained(repository):
            return _listing(_run(self._listed(url)))

    def fetch(self, repository: str, listing: Listing, wanted: Collection[str], folder: Path, told: Told) -> None:
        """Bring files into a folder; those that are there already are left. Raises ConfigError."""
        with _explained(repository):
            _run(self._fetched(repository, listing, wanted, folder, told))

    async def _listed(self, url: str) -> bytes:
        async with self._client() as client:
            for attempt in range(_TRIES):
                try:
                    answer = await client.request("GET", url, headers=self._headers, limit=_MAX_LISTING, redirects=3)
                    return answer.body
                except Transient as error:
                    await self._wait(error, attempt)
        raise AssertionError("the last try raises")

    async def _fetched(
        self, repository: str, listing: Listing, wanted: Collection[str], folder: Path, told: Told
    ) -> None:
        async with self._client() as client:
            for name in wanted:
                remote = listing.files[name]
                url = f"{self._endpoint}/{repository}/resolve/{listing.commit}/{quote(name)}"
                if not (folder / name).is_file():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    await self._file(client, url, remote, folder / name, told)

    async def _file(self, client: Client, url: str, remote: Remote, place: Path, told: Told) -> None:
        """One file, in as many goes as it takes while each brings something."""
        part = place.with_name(f".{place.name}.part")
        attempt = 0
        while True:
            had = part.stat().st_size if part.is_file() else 0
            try:
                if had < remote.size or not had:
                    await self._go_on(client, url, remote, part, told)
                break
            except Transient as error:
                now = part.stat().st_size if part.is_file() else 0
                attempt = 0 if now > had else attempt + 1
                await self._wait(error, attempt)
        if not _is_it(part, remote):
            part.unlink()
            raise Permanent(f"{remote.name} came with another hash than the hub lists, and was thrown away: try again")
        part.rename(place)

    async def _go_on(self, client: Client, url: str, remote: Remote, part: Path, told: Told) -> None:
        had = part.stat().st_size if part.is_file() else 0
        headers = {**self._headers, **({"Range": f"bytes={had}-"} if had else {})}
        async with client.stream("GET", url, headers=headers, redirects=5) as response:
            resumed = had > 0 and response.status == 206 and _starts_at(response.headers.get("Content-Range"), had)
            if had and not resumed:
                told(-had)
            size = had if resumed else 0
            with part.open("ab" if resumed else "wb") as file:
                async for piece in pieces(response, None):
                    size += len(piece)
                    if size > remote.size:
                        raise Permanent(f"{remote.name} is larger than the {remote.size:,} bytes that the hub lists")
                    file.write(piece)
                    told(len(piece))
        if size < remote.size:
            raise Transient(f"{remote.name} broke off after {size:,} of {remote.size:,} bytes")

    async def _wait(self, error: Transient, attempt: int) -> None:
        asked = error.retry_after or 0.0
        if attempt + 1 >= _TRIES or asked > _LONGEST_WAIT:
            raise error
        await self._clock.sleep(max(asked, backoff(attempt, self._random)))

    def _client(self) -> Client:
        return Client(self._clock, allow=self._allow, timeouts=_TIMEOUTS)


def _starts_at(content_range: str | None, first: int) -> bool:
    return re.match(rf"bytes {first}-", content_range or "") is not None


def _run(work: Any) -> Any:
    """Run to its end in a thread with a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """What went wrong on the way, as one line that also says what to do."""
    try:
        yield
    except (Transient, Permanent) as error:
        said = str(error)
        by_hand = "without a network put the files into a directory and write hf:./DIRECTORY"
        hint = next((reason for mark, reason in _REASONS.items() if mark in said), by_hand)
        raise ConfigError(f"the model {repository} cannot be fetched: {said}", hint=hint) from None
    except OSError as error:
        raise ConfigError(f"the model {repository} cannot be kept: {error.strerror}: {error.filename}") from None


def _listing(body: bytes) -> Listing:
    try:
        said = msgspec.json.decode(body)
        files = [_remote(sibling) for sibling in said["siblings"]]
        commit = said["sha"]
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        raise Permanent("its list of files is not one that the hub's API gives; is HF_ENDPOINT a hub?") from None
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise Permanent("the hub names no commit for this revision")
    return Listing(commit, {file.name: file for file in files if _harmless(file.name)})


def _remote(sibling: Mapping[str, Any]) -> Remote:
    large = sibling.get("lfs")
    if large:
        return Remote(str(sibling["rfilename"]), int(large["size"]), str(large["sha256"]), git=False)
    return Remote(str(sibling["rfilename"]), int(sibling["size"]), str(sibling["blobId"]), git=True)


def _harmless(name: str) -> bool:
    """Whether a name leads nowhere but into the folder."""
    return bool(re.fullmatch(r"[\w.,+ -]+(/[\w.,+ -]+)*", name)) and not any(
        part.startswith(".") for part in name.split("/")
    )


def _is_it(file: Path, remote: Remote) -> bool:
    digest = hashlib.sha1(usedforsecurity=False) if remote.git else hashlib.sha256()
    if remote.git:
        digest.update(f"blob {remote.size}\0".encode())
    with file.open("rb") as opened:
        while piece := opened.read(2**20):
            digest.update(piece)
    return digest.hexdigest() == remote.digest
