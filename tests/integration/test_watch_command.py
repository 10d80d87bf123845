"""`atisbo watch` as a user runs it: a folder changes, the library follows."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.types import Modality
from tests.integration.command import atisbo

PATIENCE_S = 30.0


def draw(path: Path, red: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (red, 0, 90)).save(path)


class Watched:
    """A folder under watch, and what its library holds."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.library = folder / "library"
        self.log = folder / "log"
        for number in range(3):
            draw(self.photos / "a" / f"{number}.png", 40 * number)
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "indexer", "watch", str(self.photos)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*command, "--library", str(self.library), "--settle", "0.5"],
                env={**os.environ, "ATISBO_MODEL": "colour"},
                stderr=log,
            )

    def held(self) -> dict[str, int]:
        """Returns the id of each picture that may be shown, by path."""
        if not (self.library / "catalog.db").exists():
            return {}
        catalog = open_catalog(self.library / "catalog.db")
        items = catalog.fetch(catalog.ids(Modality.IMAGE).tolist())
        catalog.close()
        return {item.path: item.id for item in items.values()}

    def wait_for(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        deadline = time.monotonic() + PATIENCE_S
        while not condition(held := self.held()):
            assert time.monotonic() < deadline, (held, self.log.read_text())
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        return held

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    if watched.process.poll() is None:
        watched.process.kill()
        watched.process.wait()


def paths(*wanted: str) -> Callable[[dict[str, int]], bool]:
    return lambda held: set(held) == set(wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="stopped by a signal")
def test_the_library_follows_what_happens_in_the_folder(watched: Watched) -> None:
    photos = watched.photos
    before = watched.wait_for(paths("a/0.png", "a/1.png", "a/2.png"))
    (photos / "a").rename(photos / "b")
    after = watched.wait_for(paths("b/0.png", "b/1.png", "b/2.png"))
    assert sorted(after.values()) == sorted(before.values()), "moved, not embedded again"
    (photos / "b" / "0.png").unlink()
    draw(photos / "new" / "deep" / "3.png", 200)
    watched.wait_for(paths("b/1.png", "b/2.png", "new/deep/3.png"))
    # half a file, then the rest: never taken for damaged
    whole = photos.parent / "whole.png"
    draw(whole, 250)
    content = whole.read_bytes()
    with (photos / "slow.png").open("wb") as file:
        for byte in content:
            file.write(bytes([byte]))
            file.flush()
            time.sleep(2 / len(content))
    watched.wait_for(paths("b/1.png", "b/2.png", "new/deep/3.png", "slow.png"))
    assert "skipped" not in watched.log.read_text()
    # the library is free in between
    assert atisbo("forget", photos / "slow.png", "--library", watched.library).returncode == 0
    shutil.rmtree(photos / "new")
    watched.wait_for(paths("b/1.png", "b/2.png"))
    assert watched.stop() == 0
    assert "Traceback" not in watched.log.read_text()
    assert atisbo("verify", "--library", watched.library).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="stopped by a signal")
def test_a_root_that_goes_and_comes_back_is_watched_again(watched: Watched) -> None:
    photos = watched.photos
    before = watched.wait_for(paths("a/0.png", "a/1.png", "a/2.png"))
    photos.rename(photos.with_name("away"))
    time.sleep(1.5)
    assert watched.held() == before
    photos.with_name("away").rename(photos)
    time.sleep(1.5)
    draw(photos / "a" / "3.png", 200)
    held = watched.wait_for(paths("a/0.png", "a/1.png", "a/2.png", "a/3.png"))
    assert before.items() <= held.items()
