"""A folder that vanishes while it is indexed, as a network share does: nothing is lost."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from indexer.catalog import open_catalog
from indexer.types import Modality
from tests.integration.command import atisbo

OLD, NEW = 40, 600


def test_what_was_known_stays_and_the_rest_is_indexed_later(tmp_path: Path) -> None:
    photos, library = tmp_path / "photos", tmp_path / "library"
    photos.mkdir()
    for number in range(OLD):
        Image.new("RGB", (40, 30 + number), (200, 9, 9)).save(photos / f"old {number}.jpg")
    assert atisbo("index", photos, "--library", library).returncode == 0
    for number in range(OLD):  # all of them changed, so that all are read again
        Image.new("RGB", (41, 30 + number), (9, 200, 9)).save(photos / f"old {number}.jpg")
    for number in range(NEW):
        Image.new("RGB", (800, 600 + number), (9, 9, 200)).save(photos / f"new {number}.jpg")
    command = [sys.executable, "-m", "indexer", "index", str(photos), "--library", str(library)]
    run = subprocess.Popen(
        [*command, "--workers", "1", "--batch-size", "4"],
        env={**os.environ, "ATISBO_MODEL": "colour", "ATISBO_CHECKPOINT_ITEMS": "8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(shown(library)) < OLD + 5:
        assert time.monotonic() < deadline
        assert run.poll() is None, "it was done before the folder could vanish"
    photos.rename(tmp_path / "away")
    _, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert f"{photos} went away" in " ".join(said.split())
    between = shown(library)
    assert len(between) < OLD + NEW
    assert {f"old {number}.jpg" for number in range(OLD)} <= between
    (tmp_path / "away").rename(photos)
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert len(shown(library)) == OLD + NEW
    assert json.loads(atisbo("failures", "--library", library, "--json").stdout) == []
    assert atisbo("verify", "--library", library).returncode == 0


def shown(library: Path) -> set[str]:
    catalog = open_catalog(library / "catalog.db")
    items = catalog.fetch(catalog.ids(Modality.IMAGE).tolist())
    catalog.close()
    return {item.path for item in items.values()}
