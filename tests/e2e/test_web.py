"""The page as people use it, in a real browser."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

TILES = "#pictures li:visible a"


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox").fill(text)
    expect(page.locator("#count")).to_contain_text("closest of")


def first_file(page: Page) -> str:
    return page.locator(TILES).first.get_attribute("aria-label") or ""


def test_the_start_page_says_what_there_is(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("#library")).to_contain_text("40 pictures")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.locator("#examples button, #examples a").first.click()
    expect(page.locator("#count")).to_contain_text("closest of 40 pictures")


@pytest.mark.parametrize("colour", ["red", "blue", "green"])
def test_typing_finds_the_right_pictures_first(page: Page, colour: str) -> None:
    page.goto("/")
    search(page, colour)
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile(colour))
    assert colour in first_file(page)


def test_an_older_answer_never_overwrites_a_newer_one(page: Page) -> None:
    def late(route: Route) -> None:
        answer = route.fetch()
        page.wait_for_timeout(1200)
        route.fulfill(response=answer)

    page.goto("/")
    page.route(re.compile(r"/api/v1/search\?.*q=red(&|$)"), late)
    box = page.get_by_role("searchbox")
    box.fill("red")
    page.wait_for_timeout(300)
    box.fill("blue")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("blue"))
    page.wait_for_timeout(1500)
    assert "blue" in first_file(page)
    page.unroute_all(behavior="ignoreErrors")


def test_the_address_holds_the_query_so_that_back_forward_and_sharing_work(
    page: Page, server: str
) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))
    expect(page.get_by_role("searchbox")).to_have_value("red")
    page.get_by_role("radio", name="Captions").check()
    expect(page).to_have_url(f"{server}/?q=red&target=text")
    expect(page.locator("#captions li").first).to_contain_text("a red wall")
    page.go_back()
    expect(page).to_have_url(f"{server}/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    page.go_forward()
    expect(page.locator("#captions li").first).to_contain_text("a red wall")
    page.reload()
    expect(page.locator("#captions li").first).to_contain_text("a red wall")


def test_everything_can_be_done_with_the_keyboard(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("blue")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("blue"))
    page.keyboard.press("ArrowDown")
    expect(page.locator(TILES).first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator(TILES).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    title = dialog.get_by_role("heading", level=2).text_content()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", level=2)).not_to_have_text(title or "")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator(TILES).nth(2)).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Keys")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.locator("#start")).to_be_visible()


def test_a_chosen_picture_is_searched_by(page: Page, media: Path) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(media / "yellow-1.jpg")
    expect(page.locator("#chip")).to_contain_text("Your picture")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("yellow"))
    page.locator("#chip button").click()
    expect(page.locator("#chip")).to_be_hidden()


def test_a_file_that_is_no_picture_gets_the_services_own_words(page: Page, media: Path) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(media / "broken.jpg")
    expect(page.locator("#notice")).to_contain_text("cannot be read")


def test_the_detail_view_leads_on_to_similar_pictures_and_captions(page: Page) -> None:
    page.goto("/?q=green")
    page.locator(TILES).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Score")
    expect(dialog.locator("#large")).to_have_js_property("complete", True)
    dialog.get_by_text("Captions for this picture").click()
    expect(page.locator("#captions li").first).to_contain_text("a green wall")
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_text("Similar pictures").click()
    expect(page).to_have_url(re.compile(r"like=\d+"))
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("green"))


def test_an_error_is_shown_and_can_be_tried_again(page: Page) -> None:
    page.goto("/")
    page.route("**/api/v1/search?**", lambda route: route.abort())
    page.get_by_role("searchbox").fill("red")
    notice = page.get_by_role("alert").filter(has_text="Nothing answers")
    expect(notice).to_be_visible()
    page.unroute_all()
    notice.get_by_role("button", name="Try again").click()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))


def test_a_refusal_shows_the_services_message(page: Page) -> None:
    error = {"error": {"code": "bad_query", "message": "The query is too clever by half."}}
    page.route(
        "**/api/v1/search?**", lambda route: route.fulfill(status=400, body=json.dumps(error))
    )
    page.goto("/?q=red")
    expect(page.locator("#notice")).to_contain_text("too clever by half")


def test_nothing_moves_while_pictures_load(page: Page) -> None:
    page.add_init_script(
        "window.shifts = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " if (!one.hadRecentInput) window.shifts += one.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    page.route("**/thumbnail*", lambda route: (page.wait_for_timeout(30), route.continue_()))
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    page.wait_for_timeout(100)
    page.evaluate("window.shifts = 0")  # what the tiles' arrival moved, the footer, does not count
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shifts") < 0.01
    page.unroute_all(behavior="ignoreErrors")


def test_rows_are_justified(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    boxes = [tile.bounding_box() for tile in page.locator(TILES).all()[:8]]
    tops = sorted({round(box["y"]) for box in boxes if box})
    first_row = [box for box in boxes if box and round(box["y"]) == tops[0]]
    assert len({round(box["height"]) for box in first_row}) == 1
    left = min(box["x"] for box in first_row)
    right = max(box["x"] + box["width"] for box in first_row)
    grid = page.locator("#pictures").bounding_box()
    assert grid
    assert abs(left - grid["x"]) < 2
    assert abs(right - grid["x"] - grid["width"]) < 2


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, server: str) -> None:
    context = browser.new_context(
        base_url=server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    for address in ("/", "/?q=red", "/?q=red&target=text"):
        page.goto(address)
        page.wait_for_timeout(600)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    page.goto("/?q=red")
    page.locator(TILES).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_dark_and_light_follow_the_system(browser: Browser, server: str) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(base_url=server, color_scheme=scheme)
        page = context.new_page()
        page.goto("/")
        shade = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        if shade == "rgba(0, 0, 0, 0)":
            shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades[scheme] = sum(int(part) for part in re.findall(r"\d+", shade)[:3])
        context.close()
    assert shades["light"] > 600
    assert shades["dark"] < 150


def test_everything_that_can_be_used_has_a_name(page: Page) -> None:
    for address in ("/", "/?q=red", "/?q=red&target=text"):
        page.goto(address)
        page.wait_for_timeout(500)
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, a, input, [role=button]')]"
            ".filter(e => e.checkVisibility() && !(e.getAttribute('aria-label')"
            " || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML)"
        )
        assert nameless == []
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.locator("main").count() == 1
        bare = page.evaluate("[...document.images].filter(i => !i.hasAttribute('alt')).length")
        assert bare == 0


def test_skipped_files_are_listed_with_their_reasons(page: Page) -> None:
    page.goto("/")
    page.locator("#skipped-button").click()
    expect(page.get_by_role("dialog")).to_contain_text("broken.jpg")
    expect(page.get_by_role("dialog")).to_contain_text("text")
