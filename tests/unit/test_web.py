"""The dashboard's files: built from their sources, small, and asking for nothing from elsewhere."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tocsin.server.dashboard import folder

WEB = Path(__file__).parents[2] / "web"
FILES = sorted(file for file in folder().rglob("*") if file.is_file())
APP, MAP = 120_000, 60_000
"""Bytes, packed, of the app and of its map."""


def packed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 9))


def test_the_app_and_the_map_are_small() -> None:
    page = (folder() / "index.html").read_text()
    names = {file.name: file for file in FILES}
    first = re.findall(r"/assets/([\w.-]+)", page)
    assert sum(packed(names[name]) for name in first) <= APP
    rest = [file for file in FILES if file.name not in {*first, "index.html", "favicon.svg", "licences.txt"}]
    assert sum(map(packed, rest)) <= MAP


def test_nothing_in_them_asks_for_anything_from_elsewhere() -> None:
    known = {"www.w3.org", "react.dev", "example.com"}
    for file in FILES:
        if file.suffix in {".js", ".css", ".html"}:
            hosts = set(re.findall(r"https?://([\w.-]+\.\w+)", file.read_text()))
            assert hosts <= known, (file.name, hosts)


def test_the_page_has_no_script_or_style_of_its_own() -> None:
    page = (folder() / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*src=)", page)
    assert "<style" not in page
    assert " style=" not in page
    assert not re.search(r"\son\w+=", page)


def test_building_them_again_gives_the_same_bytes(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (WEB / "node_modules" / "esbuild").exists():
        pytest.skip("there is no Node here, or `make web-setup` was not run")
    subprocess.run(["node", "build.mjs", str(tmp_path / "web")], cwd=WEB, check=True, timeout=120)
    made = {
        str(file.relative_to(tmp_path / "web")): file.read_bytes()
        for file in (tmp_path / "web").rglob("*")
        if file.is_file()
    }
    kept = {str(file.relative_to(folder())): file.read_bytes() for file in FILES}
    assert sorted(made) == sorted(kept), "run `make web`"
    assert made == kept, "run `make web`"


def test_the_types_hold() -> None:
    compiler = WEB / "node_modules" / "typescript" / "bin" / "tsc"
    if shutil.which("node") is None or not compiler.exists():
        pytest.skip("there is no Node here, or `make web-setup` was not run")
    found = subprocess.run(
        ["node", str(compiler), "--noEmit"], cwd=WEB, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.stdout == ""


def test_the_lock_names_no_address() -> None:
    assert "://" not in (WEB / "package-lock.json").read_text()
