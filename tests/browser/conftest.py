"""A whole Tocsin on loopback, run as a user runs it, and a browser on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.helpers.command import TOCSIN

from tocsin.sources.scenario import Config as Scenario
from tocsin.sources.scenario import Incident

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
LISTENING = re.compile(r"Listening on (http://127\.0\.0\.1:\d+)\.")
DEMO = Path(__file__).parents[2] / "src" / "tocsin" / "cli" / "_demo.yaml"

expect.set_options(timeout=20_000)
"""A machine that does three things at once is slow."""


class House:
    """`tocsin run` in a folder; `inbox` takes posts."""

    def __init__(self, folder: Path, sources: dict[str, object]) -> None:
        self.folder, port = folder, _free_port()
        inbox = {"inbox": {"type": "webhook", "port": port}}
        text = DEMO.read_text(encoding="utf-8")
        text += yaml.safe_dump({"sources": {**sources, **inbox}, "server": {"port": 0}})
        (folder / "tocsin.yaml").write_text(text, encoding="utf-8")
        self.log = folder / "log.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([str(TOCSIN), "run"], cwd=folder, stdout=log, stderr=log)
        self.url = self._said(LISTENING)
        self._inbox = f"http://127.0.0.1:{port}/events"
        self._listens(port)

    def _said(self, wanted: re.Pattern[str]) -> str:
        for _ in range(1200):
            if found := wanted.search(self.log.read_text(errors="replace")):
                return found[1]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def _listens(self, port: int) -> None:
        for _ in range(300):
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def post(self, *texts: str, **values: object) -> None:
        """Posts, written now."""
        made = [{"id": f"{time.monotonic_ns()}-{n}", "text": text, **values} for n, text in enumerate(texts)]
        body = "\n".join(json.dumps(one) for one in made).encode()
        request = urllib.request.Request(self._inbox, body, {"Content-Type": "application/x-ndjson"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status < 300

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def wait_for(self, path: str, good: Callable[[Any], bool]) -> Any:
        """The answer once it is good."""
        for _ in range(600):
            found = self.get(path)
            if good(found):
                return found
            time.sleep(0.2)
        raise AssertionError(found)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def story(now: datetime) -> dict[str, object]:
    """Three days of three brands; an outage of acme began a quarter of an hour ago."""
    length = timedelta(days=3)
    outage = Incident(watch="acme", at=(length - timedelta(minutes=15)).total_seconds(), duration=900, factor=12)
    made = Scenario(
        seed=5, start=now - length, duration=length.total_seconds(), rate=90, watches=("acme", "borealis", "cumulo"),
        incidents=(outage,), speed="max",
    )  # fmt: skip
    return {"type": "scenario", **made.model_dump(mode="json", exclude_defaults=True)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file: while it runs, there is an event loop in this thread, which other tests could not bear."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here: `make browser` installs it where that is allowed")
    with sync_playwright() as playwright:
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"), {"stream": story(datetime.now(UTC))})
    made.wait_for("/api/incidents?state=open", lambda found: any(one["told"] for one in found["rows"]))
    made.wait_for(
        "/api/system", lambda found: found["index"] and found["index"]["behind"] == 0 and found["lake"]["rows"]
    )
    yield made
    made.close()


class Tab:
    """A page, and everything that went wrong in it: errors, and requests to elsewhere."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.base, self.wrong = base, list[str]()
        context.set_default_timeout(30_000)
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on(
            "request", lambda one: None if one.url.startswith((base, "data:", "blob:")) else self.wrong.append(one.url)
        )

    def go(self, path: str) -> Page:
        self.page.goto(self.base + path)
        self.page.wait_for_selector("main .panel")
        return self.page


@pytest.fixture
def tab(browser: Browser, house: House, request: pytest.FixtureRequest) -> Iterator[Tab]:
    options = getattr(request, "param", {})
    with browser.new_context(**({"viewport": {"width": 1360, "height": 900}} | options)) as context:
        made = Tab(context, house.url)
        yield made
        assert made.wrong == []
