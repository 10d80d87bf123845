"""The page as people use it, in a real browser."""

import json
import re
from pathlib import Path
from urllib.parse import urlencode

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
    page.get_by_label("What to find").select_option("text")
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

    def late(route: Route) -> None:
        page.wait_for_timeout(30)
        route.continue_()

    page.route("**/thumbnail*", late)
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shifts") < 0.001
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
            "[...document.querySelectorAll('button, a, input, select, [role=button]')]"
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


def test_the_hint_for_a_stronger_model_is_one_line_on_the_start_page(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#hint")).to_contain_text("atisbo index --model")


def test_what_is_typed_is_one_step_for_the_back_button(page: Page, server: str) -> None:
    page.goto("/")
    box = page.get_by_role("searchbox")
    box.press_sequentially("red", delay=40)
    box.press("Enter")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))
    box.fill("")
    box.press_sequentially("blue", delay=40)
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("blue"))
    page.go_back()
    expect(page).to_have_url(f"{server}/?q=red")
    expect(box).to_have_value("red")
    page.go_back()
    expect(page).to_have_url(f"{server}/")
    expect(page.locator("#start")).to_be_visible()


def test_more_results_come_when_the_end_is_near(page: Page) -> None:
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto("/?q=red")
    expect(page.locator(TILES)).to_have_count(24)
    first = page.locator(TILES).nth(5).bounding_box()
    page.locator(TILES).nth(23).scroll_into_view_if_needed()
    expect(page.locator(TILES)).to_have_count(40)
    expect(page.locator("#more")).to_be_hidden()
    page.evaluate("scrollTo(0, 0)")
    assert page.locator(TILES).nth(5).bounding_box() == first


def test_coming_back_finds_the_same_place(page: Page) -> None:
    page.goto("/?q=red")
    page.locator(TILES).nth(23).scroll_into_view_if_needed()
    expect(page.locator(TILES)).to_have_count(40)
    page.evaluate("scrollTo(0, 400)")
    page.locator("#q").fill("blue")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("blue"))
    assert page.evaluate("scrollY") == 0
    page.go_back()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))
    page.wait_for_timeout(100)
    assert page.evaluate("scrollY") == 400


def test_an_open_result_is_part_of_the_address_and_closes_to_the_results(
    page: Page, server: str
) -> None:
    page.goto("/?q=red")
    page.locator(TILES).nth(3).click()
    expect(page).to_have_url(re.compile(r"\?q=red&item=\d+$"))
    page.reload()
    expect(page.locator("#place")).to_have_text(re.compile("^4 of"))
    page.go_back()
    expect(page).to_have_url(f"{server}/?q=red")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.go_forward()
    expect(page.locator("#place")).to_have_text(re.compile("^4 of"))
    page.get_by_role("button", name="Close").click()
    expect(page).to_have_url(f"{server}/?q=red")
    expect(page.locator(TILES).nth(3)).to_be_focused()


def test_words_and_a_picture_are_searched_for_together(page: Page) -> None:
    page.goto("/?q=red")
    item = page.locator(TILES).first.get_attribute("data-id")
    page.goto(f"/?q=blue&like={item}")
    expect(page.locator("#chip")).to_contain_text("Like this")
    # Halfway between red and blue lies purple.
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("purple"))
    page.get_by_role("button", name="Remove: Like this").click()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("blue"))


@pytest.mark.parametrize(("event", "data"), [("drop", "dataTransfer"), ("paste", "clipboardData")])
def test_a_dropped_or_pasted_picture_is_searched_by(page: Page, event: str, data: str) -> None:
    page.goto("/")
    page.evaluate(
        """async ([event, data]) => {
            const canvas = new OffscreenCanvas(60, 40);
            const pen = canvas.getContext("2d");
            pen.fillStyle = "rgb(240 240 20)";
            pen.fillRect(0, 0, 60, 40);
            const picture = await canvas.convertToBlob();
            const files = new DataTransfer();
            files.items.add(new File([picture], "mine.png", { type: "image/png" }));
            const Kind = event === "drop" ? DragEvent : ClipboardEvent;
            document.body.dispatchEvent(
                new Kind(event, { [data]: files, bubbles: true, cancelable: true }));
        }""",
        [event, data],
    )
    expect(page.locator("#chip img")).to_be_visible()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("yellow"))


def test_a_chosen_picture_outlives_back_forward_and_reload(page: Page, media: Path) -> None:
    page.goto("/?q=red")
    page.locator("#clear").click()
    page.locator("#file").set_input_files(media / "green-1.jpg")
    green = re.compile("green")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", green)
    page.reload()
    expect(page.locator("#chip img")).to_be_visible()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", green)
    page.go_back()
    expect(page.locator("#start")).to_be_visible()
    page.go_forward()
    expect(page.locator("#chip img")).to_be_visible()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", green)


def test_markup_in_a_caption_is_shown_as_text(page: Page) -> None:
    page.goto("/?q=purple&target=text")
    line = page.locator("#captions li", has_text="onerror")
    expect(line).to_contain_text("<img src=nowhere")
    line.locator("a").click()
    expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_contain_text("<img")
    page.wait_for_timeout(100)
    assert page.title() == "purple – atisbo"


def test_a_caption_without_a_picture_is_shown_as_words(page: Page) -> None:
    page.goto("/?q=red&target=text")
    page.locator("#captions a", has_text="a red hat").click()
    expect(page.locator("#quote")).to_have_text("a red hat on a red chair by a white wall")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Open original")).to_be_hidden()
    dialog.get_by_text("Pictures for this caption").click()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))


def test_the_last_result_keeps_the_arrow_keys(page: Page) -> None:
    page.goto("/?q=red&target=text")
    last = page.locator("#captions a").last
    last.click()
    expect(page.get_by_role("button", name="Next result")).to_be_hidden()
    page.get_by_role("button", name="Previous result").click()
    page.get_by_role("button", name="Next result").click()
    expect(page.get_by_role("button", name="Next result")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Next result")).to_be_visible()


def test_a_slow_search_is_announced_and_a_fast_one_is_not(page: Page) -> None:
    held: list[Route] = []
    page.goto("/?q=red")
    expect(page.locator("#count")).to_contain_text("closest of")
    expect(page.locator("#live")).to_contain_text("closest of")

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/search?**", hold)
    page.evaluate(
        "() => { const progress = document.querySelector('#progress');"
        " document.querySelector('#q').addEventListener("
        "'input', () => { window.typed = performance.now(); });"
        " new MutationObserver(() => { if (!progress.hidden) window.shown ??= performance.now(); })"
        ".observe(progress, { attributes: true }); }"
    )
    page.locator("#q").fill("blue")
    expect(page.locator("#progress")).to_be_visible()
    assert page.evaluate("window.shown - window.typed") > 180
    held[0].continue_()
    expect(page.locator("#progress")).to_be_hidden()


def test_rows_follow_the_width_of_the_window(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    for width in (500, 900, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(150)
        edges = page.evaluate(
            "[...document.querySelectorAll('#pictures li')].map(tile => Math.round("
            "tile.getBoundingClientRect().right"
            " - document.querySelector('#pictures').getBoundingClientRect().right))"
        )
        assert max(edges) == 0, width


def test_swiping_leads_to_the_next_result_and_down_closes(browser: Browser, server: str) -> None:
    context = browser.new_context(
        base_url=server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto("/?q=red")
    page.locator(TILES).first.tap()
    expect(page.locator("#place")).to_have_text(re.compile("^1 of"))
    touches = context.new_cdp_session(page)

    def swipe(from_x: int, from_y: int, to_x: int, to_y: int) -> None:
        for kind, points in (
            ("touchStart", [{"x": from_x, "y": from_y}]),
            ("touchMove", [{"x": to_x, "y": to_y}]),
            ("touchEnd", []),
        ):
            touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    swipe(300, 150, 100, 155)
    expect(page.locator("#place")).to_have_text(re.compile("^2 of"))
    swipe(200, 60, 205, 240)
    expect(page.get_by_role("dialog")).to_be_hidden()
    context.close()


def test_words_for_a_picture_stand_above_its_captions_and_are_searches(
    page: Page, server: str
) -> None:
    page.goto("/?q=red")
    page.locator("#pictures a").first.click()
    page.get_by_role("link", name="Captions for this picture").click()
    labels = page.get_by_role("list", name="What it shows, in words")
    word = labels.get_by_role("link").first
    text = word.inner_text()
    word.click()
    expect(page).to_have_url(f"{server}/?{urlencode({'q': text})}")
    expect(page.locator("#pictures a").first).to_be_visible()
    expect(labels).to_be_hidden()
