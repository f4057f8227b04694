"""Every page and every way through them, in a real browser on a real run."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import AXE, House, Tab

PAGES = ("/", "/posts", "/alerts", "/places", "/compare", "/query", "/rules", "/system")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def the_incident(house: House) -> dict[str, str]:
    found = house.get("/api/incidents?state=open")["rows"]
    return next(one for one in found if one["told"] and one["part_of"] is None)


def query_of(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_newcomer_sees_what_is_wrong_and_reads_why(tab: Tab, house: House) -> None:
    page, incident = tab.go("/"), the_incident(house)
    expect(page.locator(".banner")).to_contain_text(incident["headline"])
    expect(page.locator(".figure", has_text="Open alerts").locator("b")).not_to_have_text("0")
    page.locator(".banner").get_by_role("link", name="Why?").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(incident["headline"])
    expect(page.get_by_role("link", name="its posts")).to_be_visible()
    for part in ("Why", "Whose voices", "Posts to read", "What happened to it", "Count it again"):
        expect(page.get_by_role("heading", name=part, exact=True)).to_be_visible()
    expect(page.locator(".post").first).to_be_visible()
    page.get_by_role("link", name="its posts").click()
    assert query_of(page).keys() == {"watch", "category", "start", "end"}
    expect(page.locator("main h2").first).to_have_text(re.compile(r"^[1-9]\d* posts$"))


def where_it_is_hottest(house: House) -> float:
    """The middle of the cell of acme's outages that stood out most, as a part of the strip's length."""
    rows = house.get("/api/heat?start=-86400&points=96&limit=12")["rows"]
    own = [abs(one["score"] or 0) for one in rows if one["series"] == ["acme", "outage"]]
    return (own.index(max(own)) + 0.5) / len(own)


def test_from_the_spike_to_its_posts_in_two_clicks(tab: Tab, house: House) -> None:
    page = tab.go("/")
    strip = page.locator(".strip", has_text="acme · outage").locator("canvas")
    strip.wait_for()
    place = where_it_is_hottest(house)
    box = strip.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * place, box["y"] + box["height"] / 2)
    drawer = page.locator("dialog.drawer")
    expect(drawer.locator(".post").first).to_be_visible()
    expect(drawer.locator(".post").first).to_contain_text(re.compile("acme", re.I))
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_a_drag_over_the_chart_zooms_every_panel(tab: Tab) -> None:
    page = tab.go("/")
    page.locator(".strip").nth(5).wait_for()
    over = page.locator(".panel .chart .u-over").first
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)
    over.hover(position={"x": 300, "y": 40})
    page.mouse.down()
    for x in range(320, 720, 40):
        over.hover(position={"x": x, "y": 60})
        page.wait_for_timeout(30)  # a hand is slower than a frame
    with page.expect_response(lambda one: "/api/totals" in one.url and "end=" in one.url):
        page.mouse.up()
    asked = query_of(page)
    assert asked["start"] < asked["end"]
    expect(page.locator(".status")).to_contain_text("fixed time")
    page.get_by_role("button", name="Live", exact=True).click()
    assert "end" not in query_of(page)


def test_filters_are_in_the_address_and_survive_reload_and_another_page(tab: Tab, house: House) -> None:
    page = tab.go("/posts?start=-604800")  # so that nothing grows too old meanwhile
    page.locator(".facet", has_text="Categories").get_by_role("button", name="outage").click()
    page.locator(".facet", has_text="Mood").get_by_role("button", name="negative").click()
    page.locator("#search").fill("acme -cumulo")
    page.locator("#search").press("Enter")
    wanted = {
        "start": ["-604800"], "category": ["outage"], "sentiment": ["negative"], "match": ["acme -cumulo"]
    }  # fmt: skip
    expect(page.locator(".chip.on")).to_have_count(3)
    assert query_of(page) == wanted
    many = house.get(f"/api/totals?{urlencode(wanted, doseq=True)}")["rows"][0]["posts"]
    assert many > 0
    said = f"{many} posts"
    expect(page.locator("main h2").first).to_have_text(said)
    page.reload()
    expect(page.locator("main h2").first).to_have_text(said)
    page.get_by_role("navigation").get_by_role("link", name="Places").click()
    expect(page.locator(".chip.on")).to_have_count(3)
    page.go_back()
    expect(page.locator("main h2").first).to_have_text(said)
    page.get_by_role("button", name="Remove the search acme -cumulo").click()
    expect(page.locator(".chip.on")).to_have_count(2)


def test_a_search_that_cannot_be_read_is_one_clear_line(tab: Tab) -> None:
    page = tab.go('/posts?match="log+in')
    expect(page.get_by_role("alert").first).to_contain_text("this quote is never closed")
    tab.wrong.clear()  # the browser notes every answer of 400


def test_an_alert_is_taken_on_judged_and_noted_and_everybody_sees_it(tab: Tab, house: House) -> None:
    id = the_incident(house)["id"]
    page = tab.go(f"/alerts/{id}")
    page.get_by_role("button", name="Take it on").click()
    expect(page.get_by_role("button", name="Taken on by this machine")).to_be_visible()
    page.get_by_role("button", name="Useful", exact=True).click()
    page.get_by_label("Note").fill("<b>restarting</b> the login service")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".timeline")).to_contain_text("<b>restarting</b> the login service")
    page.get_by_role("button", name="Snooze 1 h").click()
    expect(page.get_by_role("button", name=re.compile("Snoozed until"))).to_be_visible()
    found = house.get(f"/api/incidents/{id}")
    assert (found["acked_by"], found["feedback"]) == ("this machine", "useful")
    assert [one["action"] for one in found["done"]] == ["ack", "feedback", "note", "snooze"]
    page.goto(f"{tab.base}/alerts")
    expect(page.locator("tr", has_text="this machine")).to_contain_text("useful")


def test_new_posts_come_in_by_themselves(tab: Tab, house: House) -> None:
    page = tab.go("/posts?match=borealis+zanzibar")
    expect(page.locator(".empty")).to_be_visible()
    house.post("borealis opens in Zanzibar, hooray")
    expect(page.locator(".post")).to_contain_text("Zanzibar")
    house.post("borealis closes in Zanzibar again")
    page.get_by_role("button", name="1 new").click(timeout=20_000)
    expect(page.locator(".post")).to_have_count(2)


def test_a_page_that_was_cut_off_says_so_and_comes_back(tab: Tab) -> None:
    tab.page.route("**/api/events", lambda route: route.abort())
    page = tab.go("/posts")
    expect(page.locator(".status")).to_contain_text("not connected")
    expect(page.locator(".post").first).to_be_visible()
    page.unroute("**/api/events")
    expect(page.locator(".status")).to_contain_text("live")
    tab.wrong.clear()  # the browser notes what was cut off


def test_the_query_page_runs_sql_and_says_what_is_wrong_with_it(tab: Tab) -> None:
    page = tab.go("/query")
    page.get_by_label("SQL").fill(
        "SELECT watch, count(*) AS n FROM (SELECT unnest(watches) AS watch FROM posts) GROUP BY 1 ORDER BY 1"
    )
    page.get_by_label("SQL").press("Control+Enter")
    expect(page.locator("tbody tr").first).to_contain_text("acme")
    page.get_by_label("SQL").fill("DROP TABLE posts")
    page.get_by_role("button", name=re.compile("Run")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    tab.wrong.clear()


def test_a_policy_shows_what_it_would_have_rung_for_before_it_is_saved(tab: Tab) -> None:
    page = tab.go("/rules")
    page.get_by_role("button", name="Would have fired?").click()
    expect(page.locator(".big")).to_have_text(
        re.compile(r"Would have rung [1-9]\d* times? in the last \d+ days"), timeout=60_000
    )
    page.get_by_label("A post").fill("acme: I cannot log in, error 503")
    page.get_by_role("button", name="What is it about?").click()
    expect(page.locator(".still").first).to_contain_text("✓ outage", timeout=60_000)


def test_places_and_their_table_filter(tab: Tab) -> None:
    page = tab.go("/places")
    expect(page.locator(".map canvas")).to_be_visible()
    page.get_by_role("button", name="United Kingdom").click()
    assert query_of(page) == {"country": ["GB"]}
    expect(page.locator("tbody tr").first).to_be_visible()


def test_categories_are_compared_side_by_side(tab: Tab) -> None:
    page = tab.go("/compare?by=watch")
    expect(page.locator(".columns .chart")).to_have_count(3)
    page.get_by_label("each one's mean is 100").check()
    assert query_of(page)["index"] == ["100"]


def test_posts_are_exported_with_progress(tab: Tab, house: House) -> None:
    page = tab.go("/posts?watch=acme&start=-604800")
    total = house.get("/api/totals?watch=acme&start=-604800")["rows"][0]["posts"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == total
    assert all("acme" in json.loads(line)["watches"] for line in lines)


@pytest.mark.parametrize("tab", [PHONE], indirect=True)
@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_all_of_a_page(tab: Tab, path: str) -> None:
    page = tab.go(path)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Pages").click()
    page.get_by_role("navigation").get_by_role("link", name="Alerts").click()
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()


def test_everything_can_be_done_by_keys(tab: Tab) -> None:
    page = tab.go("/")
    page.locator(".strip canvas").first.wait_for()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.locator("main").focus()
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    assert query_of(page)["start"] == ["-3600"]
    page.locator(".strip canvas").first.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".heat .tip")).to_contain_text(re.compile("mentions|not over"))
    page.keyboard.press("Enter")
    expect(page.locator("dialog.drawer")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize(
    "tab", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True, ids=["light", "dark"]
)
def test_nothing_stands_in_the_way_of_anybody(tab: Tab, house: House) -> None:
    """axe-core: WCAG 2.2 A and AA, on every page, in light and dark."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: `make web-setup` does that where there is npm")
    found = []
    for path in (*PAGES, f"/alerts/{the_incident(house)['id']}"):
        page = tab.go(path)
        page.wait_for_load_state("load")
        page.wait_for_timeout(600)
        page.evaluate(AXE.read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        result = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
        found += [
            f"{path}: {one['id']}: {node['target']} {node['failureSummary'][:300]}"
            for one in result["violations"]
            for node in one["nodes"][:3]
        ]
    assert found == []


def test_times_are_in_the_zone_that_is_chosen_and_the_zone_is_shared(tab: Tab) -> None:
    page = tab.go("/posts?zone=Asia%2FTokyo")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    stamp = page.locator(".post time").first
    utc, shown = stamp.get_attribute("datetime"), stamp.inner_text()
    assert utc is not None
    hour = (int(utc[11:13]) + 9) % 24
    assert f"{hour:02d}:{utc[14:16]}" in shown


def test_every_panel_gives_its_data_and_its_statement(tab: Tab) -> None:
    page = tab.go("/")
    page.locator(".strip").first.wait_for()
    menus = page.locator("details.menu")
    links = menus.locator("a").evaluate_all("all => all.map(one => one.href)")
    assert len(links) >= 40
    for link in links:
        answer = page.request.get(link)
        assert answer.ok, link
        assert answer.body()
