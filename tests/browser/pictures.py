"""Takes the pictures of the manual: a run of its own, a browser on it, and files in docs/pictures."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import sync_playwright
from tests.browser.conftest import CHROMIUM, House, story

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
DESK, PHONE = {"width": 1360, "height": 1000}, {"width": 390, "height": 844}


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        house = House(Path(folder), {"stream": story(datetime.now(UTC))})
        try:
            found = house.wait_for("/api/incidents?state=open", lambda all_: any(one["told"] for one in all_["rows"]))
            house.wait_for("/api/system", lambda one: one["index"] and one["index"]["behind"] == 0)
            id = next(one["id"] for one in found["rows"] if one["told"])
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for name, path, size, theme in (
                ("overview", "/", DESK, "light"), ("overview-dark", "/", DESK, "dark"),
                ("alert", f"/alerts/{id}", DESK, "light"), ("phone", "/", PHONE, "light"),
                ("posts", "/posts?category=outage", DESK, "light"),
            ):  # fmt: skip
                page = browser.new_page(viewport=size, color_scheme=theme)  # type: ignore[arg-type]
                page.goto(house.url + path)
                page.wait_for_selector(".chart, .post")
                page.wait_for_timeout(9000)
                page.screenshot(path=PICTURES / f"{name}.png")
                page.close()
            browser.close()
        finally:
            house.close()


if __name__ == "__main__":
    main()
