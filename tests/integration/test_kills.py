"""SIGKILL at random moments while files come, change, move, are copied and go.

Nothing is lost, doubled or shown half.

ATISBO_TEST_KILLS sets how often on each database, and twice as often as the database is killed
itself; the default keeps the suite quick.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.types import Modality
from tests.films import COLOURS, make_film, scene
from tests.postgres import Server

KILLS = int(os.environ.get("ATISBO_TEST_KILLS", "5"))


SCENES = 3


class Photos:
    """A folder of pictures with captions, and of films, changed at random."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.made = 0
        for _ in range(80):
            self.add()
        for _ in range(3):
            self.add_film()

    def add(self) -> None:
        place = self.folder / f"set {self.random.randrange(4)}"
        place.mkdir(parents=True, exist_ok=True)
        self.draw(place / f"{self.made}.png")
        (place / f"{self.made}.txt").write_text(f"number {self.made}\n")
        self.made += 1

    def add_film(self) -> None:
        scenes = [
            (scene(colour, self.made), self.random.uniform(1, 2))
            for colour in self.random.sample(COLOURS, SCENES)
        ]
        make_film(self.folder / f"film {self.made}.mp4", scenes)
        self.made += 1

    def films(self) -> list[Path]:
        return sorted(self.folder.rglob("*.mp4"))

    def draw(self, path: Path) -> None:
        colour = tuple(self.random.randrange(256) for _ in range(3))
        Image.new("RGB", (self.random.randrange(8, 40), 9), colour).save(path)

    def pictures(self) -> list[Path]:
        return sorted(self.folder.rglob("*.png"))

    def disturb(self) -> None:
        for _ in range(4):  # about as many go
            self.add()
        for path in self.random.sample(self.pictures(), 12):
            caption = path.with_suffix(".txt")
            number = path.stem.rpartition(" ")[2]
            match self.random.randrange(4):
                case 0:
                    self.draw(path)
                case 1:
                    path.unlink()
                    caption.unlink(missing_ok=True)
                case 2:
                    copy = path.with_stem(f"copy {self.random.randrange(10**6)} {number}")
                    copy.write_bytes(path.read_bytes())
                case _:
                    for one in [path, caption] if caption.exists() else [path]:
                        one.rename(one.with_stem(f"renamed {self.made} {number}"))
        self.random.choice(self.films()).unlink()
        self.add_film()
        places = [place for place in self.folder.iterdir() if place.is_dir()]
        chosen = self.random.choice(places)
        chosen.rename(chosen.with_name(f"{chosen.name[:5]} {self.random.randrange(10**6)}"))


def start(photos: Photos, *where: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "indexer", "index", str(photos.folder)]
    environment = {**os.environ, "ATISBO_MODEL": "colour", "ATISBO_CHECKPOINT_ITEMS": "4"}
    return subprocess.Popen(
        [*command, *where, "--batch-size", "2"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def waited(running: subprocess.Popen[bytes], seconds: float) -> float:
    """Returns how long the run took, 0 if it still goes on after so many seconds."""
    began = time.monotonic()
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        return 0.0
    return time.monotonic() - began


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_kills_at_random_moments_leave_a_library_that_heals(tmp_path: Path, database: str) -> None:
    photos = Photos(tmp_path / "photos", seed=1)
    where = ("--library", str(tmp_path / "library"), "--database", database)
    pause = random.Random(2)
    whole = 0.0
    killed = 0
    while killed < KILLS:
        began = time.monotonic()
        running = start(photos, *where)
        if not whole:  # how long an undisturbed run takes here, to aim by
            assert running.wait() == 0, running.stderr and running.stderr.read()
            whole = time.monotonic() - began
        else:
            if lasted := waited(running, pause.uniform(0.5, 1.1) * whole):
                whole = lasted  # less is to be done than before: aim earlier
            running.kill()
            killed += running.wait() == -signal.SIGKILL
        if running.stderr:
            running.stderr.close()
        photos.disturb()
    prove(photos, *where, database=database)


def test_a_database_killed_at_random_moments_leaves_a_library_that_heals(
    tmp_path: Path, postgres_server: Server
) -> None:
    photos, database = Photos(tmp_path / "photos", seed=3), postgres_server.new_database()
    where = ("--library", str(tmp_path / "library"), "--database", database)
    pause = random.Random(4)
    whole = 0.0
    stopped = 0
    while stopped < max(1, KILLS // 2):
        began = time.monotonic()
        running = start(photos, *where)
        if not whole:
            assert running.wait() == 0, running.stderr and running.stderr.read()
            whole = time.monotonic() - began
        else:
            if lasted := waited(running, pause.uniform(0.5, 1.1) * whole):
                whole = lasted
            postgres_server.stop("immediate")
            status = running.wait()
            postgres_server.start()
            said = running.stderr.read().decode() if running.stderr else ""
            assert status in (0, 2), said
            assert "Traceback" not in said
            stopped += status == 2
        if running.stderr:
            running.stderr.close()
        photos.disturb()
    prove(photos, *where, database=database)


def prove(photos: Photos, *where: str, database: str) -> None:
    """Asserts that one more run makes the library right, by `verify` and by its rows."""
    last = start(photos, *where)
    _, said = last.communicate()
    assert last.returncode == 0, said
    verified = subprocess.run(
        [sys.executable, "-m", "indexer", "verify", *where, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    checked = json.loads(verified.stdout)
    assert checked["findings"] == []
    catalog = open_catalog(database)
    stored = {one.path for one in catalog.stored(str(photos.folder))}
    there = {path.relative_to(photos.folder).as_posix() for path in photos.folder.rglob("*.*")}
    captions, pictures = catalog.pairs()
    items = catalog.fetch([*captions.tolist(), *pictures.tolist()])
    held = catalog.counts()
    catalog.close()
    assert stored == there
    captioned = list(photos.folder.rglob("*.txt"))
    assert len(set(pictures.tolist())) == len(captions) == len(captioned)
    stills = held.items[Modality.IMAGE] - held.moments
    assert held.copies == len(photos.pictures()) - stills > 0
    assert held.items[Modality.VIDEO] == len(photos.films())
    assert held.moments == SCENES * len(photos.films())
    for caption, picture in zip(captions.tolist(), pictures.tolist(), strict=True):
        name = Path(items[picture].path).stem
        assert items[caption].text == f"number {name.rpartition(' ')[2]}"
