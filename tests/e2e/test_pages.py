"""Files of several pictures on the page: each is shown for itself."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.e2e.conftest import served, watched
from tests.films import scene
from tests.integration.command import atisbo

TILES = "#pictures li:visible a"

MIDDLE = """async picture => {
    await picture.decode();
    const pen = new OffscreenCanvas(1, 1).getContext("2d");
    pen.drawImage(picture, 0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map(one => one > 127);
}"""


def test_each_page_and_each_moment_of_an_animation_is_shown_large(
    browser: Browser, tmp_path: Path
) -> None:
    folder, library = tmp_path / "scans", tmp_path / "library"
    folder.mkdir()
    for name, options in (("scan.tif", {}), ("anim.gif", {"duration": 2000})):
        red, blue = (scene(colour) for colour in ("red", "blue"))
        red.save(folder / name, save_all=True, append_images=[blue], **options)
    done = atisbo("index", folder, "--library", library, "--model", "colour")
    assert done.returncode == 0, done.stderr
    red_and_blue = ([True, False, False, True], [False, False, True, True])
    with served(library) as server, watched(browser, server) as page:
        for name, colour in (
            ("scan.tif, score", red_and_blue[0]),
            ("scan.tif, page 2, score", red_and_blue[1]),
            ("anim.gif at 0 seconds", red_and_blue[0]),
            ("anim.gif at 2 seconds", red_and_blue[1]),
        ):
            page.goto("/?q=red")
            page.locator(f"{TILES}[aria-label^='{name}']").click()
            large = page.locator("#large.there")
            expect(large).to_be_visible()
            assert large.evaluate(MIDDLE) == colour, name
            if "page 2" in name:
                expect(page.locator("#facts-list")).to_contain_text("Page2")
