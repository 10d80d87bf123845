"""Films on the page: found by the moment, played from there, or shown as pictures."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import served, watched
from tests.integration.command import atisbo

TILES = "#pictures li:visible a"
VIDEO = "#frame video"
NOW = "#strip [aria-current]"

IN_THE_MIDDLE = """async video => {
    const seconds = await new Promise((done, failed) => {
        const look = () => video.readyState >= 2 && !video.seeking
            ? done(video.currentTime) : setTimeout(look, 20);
        setTimeout(() => failed(new Error("the film does not come")), 8000);
        look();
    });
    const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const colour = () => {
        pen.drawImage(video, 0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    // The seek is over a little before its frame is painted: it has to stay for a while.
    let last = colour(), same = 0;
    while (same < 4) {
        await new Promise(done => setTimeout(done, 100));
        const now = colour();
        same = String(now) === String(last) ? same + 1 : 0;
        last = now;
    }
    return { seconds, paused: video.paused, colour: last };
}"""


def shown(page: Page) -> tuple[float, str]:
    """Returns the second at which the film stands, and the colour that is to be seen there."""
    found = page.locator(VIDEO).evaluate(IN_THE_MIDDLE)
    assert found["paused"], "a film plays when it is told to"
    red, green, blue, _ = found["colour"]
    strongest = max(("red", red), ("green", green), ("blue", blue), key=lambda pair: pair[1])
    return round(found["seconds"], 2), strongest[0]


def open_first(page: Page, query: str) -> None:
    page.goto(f"/?q={query}")
    page.locator(TILES).first.click()


@pytest.mark.parametrize(
    ("colour", "second", "clock"), [("red", 1, "0:01"), ("green", 3, "0:03"), ("blue", 5, "0:05")]
)
def test_a_found_moment_opens_the_film_at_its_second(
    film_page: Page, colour: str, second: int, clock: str
) -> None:
    film_page.goto(f"/?q={colour}")
    first = film_page.locator(TILES).first
    seconds = "1 second" if second == 1 else f"{second} seconds"
    expect(first).to_have_attribute("aria-label", re.compile(rf"^trip\.mp4 at {seconds}, score"))
    expect(first.locator(".badge")).to_have_text(clock)
    first.click()
    assert shown(film_page) == (second, colour)
    expect(film_page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(
        f"trip.mp4 at {clock}"
    )
    expect(film_page.locator(NOW)).to_have_attribute("aria-label", f"Jump to {seconds}")


def test_moments_of_one_film_are_leafed_through_without_loading_it_again(film_page: Page) -> None:
    open_first(film_page, "green+and+blue")
    first = shown(film_page)
    film_page.locator(VIDEO).evaluate("video => { video.dataset.same = 'yes' }")
    film_page.get_by_role("button", name="Next result").click()
    expect(film_page.locator("#place")).to_have_text(re.compile("^2 of"))
    assert {first, shown(film_page)} == {(3, "green"), (5, "blue")}
    expect(film_page.locator(VIDEO)).to_have_attribute("data-same", "yes")


def test_the_strip_is_used_with_the_keyboard(film_page: Page) -> None:
    open_first(film_page, "green")
    tiles = film_page.locator("#strip button")
    expect(tiles).to_have_count(3)
    tiles.nth(1).focus()
    film_page.keyboard.press("ArrowRight")
    expect(tiles.nth(2)).to_be_focused()
    assert shown(film_page) == (5, "blue")
    expect(film_page.locator(NOW)).to_have_attribute("aria-label", "Jump to 5 seconds")
    film_page.keyboard.press("ArrowRight")
    expect(tiles.nth(2)).to_be_focused()
    film_page.keyboard.press("Home")
    assert shown(film_page) == (1, "red")
    expect(film_page.locator("#place")).to_have_text(re.compile("^1 of"))
    assert film_page.locator("#strip button[tabindex='0']").count() == 1
    film_page.get_by_role("button", name="Jump to 0:03").click()
    assert shown(film_page) == (3, "green")
    expect(tiles.nth(1)).to_have_attribute("aria-current", "true")


def test_a_click_in_the_strip_jumps_there(film_page: Page) -> None:
    open_first(film_page, "green")
    film_page.get_by_role("button", name="Jump to 1 second").click()
    assert shown(film_page) == (1, "red")


def test_a_film_that_the_browser_cannot_play_is_shown_as_pictures(film_page: Page) -> None:
    open_first(film_page, "yellow")
    note = film_page.locator("#player-note")
    expect(note).to_contain_text("This browser cannot play films of this kind")
    expect(film_page.locator(VIDEO)).to_have_count(0)
    picture = film_page.locator("#small")
    expect(picture).to_have_attribute("src", re.compile(r"at_ms=1000$"))
    film_page.get_by_role("button", name="Jump to 3 seconds").click()
    expect(picture).to_have_attribute("src", re.compile(r"at_ms=3000$"))
    middle = picture.evaluate(
        "async picture => { await picture.decode();"
        " const pen = new OffscreenCanvas(1, 1).getContext('2d');"
        " pen.drawImage(picture, 0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data] }"
    )
    assert middle[0] > 90
    assert middle[1] < 40
    film_page.get_by_role("button", name="Close").click()
    expect(film_page).to_have_url(re.compile(r"q=yellow$"))
    open_first(film_page, "green")
    expect(note).to_be_hidden()


def test_a_film_that_is_gone_gets_the_services_own_words(film_page: Page) -> None:
    error = {"error": {"code": "not_found", "message": "trip.mp4 is gone from disk."}}

    def gone(route: Route) -> None:
        route.fulfill(status=404, body=json.dumps(error), content_type="application/json")

    film_page.route("**/media", gone)
    open_first(film_page, "green")
    expect(film_page.locator("#player-note")).to_have_text("trip.mp4 is gone from disk.")


def test_found_words_open_the_film_when_they_are_said(film_page: Page) -> None:
    film_page.goto("/?q=purple&target=text")
    line = film_page.locator("#captions a").first
    expect(line).to_contain_text("a purple hat")
    expect(line).to_contain_text("trip.mp4 at 0:04")
    line.click()
    assert shown(film_page) == (4.5, "blue")
    expect(film_page.locator("#facts-list")).to_contain_text("subtitles (en)")
    said = film_page.locator("#caption-lines .said")
    expect(said).to_contain_text("a purple hat")
    film_page.get_by_role("button", name="a black boot").click()
    assert shown(film_page) == (0.5, "red")
    expect(said).to_contain_text("a black boot")


def test_films_are_found_as_a_whole(film_page: Page) -> None:
    film_page.goto("/?q=yellow")
    film_page.get_by_label("What to find").select_option("video")
    expect(film_page).to_have_url(re.compile(r"target=video$"))
    expect(film_page.locator("#count")).to_have_text("2 closest of 2 films")
    label = re.compile(r"^old\.avi, film of 4 seconds, score")
    expect(film_page.locator(TILES).first).to_have_attribute("aria-label", label)
    film_page.locator(TILES).nth(1).click()
    assert shown(film_page) == (0, "red")
    expect(film_page.locator("#file-facts")).to_contain_text("1 June 2019 at 14:30")
    expect(film_page.locator("#file-facts")).to_contain_text("Pinhole 1")
    film_page.get_by_role("link", name="Films like this").click()
    expect(film_page.locator(TILES)).to_have_count(1)
    expect(film_page.locator(TILES).first).to_have_attribute("aria-label", label)


def test_closing_a_film_ends_it(film_page: Page) -> None:
    open_first(film_page, "green")
    shown(film_page)
    film = film_page.locator(VIDEO).element_handle()
    film.evaluate("video => { video.muted = true; return video.play() }")
    film_page.keyboard.press("Escape")
    expect(film_page.get_by_role("dialog")).to_be_hidden()
    # A dialog that Escape closes tells of it right after.
    film_page.wait_for_function("video => video.paused && !video.hasAttribute('src')", arg=film)


def test_nothing_moves_while_a_film_comes(film_page: Page) -> None:
    film_page.goto("/?q=yellow")
    item = film_page.locator(TILES).first.get_attribute("data-id")
    film_page.add_init_script(
        "window.shifts = 0; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " if (!one.hadRecentInput) window.shifts += one.value; })"
        ".observe({type: 'layout-shift', buffered: true});"
    )
    film_page.goto(f"/?q=yellow&item={item}")
    expect(film_page.locator("#player-note")).to_be_visible()
    expect(film_page.locator("#strip button")).to_have_count(2)
    film_page.wait_for_timeout(300)
    assert film_page.evaluate("window.shifts") < 0.01


def test_everything_about_a_film_has_a_name(film_page: Page) -> None:
    open_first(film_page, "green")
    shown(film_page)
    nameless = film_page.evaluate(
        "[...document.querySelectorAll('button, a, input, video, ol, dl:not(:empty)')]"
        ".filter(e => e.checkVisibility() && !(e.getAttribute('aria-label')"
        " || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML)"
    )
    assert nameless == []
    expect(film_page.locator(VIDEO)).to_have_attribute("aria-label", "trip.mp4 at 3 seconds")


def test_the_start_page_counts_films(film_page: Page) -> None:
    film_page.goto("/")
    expect(film_page.locator("#library")).to_contain_text("0 pictures · 2 films · 2 captions")


def test_films_fit_a_phone(browser: Browser, film_server: str) -> None:
    context = browser.new_context(
        base_url=film_server, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    for address in ("/", "/?q=red", "/?q=red&target=video", "/?q=purple&target=text"):
        page.goto(address)
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    page.goto("/?q=green")
    page.locator(TILES).first.tap()
    assert shown(page) == (3, "green")
    assert page.evaluate("document.getElementById('detail').scrollWidth") <= 390
    box = page.locator(VIDEO).bounding_box()
    assert box
    assert (round(box["width"]), round(box["height"])) == (390, 219)
    page.get_by_role("button", name="Jump to 5 seconds").tap()
    assert shown(page) == (5, "blue")
    context.close()


def test_a_film_that_must_be_decoded_from_its_beginning_opens_at_its_second(
    browser: Browser, shared_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    shutil.copy(shared_data / "videos" / "cockatoo.mp4", folder)
    (folder / "cockatoo.srt").write_text("1\n00:00:08,500 --> 00:00:10,000\na red bird nods\n")
    library = tmp_path / "library"
    done = atisbo("index", folder, "--library", library, "--model", "colour")
    assert done.returncode == 0, done.stderr
    with served(library) as server, watched(browser, server) as page:
        page.goto("/?q=red&target=text")
        page.locator("#captions a").first.click()
        found = page.locator(f"{VIDEO}[preload=auto]").evaluate(IN_THE_MIDDLE)
        assert round(found["seconds"], 1) == 8.5
        expect(page.locator("#player-note")).to_be_hidden()


def test_the_moments_of_a_film_come_as_one_with_its_scenes(film_page: Page) -> None:
    film_page.goto("/?q=green&collapse=1")
    expect(film_page.locator(TILES)).to_have_count(2)
    first = film_page.locator(TILES).first
    expect(first.locator(".badge").first).to_have_text("3 moments")
    expect(first).to_have_attribute("aria-label", re.compile("3 moments of this film"))
    first.click()
    assert shown(film_page) == (3, "green")
    scene = film_page.get_by_role("button", name="Scene 1: from 2 seconds to 4 seconds")
    expect(scene).to_have_class(re.compile("here"))
    film_page.get_by_role("button", name="Jump to 5 seconds").click()
    assert shown(film_page) == (5, "blue")
    expect(scene).not_to_have_class(re.compile("here"))
    scene.click()
    assert shown(film_page) == (3, "green")


def test_moments_alone_are_counted_as_such(film_page: Page) -> None:
    film_page.goto("/?q=green&target=moment")
    expect(film_page.locator("#count")).to_have_text("5 closest moments")


def test_keys_jump_to_the_scenes(film_page: Page) -> None:
    open_first(film_page, "green")
    expect(film_page.locator("#scenes button")).to_have_count(1)
    film_page.get_by_role("button", name="Jump to 1 second").click()
    assert shown(film_page) == (1, "red")
    film_page.keyboard.press("1")
    assert shown(film_page) == (3, "green")
    film_page.keyboard.press("4")
    assert shown(film_page) == (3, "green")


def test_a_film_that_no_words_ask_for_has_no_scenes(film_page: Page) -> None:
    film_page.goto("/?q=kind:moment")
    film_page.locator(TILES).first.click()
    expect(film_page.locator("#strip button").first).to_be_visible()
    expect(film_page.locator("#scenes")).to_be_hidden()
