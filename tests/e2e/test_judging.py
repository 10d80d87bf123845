"""What an answer is worth, why hits were found, and telling the page which are right."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

TILES = "#pictures li.tile:visible"


def worth(page: Page, **told: Any) -> None:
    """Makes the service say of its answers what a model would that was measured."""

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json() | told
        for place, hit in enumerate(body["hits"]):
            hit["probability"] = 0.93 if place < (told["likely"] or 0) else 0.004
        route.fulfill(response=response, body=json.dumps(body))

    page.route("**/api/v1/search?**", answer)


def mark(page: Page, number: int, how: str) -> None:
    tile = page.locator(TILES).nth(number)
    tile.hover()
    tile.locator(f".judging .{how}").click()


def ids(page: Page) -> list[str]:
    return [tile.get_attribute("data-id") or "" for tile in page.locator(f"{TILES} a").all()]


def test_less_likely_hits_begin_below_a_divider(page: Page) -> None:
    worth(page, verdict="strong", likely=5)
    page.goto("/?q=red")
    divider = page.get_by_text("Less likely from here on")
    expect(divider).to_be_visible()
    expect(page.locator("#worth")).to_be_hidden()
    line = divider.bounding_box()
    assert line
    boxes = [box for tile in page.locator(TILES).all() if (box := tile.bounding_box())]
    assert all(box["y"] + box["height"] <= line["y"] + 1 for box in boxes[:5])
    assert all(box["y"] >= line["y"] + line["height"] - 1 for box in boxes[5:])
    page.locator(f"{TILES} a").nth(4).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(f"{TILES} a").nth(5)).to_be_focused()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.id") in ids(page)[:5]
    page.locator(f"{TILES} a").first.click()
    expect(page.locator("#facts-list")).to_contain_text("93 %, by its looks alone")


def test_an_answer_that_may_be_right_says_so(page: Page) -> None:
    worth(page, verdict="weak", likely=1)
    page.goto("/?q=red")
    expect(page.locator("#worth")).to_have_text("Maybe. The first one may be what you mean.")
    expect(page.get_by_text("Less likely from here on")).to_be_visible()


def test_an_answer_worth_nothing_says_so_and_shows_the_nearest(page: Page) -> None:
    worth(page, verdict="nothing", likely=0)
    page.goto("/?q=red")
    expect(page.locator("#worth")).to_have_text(
        "Nothing here looks like that. These are the nearest."
    )
    expect(page.locator("#live")).to_contain_text("Nothing here looks like that.")
    expect(page.get_by_text("Less likely from here on")).to_have_count(0)
    page.locator(f"{TILES} a").first.click()
    expect(page.locator("#facts-list")).to_contain_text("under 1 %")


def test_where_nothing_is_known_nothing_is_said(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    expect(page.locator("#worth")).to_be_hidden()
    expect(page.get_by_text("Less likely from here on")).to_have_count(0)


def test_a_divider_may_lie_on_a_later_page(page: Page) -> None:
    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        likely = 3 if "cursor=" in route.request.url else len(body["hits"])
        route.fulfill(response=response, body=json.dumps(body | {"likely": likely}))

    page.route("**/api/v1/search?**", answer)
    page.goto("/?q=red")
    expect(page.locator(TILES)).to_have_count(40)
    assert page.locator("#pictures > li").nth(27).text_content() == "Less likely from here on"


def test_a_hit_says_why_it_was_found(page: Page) -> None:
    page.goto("/?q=red+wall")
    found = page.locator(f"{TILES} a", has=page.locator(".badge.quote")).first
    expect(found).to_have_attribute("aria-label", re.compile("caption: a red wall"))
    expect(found.locator(".why")).to_have_text("“a red wall”")
    found.click()
    why = page.locator("#why li")
    expect(why.filter(has_text="Caption")).to_contain_text("has the words")
    expect(why.filter(has_text="Caption")).to_contain_text("“a red wall”")
    expect(why.filter(has_text="Looks")).to_have_text(re.compile(r"Looks−?\d\.\d\d"))
    page.locator("#why a").first.click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text("a red wall")
    page.go_back()
    expect(page.locator("#why li").first).to_be_visible()


def test_names_that_hold_the_words_are_a_reason(page: Page) -> None:
    page.goto("/?q=green&target=picture")
    tile = page.locator(f"{TILES} a[aria-label^='green-3.jpg']")
    expect(tile.locator(".why")).to_have_text("Name: green-3.jpg")


def test_right_and_wrong_results_lead_to_another_round(page: Page) -> None:
    page.goto("/?q=purple")
    expect(page.locator(TILES).first).to_be_visible()
    bar = page.get_by_role("region", name="Marked results")
    expect(bar).to_be_hidden()
    page.goto("/?q=red")
    blue = page.locator(TILES, has=page.locator("a[aria-label^='blue-2']"))
    blue.hover()
    blue.locator(".right").click()
    expect(blue.locator(".right")).to_have_attribute("aria-pressed", "true")
    mark(page, 0, "wrong")
    expect(bar).to_contain_text("1 right, 1 wrong")
    wrong = ids(page)[0]
    with page.expect_request("**/api/v1/query") as sent:
        bar.get_by_role("button", name="Search again").click()
    body = sent.value.post_data_json
    assert body["q"] == "red"
    assert [str(id) for id in body["less"]] == [wrong]
    assert len(body["more"]) == 1
    # Blue was right and a red one wrong, though red was asked for.
    expect(page.locator(f"{TILES} a").first).to_have_attribute("aria-label", re.compile("^blue"))
    expect(page.locator(f"{TILES} a").first).to_be_focused()
    assert wrong not in ids(page)
    expect(bar).to_contain_text("counted in")
    expect(bar.get_by_role("button", name="Search again")).to_be_hidden()
    mark(page, 1, "right")
    bar.get_by_role("button", name="Search again").click()
    expect(bar).to_contain_text("2 right, 1 wrong")
    expect(page).to_have_url(re.compile(r"more=\d+,\d+&less=\d+$"))


def test_rounds_are_gone_back_through_with_their_marks(page: Page, server: str) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    first = ids(page)
    mark(page, 2, "right")
    marked = ids(page)[2]
    expect(page).to_have_url(re.compile(rf"right={marked}$"))
    page.locator("#again").click()
    expect(page).to_have_url(re.compile(rf"more={marked}$"))
    expect(page.locator(f"{TILES} a[data-id='{marked}']")).to_have_count(0)
    second = ids(page)
    page.go_back()
    expect(page.locator(f"{TILES} a[data-id='{marked}']")).to_have_count(1)
    assert ids(page)[:24] == first[:24]
    expect(page.locator(TILES).nth(2)).to_have_class(re.compile("is-right"))
    expect(page.locator("#marks-count")).to_have_text("1 right, 0 wrong")
    page.go_forward()
    expect(page.locator(f"{TILES} a[data-id='{marked}']")).to_have_count(0)
    page.reload()
    expect(page.locator("#marks-count")).to_have_text("1 right, 0 wrong")
    expect(page.locator(TILES).first).to_be_visible()
    assert ids(page)[:24] == second[:24]
    page.get_by_role("button", name=f"Take off: right, item {marked}").click()
    expect(page.locator("#marks-count")).to_have_text("0 right, 0 wrong")
    page.locator("#again").click()
    expect(page).to_have_url(f"{server}/?q=red")
    expect(page.locator("#marks")).to_be_hidden()
    expect(page.locator(f"{TILES} a[data-id='{marked}']")).to_have_count(1)
    assert ids(page)[:24] == first[:24]


def test_marking_is_done_with_keys(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("+")
    expect(page.locator(TILES).nth(0)).to_have_class(re.compile("is-right"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("-")
    expect(page.locator(TILES).nth(1)).to_have_class(re.compile("is-wrong"))
    page.keyboard.press("+")
    expect(page.locator("#marks-count")).to_have_text("2 right, 0 wrong")
    page.keyboard.press("+")
    expect(page.locator("#marks-count")).to_have_text("1 right, 0 wrong")
    page.keyboard.press("Enter")
    page.keyboard.press("-")
    expect(page.locator("#judge .wrong")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#marks-count")).to_have_text("1 right, 1 wrong")
    page.keyboard.press("Shift+Enter")
    expect(page).to_have_url(re.compile(r"more=\d+&less=\d+$"))


def test_marks_end_with_what_was_looked_for_but_not_with_a_filter(page: Page) -> None:
    page.goto("/?q=red")
    mark(page, 0, "right")
    page.get_by_role("searchbox").fill("red orientation:square")
    expect(page.locator("#count")).to_contain_text("within the filters")
    expect(page.locator("#marks-count")).to_have_text("1 right, 0 wrong")
    page.get_by_role("searchbox").fill("blue")
    expect(page.locator("#marks")).to_be_hidden()


def test_captions_are_marked_too(page: Page) -> None:
    page.goto("/?q=red&target=text")
    line = page.locator("#captions li").first
    line.hover()
    line.locator(".judging .right").click()
    with page.expect_request("**/api/v1/query") as sent:
        page.locator("#again").click()
    assert sent.value.post_data_json["target"] == "text"
    expect(page.locator("#captions a").first).to_be_focused()


def test_a_search_by_an_own_picture_goes_on_in_rounds(page: Page, media: Any) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(media / "yellow-1.jpg")
    expect(page.locator(f"{TILES} a").first).to_have_attribute("aria-label", re.compile("yellow"))
    mark(page, 0, "right")
    with page.expect_request("**/api/v1/query") as sent:
        page.locator("#again").click()
    assert sent.value.post_data_json["terms"][0]["image"].startswith("/9j/")
    expect(page.locator(f"{TILES} a").first).to_have_attribute("aria-label", re.compile("yellow"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_under_a_finger_the_buttons_are_always_there(
    browser: Browser, server: str, scheme: Any
) -> None:
    context = browser.new_context(
        base_url=server,
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        color_scheme=scheme,
    )
    page = context.new_page()
    page.goto("/?q=red")
    button = page.locator(f"{TILES} .judging .right").first
    expect(button).to_be_visible()
    assert button.evaluate("b => getComputedStyle(b.parentElement).opacity") == "1"
    size = button.bounding_box()
    assert size
    assert min(size["width"], size["height"]) >= 24
    button.tap()
    expect(page.locator("#marks-count")).to_have_text("1 right, 0 wrong")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_rounds_and_own_pictures_have_pages_too(page: Page, media: Any) -> None:
    page.goto("/")
    page.locator("#file").set_input_files(media / "yellow-1.jpg")
    expect(page.locator(TILES)).to_have_count(40)
    assert len(set(ids(page))) == 40
    mark(page, 0, "right")
    page.locator("#again").click()
    expect(page.locator(TILES)).to_have_count(39)
    assert len(set(ids(page))) == 39


def test_what_is_done_while_the_browser_goes_back_is_kept(page: Page) -> None:
    page.add_init_script(
        "const back = history.back.bind(history); history.back = () => setTimeout(back, 400);"
    )
    page.goto("/?q=red")
    page.locator(TILES).first.click()
    page.keyboard.press("+")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+Enter")
    expect(page).to_have_url(re.compile(r"q=red&more=\d+$"))
    expect(page.locator("#pictures")).to_be_visible()
    page.wait_for_timeout(600)
    expect(page).to_have_url(re.compile(r"q=red&more=\d+$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"q=red&right=\d+$"))

    for _ in range(2):  # another is opened and closed before the browser is back from the first
        page.locator(TILES).first.click()
        page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.wait_for_timeout(600)
    expect(page).to_have_url(re.compile(r"q=red&right=\d+$"))
