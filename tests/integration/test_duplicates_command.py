"""`atisbo duplicates` on drawn pictures, and on real photos with copies made of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def atisbo(*arguments: object, model: str = "colour") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    environment = {**os.environ, "ATISBO_MODEL": model}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env=environment
    )


def duplicates(library: Path, *options: object) -> dict[str, object]:
    result = atisbo("duplicates", "--library", library, "--json", *options)
    assert result.returncode == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def names(found: dict[str, object]) -> list[list[str]]:
    return [[Path(file["path"]).name for file in group["files"]] for group in found["groups"]]


def scene(seed: int, side: int) -> Image.Image:
    cells = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture, the same smaller, another one twice byte for byte, and one alone."""
    folder = tmp_path_factory.mktemp("held twice")
    photos = folder / "photos"
    (photos / "trip").mkdir(parents=True)
    scene(1, 200).save(photos / "large.png")
    scene(1, 200).resize((90, 90)).save(photos / "trip" / "small.jpg", quality=70)
    scene(2, 80).save(photos / "one.png")
    shutil.copy(photos / "one.png", photos / "trip" / "other.png")
    scene(3, 80).save(photos / "alone.png")
    result = atisbo("index", photos, "--library", folder / "library")
    assert result.returncode == 0, result.stderr
    return folder / "library"


def test_groups_come_with_score_size_and_the_one_to_keep(library: Path) -> None:
    found = duplicates(library)
    assert sorted(names(found)) == [["large.png", "small.jpg"], ["one.png", "other.png"]]
    groups = {Path(group["files"][0]["path"]).name: group for group in found["groups"]}
    large, small = groups["large.png"]["files"]
    assert (large["keep"], large["width"], large["height"]) == (True, 200, 200)
    assert (small["keep"], small["width"], small["height"]) == (False, 90, 90)
    assert small["size_bytes"] == Path(small["path"]).stat().st_size
    assert 0.8 <= small["score"] <= 1
    assert groups["one.png"]["exact"] is True
    assert groups["large.png"]["exact"] is False
    assert found["threshold"] == 0.8
    spare = sum(file["size_bytes"] for g in found["groups"] for file in g["files"][1:])
    assert found["totals"] == {"groups": 2, "files": 4, "spare_bytes": spare}


def test_people_read_what_is_held_twice_and_that_nothing_was_changed(library: Path) -> None:
    photos = library.parent / "photos"
    before = {path: path.read_bytes() for path in photos.rglob("*.*")}
    result = atisbo("duplicates", "--library", library)
    assert result.returncode == 0, result.stderr
    assert "keep" in result.stdout
    assert "200x200" in result.stdout
    assert "the same byte for byte" in result.stdout
    assert "2 groups with 4 files" in result.stdout
    assert "Nothing was changed." in result.stdout
    assert {path: path.read_bytes() for path in photos.rglob("*.*")} == before


def test_exact_only_and_under_narrow_what_is_listed(library: Path) -> None:
    assert names(duplicates(library, "--exact-only")) == [["one.png", "other.png"]]
    assert names(duplicates(library, "--under", library.parent / "photos" / "trip")) == []
    assert len(names(duplicates(library, "--under", library.parent / "photos"))) == 2


def test_lost_thumbnails_are_made_up_for_by_the_files(library: Path, tmp_path: Path) -> None:
    copy = tmp_path / "library"
    shutil.copytree(library, copy)
    shutil.rmtree(copy / "thumbnails")
    assert names(duplicates(copy)) == names(duplicates(library))


@pytest.mark.parametrize("threshold", ["0.2", "1.5", "high"])
def test_a_threshold_that_means_nothing_is_refused(library: Path, threshold: str) -> None:
    result = atisbo("duplicates", "--library", library, "--threshold", threshold)
    assert result.returncode == 2
    assert "--threshold" in result.stderr


def test_no_library_is_an_error_and_a_library_without_pictures_has_none(tmp_path: Path) -> None:
    result = atisbo("duplicates", "--library", tmp_path / "none")
    assert (result.returncode, "no library" in result.stderr) == (2, True)
    photos, library = tmp_path / "photos", tmp_path / "library"
    photos.mkdir()
    scene(1, 60).save(photos / "a.png")
    assert atisbo("index", photos, "--library", library).returncode == 0
    (photos / "a.png").unlink()
    atisbo("index", photos, "--library", library, "--allow-empty")
    assert names(duplicates(library)) == []
    result = atisbo("duplicates", "--library", library)
    assert "No picture is held twice" in result.stdout


def test_copies_of_real_photos_are_found_and_nothing_else(
    shared_data: Path, tmp_path: Path
) -> None:
    photos, library = tmp_path / "photos", tmp_path / "library"
    photos.mkdir()
    real = sorted((shared_data / "flickr8k" / "images").glob("*.jpg"))[:240:2]
    expected = set()
    for number, path in enumerate(real):
        shutil.copy(path, photos / path.name)
        if number % 4 == 0:
            image = Image.open(path).convert("RGB")
            image.save(photos / f"{path.stem}-again.jpg", quality=40)
            image.crop((4, 6, 188, 190)).save(photos / f"{path.stem}-crop.jpg", quality=85)
            expected.add(frozenset(f"{path.stem}{end}" for end in ("", "-again", "-crop")))
    assert atisbo("index", photos, "--library", library, model="pocket").returncode == 0
    found = {frozenset(Path(one).stem for one in group) for group in names(duplicates(library))}
    assert found == expected
