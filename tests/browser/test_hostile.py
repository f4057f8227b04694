"""Two hundred posts that want to be more than text, on every page that shows posts: none of them is (S1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.browser.conftest import House, Tab
from tests.helpers.hostile import MARK, PAYLOADS

HOOK = """window.__ran = [];
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => window.__ran.push(name);"""
CONTROLS = "[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]"
SHOWN = """(controls) => {
  const all = [...document.querySelectorAll('*')], count = (what) => document.querySelectorAll(what).length;
  const links = [...document.querySelectorAll('a')].map((one) => one.getAttribute('href'));
  return {
    ran: window.__ran,
    scripts: count('script:not([src^="/assets/"])'),
    frames: count('iframe, object, embed, form[action], meta[http-equiv], base'),
    handlers: all.filter((one) => [...one.attributes].some((has) => /^on/i.test(has.name))).length,
    links: links.filter((to) => !/^(\\/|https?:|#|blob:)/i.test(to)),
    controls: new RegExp(controls).test(document.body.innerText),
  };
}"""
PAGES = ("/", "/posts", "/places", "/compare", "/query?sql=SELECT+text,+author_handle+FROM+posts")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("hostile"), {})
    for number, payload in enumerate(PAYLOADS):
        author = {"id": str(number), "handle": payload[:60], "name": payload[:80], "location": payload[:80]}
        made.post(f"acme {MARK} {payload}", author=author, url=payload, title=payload[:100], hashtags=[payload[:40]])
    made.wait_for("/api/totals", lambda found: found["rows"][0]["posts"] == len(PAYLOADS))
    yield made
    made.close()


def test_no_post_is_more_than_text(browser: Browser, stage: House) -> None:
    assert len(PAYLOADS) == 200
    with browser.new_context(viewport={"width": 1360, "height": 900}) as context:
        context.add_init_script(HOOK)
        tab = Tab(context, stage.url)
        for path in PAGES:
            page = tab.go(path)
            page.wait_for_timeout(1500)
            for _ in range(6 if path == "/posts" else 1):
                page.mouse.wheel(0, 20_000)
                page.wait_for_timeout(250)
            shown = page.evaluate(SHOWN, CONTROLS)
            assert path in {"/places", "/compare"} or MARK in page.locator("main").inner_text()
            assert shown == {"ran": [], "scripts": 0, "frames": 0, "handlers": 0, "links": [], "controls": False}, path
        assert tab.wrong == []
