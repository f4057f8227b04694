"""A Hugging Face Hub on loopback: one repository, its API, its redirect to where large files are, and its refusals.

As the Hub answers: the listing with `blobs=true` has Git's hash of small files and the SHA-256 of large ones; a large
file is redirected to another path, which takes ranges; errors name their kind in `X-Error-Code`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEWER = "fedcba9876543210fedcba9876543210fedcba98"
REPOSITORY = "acme/tiny"
_LARGE = (".onnx", ".safetensors", ".bin")


class FakeHub:
    """Serves `files` as `acme/tiny`.

    `cuts`: after how many bytes each of the next downloads of a large file breaks off; `refusals`: (status, headers)
    of the next requests; `gated`: files need the token; `corrupt`: large files have one byte other than listed;
    `ranges`: whether ranges are taken.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.commit = COMMIT
        self.cuts: list[int] = []
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.gated = False
        self.token = "canary-token"
        self.corrupt = False
        self.ranges = True
        self.requests: list[tuple[str, str | None, str | None]] = []
        """Path, Range and Authorization of each request."""
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, request.headers.get("Range"), request.headers.get("Authorization")))
        if self.refusals:
            status, headers = self.refusals.pop(0)
            return web.Response(status=status, headers=headers)
        path = request.path.strip("/")
        if path.startswith("api/models/"):
            return self._listing(path, request)
        if path.startswith("cdn/"):
            return await self._large(path.removeprefix("cdn/"), request)
        return self._resolve(path, request)

    def _listing(self, path: str, request: web.Request) -> web.StreamResponse:
        if not path.startswith(f"api/models/{REPOSITORY}/revision/"):
            return web.Response(status=401, headers={"X-Error-Code": "RepoNotFound"})
        if path.rpartition("/")[2] not in ("main", self.commit):
            return web.Response(status=404, headers={"X-Error-Code": "RevisionNotFound"})
        assert request.query == {"blobs": "true"}
        siblings = [self._sibling(name, data) for name, data in self.files.items()]
        return web.json_response({"id": REPOSITORY, "sha": self.commit, "private": False, "siblings": siblings})

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        sibling: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith(_LARGE):
            sibling["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return sibling

    def _resolve(self, path: str, request: web.Request) -> web.StreamResponse:
        name = path.removeprefix(f"{REPOSITORY}/resolve/{self.commit}/")
        if name not in self.files:
            return web.Response(status=404, headers={"X-Error-Code": "EntryNotFound"})
        if self.gated and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, headers={"X-Error-Code": "GatedRepo"})
        if name.endswith(_LARGE):
            return web.Response(status=302, headers={"Location": f"{self.url}/cdn/{name}?signature=canary"})
        return web.Response(body=self.files[name], headers={"ETag": f'"{self._sibling(name, b"")["blobId"]}"'})

    async def _large(self, name: str, request: web.Request) -> web.StreamResponse:
        data = self.files[name]
        if self.corrupt:
            data = bytes([data[0] ^ 1]) + data[1:]
        asked = request.headers.get("Range") if self.ranges else None
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        response = web.StreamResponse(status=206 if asked else 200)
        response.content_length = len(data) - first
        if asked:
            response.headers["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
        await response.prepare(request)
        if self.cuts:
            await response.write(data[first : first + self.cuts.pop(0)])
            assert request.transport is not None
            await asyncio.sleep(0.05)
            request.transport.abort()
            return response
        await response.write(data[first:])
        return response


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a model's directory, as a repository holds them."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "expected.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Serve from a thread of its own, since those who ask block."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(_app(hub), access_log=None, shutdown_timeout=0.1)

    async def start() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield hub
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _app(hub: FakeHub) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hub.handle)
    return app


def config_json(files: dict[str, bytes], **changed: Any) -> bytes:
    """The repository's config.json with some keys changed."""
    return json.dumps(json.loads(files["config.json"]) | changed).encode()
