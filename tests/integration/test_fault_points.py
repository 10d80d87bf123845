"""Each durable operation of each command that writes: killed before and after it, or the disk full.

Between the fault and the next run nothing half done may be shown; after it all is as if nothing had
happened. The default looks at the last operation of each name, ATISBO_TEST_FAULTS=all at every one;
-o log_cli=true -o log_cli_level=INFO says which there are.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.library import live_space, open_space
from indexer.spaces import spaces
from indexer.types import Modality
from indexer.verify import verify

ALL = os.environ.get("ATISBO_TEST_FAULTS") == "all"
# What is killed before an operation is as if it was killed after the one before.
FAULTS = [("kill", "after"), ("full", "before")] + [("kill", "before")] * ALL
ROOT = Path(__file__).resolve().parents[2]

log = logging.getLogger(__name__)

Shown = Mapping[tuple[object, ...], tuple[int, list[str | None]]]
"""What can be found: what an item is, and its id, the places of its files and the picture it is
about, which both may come after it."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


class Commands:
    """Runs commands in forks of one process, faults included."""

    def __init__(self, folder: Path) -> None:
        environment = {
            **os.environ,
            "ATISBO_MODEL": "colour",
            "ATISBO_INDEX": "exact",
            "ATISBO_WORKERS": "2",
            "ATISBO_CHECKPOINT_ITEMS": "3",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.faults"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, library: Path, *argv: object, **fault: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        job = {"library": str(library), "argv": [*map(str, argv)], "log": str(self.log), **fault}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs cost nothing there."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    running = Commands(tmp_path)
    yield running
    running.close()


def draw(photos: Path, name: str, red: int) -> None:
    path = photos / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (red, 0, 90)).save(path)
    path.with_suffix(".txt").write_text(f"caption of {name}\n")


def first_photos(photos: Path) -> None:
    for number in range(5):
        draw(photos, f"a/{number}", 50 * number)
    shutil.copy(photos / "a/1.png", photos / "copy.png")
    (photos / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")


def changed_photos(photos: Path) -> None:
    for number in range(5, 8):
        draw(photos, f"b/{number}", 33 * number)
    draw(photos, "a/0", 255)  # changed
    (photos / "a/1.png").unlink()  # its copy inherits
    (photos / "a/2.png").unlink()
    (photos / "a/2.txt").unlink()
    (photos / "a/3.png").rename(photos / "moved.png")
    (photos / "a/3.txt").rename(photos / "moved.txt")
    shutil.copy(photos / "a/4.png", photos / "b/copy.png")
    os.utime(photos / "a/4.png", ns=(1, 1))
    (photos / "bad.jpg").unlink()
    Image.new("RGB", (9, 9), (1, 2, 3)).save(photos / "bad.jpg")


def damage(library: Path) -> None:
    """Loses a row, a vector and a taught file."""
    catalog = open_catalog(library / "catalog.db")
    (root,) = catalog.roots()
    catalog.forget([one for one in catalog.stored(root) if one.path == "a/2.png"])
    catalog.close()
    taught = next(space for space in spaces(library) if space.base is not None)
    segment = next((library / "spaces" / taught.name / "image").glob("*.segment"))
    segment.write_bytes(segment.read_bytes()[:-3])


def taught_name(library: Path) -> str:
    return next(space.name for space in spaces(library) if space.base is not None)


@dataclass(frozen=True)
class Scenario:
    """A command on a library: what was done before, what has changed since, and the command."""

    command: Callable[[Path, Path], tuple[object, ...]]
    before: tuple[str, ...] = ("index",)
    change: Callable[[Path, Path], None] = lambda photos, library: None


SCENARIOS = {
    "the first run": Scenario(lambda photos, _: ("index", photos), before=()),
    "a run after changes": Scenario(
        lambda photos, _: ("index", photos),
        before=("index", "teach"),
        change=lambda photos, _: changed_photos(photos),
    ),
    "another model": Scenario(lambda photos, _: ("index", photos, "--model", "other")),
    "making a taught space": Scenario(lambda *_: ("teach",)),
    "using a space": Scenario(
        lambda _, library: ("models", "use", taught_name(library)), before=("index", "teach")
    ),
    "dropping a space": Scenario(
        lambda _, library: ("models", "drop", taught_name(library)), before=("index", "teach")
    ),
    "forgetting files": Scenario(lambda photos, _: ("forget", photos / "a"), ("index", "teach")),
    "repairing": Scenario(
        lambda *_: ("verify", "--repair"),
        before=("index", "teach"),
        change=lambda _, library: damage(library),
    ),
}


def shown(library: Path) -> Shown:
    """Returns what a search can show now; every row that may be shown must have its vector."""
    if not (library / "library.json").exists():
        return {}
    catalog = open_catalog(library / "catalog.db")
    space = live_space(library)
    indexes = open_space(library, space, "exact")
    found: dict[tuple[object, ...], tuple[int, list[str | None]]] = {}
    for modality in Modality:
        ids = catalog.ids(modality)
        vectors = indexes[modality].vectors(ids)
        items = catalog.fetch(ids.tolist())
        places = catalog.places(ids.tolist())
        for id, vector in zip(ids.tolist(), np.round(vectors, 2).tolist(), strict=True):
            item = items[id]
            about = catalog.fetch([item.about])[item.about].path if item.about else None
            key = (item.path, item.position, item.text, *vector)
            assert key not in found, f"shown twice: {key}"
            found[key] = (id, [about, *sorted(file.path for file in places.get(id, ()))])
    catalog.close()
    return found


def wrong(library: Path) -> list[str]:
    catalog = open_catalog(library / "catalog.db")
    facts = [one.fact for one in verify(library, catalog).findings]
    catalog.close()
    return facts


def chosen(points: list[str]) -> list[int]:
    """Returns the operations to disturb."""
    if ALL:
        return list(range(len(points)))
    return sorted({name: at for at, name in enumerate(points)}.values())


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_operation_may_be_the_last(name: str, place: Path, commands: Commands) -> None:
    scenario = SCENARIOS[name]
    photos, base = place / "photos", place / "base"
    first_photos(photos)
    for command in scenario.before:
        done = commands.run(base, *(("index", photos) if command == "index" else (command,)))
        assert done["code"] == 0, done["said"]
    scenario.change(photos, base)
    command = scenario.command(photos, base)

    def library(label: str) -> Path:
        folder = place / label
        if base.exists():
            shutil.copytree(base, folder)
        return folder

    def run(folder: Path, **fault: object) -> dict[str, Any]:
        return commands.run(folder, *command, **fault)

    before = shown(base) if name != "repairing" else {}
    undisturbed = run(library("undisturbed"))
    assert undisturbed["code"] == 0, undisturbed["said"]
    after = shown(place / "undisturbed")
    points = undisturbed["points"]
    hits: Counter[str] = Counter()
    for at in chosen(points):
        for kind, when in FAULTS:
            if kind == "full" and points[at].partition(" ")[0] in ("unlink", "rmdir", "remove"):
                continue  # a full disk does not keep anybody from deleting
            folder = library(f"{at}-{kind}-{when}")
            label = f"{name}: {kind} {when} operation {at}, {points[at]}"
            done = run(folder, kind=kind, at=at, when=when)
            if kind == "kill":
                assert done["killed"], (label, done["said"])
            else:
                assert done["code"] == 2, (label, done)
                assert "No space left" in done["said"] or "disk is full" in done["said"], label
                assert "Traceback" not in done["said"], (label, done["said"])
            if name != "repairing":
                between = shown(folder)
                strange = set(between) - set(before) - set(after)
                assert not strange, (label, strange)
                assert set(before) & set(after) <= set(between), (label, "something was lost")
            again = run(folder)
            finished = name == "dropping a space" and again["code"] == 2
            assert again["code"] == 0 or finished, (label, again["said"])
            healed = shown(folder)
            assert {key: files for key, (_, files) in healed.items()} == {
                key: files for key, (_, files) in after.items()
            }, label
            for key in before.keys() & after.keys():
                assert healed[key][0] == before[key][0], (label, "an id changed", key)
            left = [fact for fact in wrong(folder) if not fact.endswith("are gone: bad.jpg")]
            assert not left, (label, left)
            hits[points[at]] += 1
            shutil.rmtree(folder)
    assert set(hits) == set(points)
    log.info("%s: %d faults; items %d, then %d", name, sum(hits.values()), len(before), len(after))
    for point, count in sorted(hits.items()):
        log.info("%6d  %s", count, point)
