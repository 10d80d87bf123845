"""Asking well on the page: the language, filters as text, what to find, and mistakes."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from search_api.grammar import read
from search_api.query import Like, Text

TILES = "#pictures li.tile:visible a"
CHIPS = "#terms li"


def asked(page: Page) -> str:
    return page.get_by_role("searchbox").input_value()


def names(page: Page) -> list[str]:
    """Returns the files that are shown, in order."""
    labels = [tile.get_attribute("aria-label") or "" for tile in page.locator(TILES).all()]
    return [label.split(",")[0] for label in labels]


def open_filters(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Filters")).click()


def test_filters_write_the_query_and_read_it(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    open_filters(page)
    page.get_by_label("Shape").select_option("portrait")
    expect(page.get_by_role("searchbox")).to_have_value("red orientation:portrait")
    expect(page.locator("#count")).to_have_text("10 pictures within the filters, closest first")
    page.get_by_label("Has").select_option("-caption")
    expect(page.get_by_role("searchbox")).to_have_value("red orientation:portrait -has:caption")
    expect(page.locator(CHIPS)).to_have_text(["orientation: portrait", "Without a caption"])
    page.get_by_label("Shape").select_option("")
    expect(page.get_by_role("searchbox")).to_have_value("red -has:caption")
    expect(page.locator("#filters-count")).to_have_text("1")
    page.get_by_role("button", name="Clear all").click()
    expect(page.get_by_role("searchbox")).to_have_value("red")
    expect(page.locator(CHIPS)).to_have_count(0)
    page.get_by_role("searchbox").fill('red folder:"my trip" taken:2018..2019-06')
    expect(page.locator("#f-folder")).to_have_value("my trip")
    expect(page.get_by_label("Taken from")).to_have_value("2018")
    expect(page.get_by_label("Taken up to")).to_have_value("2019-06")
    expect(page.locator("#notice")).to_contain_text("Nothing passes the filters")


@pytest.mark.parametrize(
    ("begin", "end", "written"),
    [
        ("2019", "", "taken:>=2019"),
        ("", "2019-07", "taken:<=2019-07"),
        ("2018", "2019-07-04", "taken:2018..2019-07-04"),
        ("2019", "2019", "taken:2019"),
    ],
)
def test_dates_are_written_as_a_filter(page: Page, begin: str, end: str, written: str) -> None:
    page.goto("/")
    open_filters(page)
    page.get_by_label("Taken from").fill(begin)
    page.get_by_label("Taken up to").fill(end)
    page.get_by_label("Taken up to").press("Enter")
    expect(page.get_by_role("searchbox")).to_have_value(written)
    page.reload()
    open_filters(page)
    expect(page.get_by_label("Taken from")).to_have_value(begin)
    expect(page.get_by_label("Taken up to")).to_have_value(end)


def test_what_is_no_date_is_not_written(page: Page) -> None:
    page.goto("/?q=red")
    open_filters(page)
    page.get_by_label("Taken from").fill("last year")
    page.get_by_label("Taken from").press("Enter")
    page.wait_for_timeout(100)
    assert asked(page) == "red"


def test_the_panel_is_left_by_keyboard_and_by_a_click_beside_it(page: Page) -> None:
    page.goto("/?q=red")
    button = page.get_by_role("button", name=re.compile("^Filters"))
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Taken from")).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#filters")).to_be_hidden()
    expect(button).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("red")
    button.click()
    page.mouse.click(20, 780)
    expect(page.locator("#filters")).to_be_hidden()


def test_filters_alone_list_what_passes_them(page: Page) -> None:
    page.goto("/?q=orientation:square")
    expect(page.locator("#count")).to_have_text("10 pictures, newest first")
    expect(page.locator(TILES)).to_have_count(10)
    assert "score" not in (page.locator(TILES).first.get_attribute("aria-label") or "")
    newest = names(page)
    page.goto("/?q=orientation:square&sort=oldest")
    expect(page.locator("#count")).to_have_text("10 pictures, oldest first")
    expect(page.locator(CHIPS)).to_have_text(["orientation: square", "Oldest first"])
    assert names(page) == newest[::-1]


def test_each_part_of_a_query_is_a_chip_that_can_be_taken_away(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox").fill('red -green 2:blue "wall" path:red-*')
    expect(page.locator(CHIPS)).to_have_text(["Not green", "2 × blue", "“wall”", "path: red-*"])
    page.get_by_role("button", name="Remove: Not green").click()
    expect(page.get_by_role("searchbox")).to_have_value('red 2:blue "wall" path:red-*')
    expect(page.locator("#terms button").first).to_be_focused()
    page.get_by_role("button", name="Remove: “wall”").click()
    expect(page.get_by_role("searchbox")).to_have_value("red 2:blue path:red-*")
    page.go_back()
    expect(page.locator(CHIPS)).to_have_text(["2 × blue", "“wall”", "path: red-*"])


def test_a_mistake_is_told_and_marked_at_its_character(page: Page) -> None:
    page.goto("/?q=red+(wall")
    box = page.get_by_role("searchbox")
    expect(page.locator("#notice")).to_contain_text("At character 5 of the query")
    expect(page.locator("#mistake mark")).to_have_text("(")
    expect(box).to_have_attribute("aria-invalid", "true")
    mark = page.locator("#mistake mark").bounding_box()
    written = page.locator("#q").bounding_box()
    assert mark
    assert written
    assert written["x"] + 20 < mark["x"] < written["x"] + 60
    page.get_by_role("button", name="Show me where").click()
    expect(box).to_be_focused()
    selected = "input => [input.selectionStart, input.selectionEnd]"
    assert box.evaluate(selected) == [4, 5]
    page.keyboard.press("Delete")
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))
    expect(page.locator("#mistake")).to_be_hidden()
    expect(box).not_to_have_attribute("aria-invalid", "true")


def test_a_mistake_behind_characters_outside_the_basic_plane_is_marked(page: Page) -> None:
    page.goto("/?q=🐕 foo:bar")
    expect(page.locator("#mistake mark")).to_have_text("f")


def test_results_stay_while_a_query_is_not_written_to_its_end(page: Page) -> None:
    page.goto("/?q=red")
    expect(page.locator(TILES).first).to_be_visible()
    page.get_by_role("searchbox").press_sequentially(' "wa')
    expect(page.locator("#notice")).to_contain_text("no second one")
    expect(page.locator(TILES).first).to_be_visible()
    page.get_by_role("searchbox").press_sequentially('ll"')
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("#count")).to_contain_text("within the filters")


def test_everything_is_found_in_one_list(page: Page) -> None:
    page.goto("/?q=red")
    page.get_by_label("What to find").select_option("all")
    expect(page).to_have_url(re.compile("target=all"))
    saying = page.locator("#pictures .saying", has_text="a red wall")
    expect(saying).to_be_visible()
    expect(page.locator("#pictures li.tile img").first).to_be_visible()
    saying.locator("a").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text("a red wall")


def test_near_duplicates_come_as_one_and_are_at_hand(page: Page) -> None:
    page.goto("/?q=red")
    open_filters(page)
    page.get_by_label("Near-duplicates").check()
    expect(page).to_have_url(re.compile("collapse=1"))
    expect(page.locator(CHIPS)).to_have_text(["Alike as one"])
    first = page.locator(TILES).first
    expect(first.locator(".badge").first).to_have_text("+7")
    page.keyboard.press("Escape")
    first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#alike-title")).to_have_text("Counts as one with 7 others")
    other = dialog.locator("#alike-list a").first
    title = other.get_attribute("title") or "none"
    other.click()
    expect(dialog.get_by_role("heading", level=2)).to_have_text(title)


def test_pages_go_on_by_cursor_without_repeats(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto("/?q=red&sort=score&varied=1")
    expect(page.locator(TILES)).to_have_count(24)
    page.locator(TILES).nth(23).scroll_into_view_if_needed()
    expect(page.locator(TILES)).to_have_count(40)
    ids = [tile.get_attribute("data-id") for tile in page.locator(TILES).all()]
    assert len(set(ids)) == 40
    assert [url for url in sent if "cursor=" in url and "diversity=" in url]
    page.locator(TILES).nth(39).click()
    expect(page.locator("#place")).to_have_text("40 of 40")


def test_the_panel_has_names_and_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/?q=red+is:favourite")
    open_filters(page)
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, input, select')]"
        ".filter(e => e.checkVisibility() && !(e.getAttribute('aria-label')"
        " || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert nameless == []
    box = page.locator("#filters").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_pages_go_on_however_late_the_end_is_seen(page: Page) -> None:
    # A busy browser reports several changes at once, the newest last.
    page.add_init_script(
        "window.IntersectionObserver = class { constructor(call) { this.call = call }"
        " unobserve() {} observe() { setTimeout(() => this.call([{ isIntersecting: false },"
        " { isIntersecting: true }]), 20) } }"
    )
    page.goto("/?q=red")
    expect(page.locator(TILES)).to_have_count(40)


QUERIES = [
    'beach -people 2:sunset "golden hour" taken:2019 like:17',
    'a (10:30 foo) -folder:"a b",c -(x (y)) +snow -3:like:17@0.2,0.2,0.3,0.3',
    "16:9 well-known - a b: 0.5:(red car) .5:blue",
    '-"not this" 2:"this" -has:caption TAG:Work,"my  dog" Is:Favourite',
    "-- +-x ++ -2:y + z (  ) () -()",
    "taken:2018..2019-06 taken:>2019 near:41.4,2.17,5km size:>12mp path:*.png",
    "don't 3:4 (a(b)c) ü:x",
]
FAULTY = ['a "b', "a (b (c)", "a foo:bar", "a like:x", 'a folder:"x', "a 2:tag:x", "kind:dog x"]
PARTS = "async text => (await import('/web/language.js')).partsOf(text)"


def known(text: str) -> tuple[str, list[tuple[float, str]], int]:
    """Returns the plain words, the other terms with their weights, and the number of filters."""
    asked = read(text)
    terms = [
        (term.weight, term.what.text if isinstance(term.what, Text) else str(term.what.id))
        for term in asked.terms
        if isinstance(term.what, Text | Like)
    ]
    # In all of QUERIES that have plain words some stand first.
    plain = terms.pop(0)[1] if terms and terms[0][0] == 1 else ""
    return plain, terms, len(asked.filters)


@pytest.mark.parametrize("text", QUERIES)
def test_the_page_reads_a_query_as_the_service_does(page: Page, text: str) -> None:
    page.goto("/")
    parts: list[dict[str, Any]] = page.evaluate(PARTS, text)
    plain: list[str] = []
    terms: list[tuple[float, str]] = []
    filters = 0
    for part in parts:
        words = " ".join(part["text"].split())
        kind, sign, weight = part["kind"], part["sign"], part["weight"]
        filters += kind in {"filter", "phrase"}
        if kind == "words" or (kind == "phrase" and not sign and weight is None):
            plain.append(words)
        elif kind in {"term", "like"} or (kind == "phrase" and sign != "-"):
            terms.append(((-1 if sign == "-" else 1) * (weight or 1), words.split("@")[0]))
    assert (" ".join(plain), [term for term in terms if term[1]], filters) == known(text)


@pytest.mark.parametrize("text", FAULTY)
def test_a_filter_is_added_where_a_fault_does_not_swallow_it(page: Page, text: str) -> None:
    page.goto("/")
    script = (
        "async text => { const language = await import('/web/language.js');"
        " const added = language.withFilter(text, 'taken', '2019');"
        " return [added, language.filterOf(added, 'taken'),"
        " language.withFilter(added, 'taken', '')] }"
    )
    added, value, without = page.evaluate(script, text)
    assert value == "2019"
    assert without == text
    assert sorted(added.split()) == sorted([*text.split(), "taken:2019"])


def open_part(page: Page) -> None:
    page.goto("/?q=red&target=picture")
    page.locator(TILES).first.click()
    page.get_by_role("button", name="Search by a part of it").click()


def test_a_part_of_a_picture_is_drawn_and_searched_by(page: Page) -> None:
    open_part(page)
    veil = page.locator(".region-veil").bounding_box()
    assert veil
    page.mouse.move(veil["x"] + 0.1 * veil["width"], veil["y"] + 0.2 * veil["height"])
    page.mouse.down()
    page.mouse.move(veil["x"] + 0.6 * veil["width"], veil["y"] + 0.9 * veil["height"], steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Search this part").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    found = re.fullmatch(r"like:(\d+)@([\d.]+),([\d.]+),([\d.]+),([\d.]+)", asked(page))
    assert found
    assert [round(float(side), 1) for side in found.groups()[1:]] == [0.1, 0.2, 0.5, 0.7]
    expect(page.locator(CHIPS)).to_have_text([f"like a part of {found[1]}"])
    expect(page.locator(TILES).first).to_be_focused()
    expect(page.locator(TILES).first).to_have_attribute("aria-label", re.compile("red"))


def test_a_part_is_chosen_with_keys_and_never_passes_the_edge(page: Page) -> None:
    open_part(page)
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#place")).to_have_text(re.compile("^1 of "))
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).to_have_value(re.compile(r"^like:\d+@0.5,0,0.5,0.54$"))
    expect(page.locator(TILES).first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Search by a part of it").click()
    page.keyboard.press("Escape")
    expect(page.locator(".region-veil")).to_have_count(0)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
