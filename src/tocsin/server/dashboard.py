"""The dashboard's files: built from `web/`, shipped with the package. Any other address is the page itself."""

from __future__ import annotations

import gzip
from functools import lru_cache
from importlib import resources
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tocsin.server.app import APP, Site

KINDS = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml", ".json": "application/json", ".woff2": "font/woff2", ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}  # fmt: skip
HOME = "index.html"


def folder() -> Path:
    """Where the built files lie."""
    return Path(str(resources.files("tocsin.server"))) / "web"


def routes(_: Site) -> list[BaseRoute]:
    """`/assets/…`, and the page at every address that no other route has."""

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _names():
            return JSONResponse({"error": "there is no such file"}, 404)
        return _file(request, f"assets/{name}", "public, max-age=31536000, immutable")

    async def page(request: Request) -> Response:
        path = request.url.path
        if path.startswith(("/api/", "/i/")):
            return JSONResponse({"error": "there is nothing at this address"}, 404)
        name = path.strip("/") if path in {"/favicon.svg"} else HOME
        return _file(request, name, "no-cache")

    return [
        Route("/assets/{name}", asset, methods=["GET"]),
        Route("/{path:path}", page, methods=["GET"]),
    ]


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(file.name for file in (folder() / "assets").iterdir())


def _file(request: Request, name: str, cache: str) -> Response:
    plain, packed = _read(name)
    headers = {"cache-control": cache, "content-security-policy": APP.decode(), "vary": "accept-encoding"}
    kind = KINDS[Path(name).suffix]
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, headers=headers | {"content-encoding": "gzip"}, media_type=kind)
    return Response(plain, headers=headers, media_type=kind)


@lru_cache(maxsize=64)
def _read(name: str) -> tuple[bytes, bytes | None]:
    plain = (folder() / name).read_bytes()
    packed = gzip.compress(plain, 9, mtime=0)
    return plain, packed if len(packed) < len(plain) else None
