"""A running service over a small library, and a browser page on it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from indexer.types import Span
from tests.e2e.films import ScenesReader, draw_film, make_films_library

COLOURS = {
    "red": (230, 20, 20),
    "green": (10, 160, 20),
    "blue": (20, 20, 230),
    "yellow": (240, 240, 20),
    "purple": (120, 0, 150),
}
MARKUP = "<img src=nowhere onerror=document.title='markup'>"
FILMS = {"trip.mp4": ["red", "green", "blue"], "old.avi": ["yellow", "purple"]}
WORDS = {Span(4500, 5500, 4500): "a purple hat", Span(500, 1500, 500): "a black boot"}
SIZES = [(640, 480), (480, 640), (900, 300), (500, 500)]
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures in plain colours, several shapes of each, with captions."""
    folder = tmp_path_factory.mktemp("e2e") / "photos"
    folder.mkdir()
    for name, colour in COLOURS.items():
        for number, size in enumerate(SIZES * 2):
            # The comment tells pictures of the same looks apart: they are no exact copies.
            path = folder / f"{name}-{number}.jpg"
            Image.new("RGB", size, colour).save(path, comment=str(number))
        (folder / f"{name}-0.txt").write_text(f"a {name} wall\n")
    (folder / "purple-1.txt").write_text(f"purple {MARKUP}\n")
    (folder / "captions.csv").write_text(
        "image,caption\ngone.jpg,a red hat on a red chair by a white wall\n"
    )
    (folder / "broken.jpg").write_bytes(b"not a picture at all")
    return folder


def atisbo(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "indexer", *map(str, arguments)]


@pytest.fixture(scope="session")
def server(media: Path) -> Iterator[str]:
    """The address of `atisbo serve` over an indexed library."""
    library = media.parent / "library"
    indexing = atisbo("index", media, "--library", library, "--model", "colour")
    subprocess.run(indexing, check=True, capture_output=True)
    with served(library) as address:
        yield address


@pytest.fixture(scope="session")
def film_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `atisbo serve` over two films, one of which no browser plays."""
    folder = tmp_path_factory.mktemp("e2e-films") / "films"
    folder.mkdir()
    scenes = {name: [COLOURS[colour] for colour in colours] for name, colours in FILMS.items()}
    for name, codec in (("trip.mp4", "libx264"), ("old.avi", "mpeg4")):
        draw_film(folder / name, scenes[name], codec=codec)
    library = folder.parent / "library"
    make_films_library(library, folder, ScenesReader(scenes, {"trip.mp4": WORDS}))
    with served(library) as address:
        yield address


@contextmanager
def served(library: Path) -> Iterator[str]:
    """Runs the service over the library."""
    command = atisbo("serve", "--library", library, "--port", 0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+?:\d+", process.stdout.readline())
        try:
            assert found, "the service did not start"
            yield found[0]
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("Chromium is not installed (Debian's package: chromium)")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh page over pictures and captions; see `watched`."""
    with watched(browser, server) as opened:
        yield opened


@pytest.fixture
def film_page(browser: Browser, film_server: str) -> Iterator[Page]:
    """A fresh page over films; see `watched`."""
    with watched(browser, film_server) as opened:
        yield opened


@contextmanager
def watched(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh page; it must leave no error in the console and call no other host."""
    context = browser.new_context(base_url=server, viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    complaints: list[str] = []

    def console(message: ConsoleMessage) -> None:
        # A refused or aborted request is a line in the console too; some tests want just that.
        if message.type in {"error", "warning"} and "Failed to load" not in message.text:
            complaints.append(message.text)

    def request(sent: Request) -> None:
        if not sent.url.startswith((f"{server}/", "blob:", "data:")):
            complaints.append(f"foreign request {sent.url}")

    opened.on("console", console)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", request)
    opened.set_default_timeout(10_000)
    yield opened
    context.close()
    assert complaints == []
