"""Pictures with a moving part on the page: still until it is asked for, and still again after."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.conftest import served, watched
from tests.films import scene
from tests.integration.command import atisbo
from tests.moving import make_live_photo, make_motion_photo

TILES = "#pictures li:visible a"
VIDEO = "#frame video"
PLAY = "Play the moving picture"
STOP = "Stop the moving picture"

COLOUR = """picture => {
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    pen.drawImage(picture, 0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def moving_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service over pictures that move, one that no browser plays, and a still."""
    folder = tmp_path_factory.mktemp("e2e-motion") / "photos"
    folder.mkdir()
    make_motion_photo(folder / "motion.jpg", "red", "green")
    make_live_photo(folder / "live.jpg", "blue", "green")
    make_motion_photo(folder / "old.jpg", "yellow", "green", codec="mpeg4")
    scene("magenta").save(folder / "still.jpg")
    (folder / "motion.txt").write_text("a red thing that moves\n")
    library = folder.parent / "library"
    done = atisbo("index", folder, "--library", library, "--model", "colour")
    assert done.returncode == 0, done.stderr
    with served(library) as address:
        yield address


@pytest.fixture
def moving(browser: Browser, moving_server: str) -> Iterator[Page]:
    with watched(browser, moving_server) as opened:
        yield opened


def open_picture(page: Page, name: str) -> Locator:
    """Opens a picture of that name and returns its frame, once all is known of it."""
    page.goto("/?q=red")
    with page.expect_response(re.compile(r"/items/\d+$")):
        page.locator(f"{TILES}[aria-label^='{name}']").click()
    frame = page.locator("#frame")
    expect(frame.locator("#large.there")).to_be_visible()
    return frame


@pytest.mark.parametrize("name", ["motion.jpg", "live.jpg"])
def test_the_moving_part_plays_once_when_told_to(moving: Page, name: str) -> None:
    frame = open_picture(moving, name)
    expect(frame.locator(".badge")).to_have_text("Live")
    expect(moving.locator(VIDEO)).to_have_count(0)
    before = frame.bounding_box()
    moving.get_by_role("button", name=PLAY).click()
    video = moving.locator(f"{VIDEO}.there")
    expect(video).to_be_visible()
    red, green, blue, _ = video.evaluate(COLOUR)
    assert green > max(red, blue), "the film is green, the still is not"
    assert video.evaluate("film => [film.muted, film.loop]") == [True, False]
    assert frame.bounding_box() == before
    expect(moving.locator(VIDEO)).to_have_count(0)  # it has ended
    expect(moving.get_by_role("button", name=PLAY)).to_be_visible()
    expect(frame.locator("#large")).to_be_visible()


def test_a_second_press_goes_back_to_the_still(moving: Page) -> None:
    open_picture(moving, "motion.jpg")
    # So slow that it does not end before it is stopped.
    moving.evaluate("addEventListener('play', event => { event.target.playbackRate = 0.1 }, true)")
    play = moving.get_by_role("button", name=PLAY)
    play.focus()
    moving.keyboard.press("Enter")
    stop = moving.get_by_role("button", name=STOP)
    expect(stop).to_be_focused()
    expect(moving.locator(f"{VIDEO}.there")).to_be_visible()
    moving.keyboard.press("Space")
    expect(moving.locator(VIDEO)).to_have_count(0)
    expect(play).to_be_focused()


def test_leafing_on_ends_the_film_and_keeps_the_keys(moving: Page) -> None:
    open_picture(moving, "motion.jpg")
    expect(moving.locator("#place")).to_have_text("1 of 4")
    moving.get_by_role("button", name=PLAY).focus()
    moving.keyboard.press("Enter")
    for place in ("2 of 4", "3 of 4", "4 of 4"):
        moving.keyboard.press("ArrowRight")
        expect(moving.locator("#place")).to_have_text(place)
        expect(moving.locator(VIDEO)).to_have_count(0)


def test_a_still_offers_nothing(moving: Page) -> None:
    frame = open_picture(moving, "still.jpg")
    expect(moving.locator("#file-facts")).to_be_visible()
    expect(frame.get_by_role("button")).to_have_count(0)
    expect(frame.locator(".badge")).to_have_count(0)


def test_words_for_a_picture_that_moves_offer_it_too(moving: Page) -> None:
    moving.goto("/?q=red&target=text")
    moving.locator("#captions a").first.click()
    expect(moving.get_by_role("button", name=PLAY)).to_be_visible()


def test_a_film_that_the_browser_cannot_play_leaves_the_still_and_a_way_out(moving: Page) -> None:
    frame = open_picture(moving, "old.jpg")
    note = moving.locator("#motion-note")
    expect(note).to_be_hidden()
    moving.get_by_role("button", name=PLAY).click()
    expect(note).to_contain_text("This browser cannot play the moving part of this picture")
    expect(frame.locator("#large")).to_be_visible()
    expect(moving.locator(VIDEO)).to_have_count(0)
    expect(frame.get_by_role("button")).to_have_count(0)
    with moving.expect_download() as download:
        note.get_by_role("link").click()
    assert download.value.suggested_filename == "old.jpg.mp4"
    moving.keyboard.press("ArrowLeft")
    expect(note).to_be_hidden()


def test_a_film_that_is_gone_gets_the_services_own_words(moving: Page) -> None:
    error = {"error": {"code": "not_found", "message": "live.mov is gone from disk."}}

    def gone(route: Route) -> None:
        route.fulfill(status=404, body=json.dumps(error), content_type="application/json")

    moving.route("**/motion", gone)
    open_picture(moving, "live.jpg")
    moving.get_by_role("button", name=PLAY).click()
    expect(moving.locator("#motion-note")).to_have_text("live.mov is gone from disk.")
    assert moving.locator("#motion-note a").count() == 0


def test_on_a_phone_the_button_stays_on_the_still(browser: Browser, moving_server: str) -> None:
    with watched(browser, moving_server) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        frame = open_picture(page, "motion.jpg").bounding_box()
        button = page.get_by_role("button", name=PLAY).bounding_box()
    assert frame
    assert button
    assert frame["x"] <= button["x"]
    assert button["x"] + button["width"] <= frame["x"] + frame["width"] <= 360
    assert button["y"] + button["height"] <= frame["y"] + frame["height"]
