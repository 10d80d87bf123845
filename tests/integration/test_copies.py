"""Exact copies of pictures: embedded once, found at all their places."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.integration.command import atisbo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name, colour in {"red": (250, 10, 10), "green": (10, 170, 10)}.items():
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.png")
    shutil.copy(folder / "red.png", folder / "sub" / "copy.png")
    (folder / "sub" / "copy.txt").write_text("a red wall\n")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def found(library: Path) -> dict[str, list[str]]:
    """Returns each picture's path, with those of its copies."""
    result = atisbo("search", "red", "--library", library, "--json")
    assert result.returncode == 0, result.stderr
    items = [hit["item"] for hit in json.loads(result.stdout)["hits"]]
    return {item["path"]: item["copies"] for item in items}


def test_a_copy_is_found_at_both_places_and_outlives_its_original(
    photos: Path, library: Path
) -> None:
    result = atisbo("index", photos, "--library", library)
    assert result.returncode == 0, result.stderr
    assert "exact copies" in result.stdout
    assert found(library) == {"red.png": ["sub/copy.png"], "green.png": []}
    captions = atisbo("search", "red", "--target", "text", "--library", library, "--json")
    assert json.loads(captions.stdout)["hits"][0]["item"]["picture"]["path"] == "red.png"
    (photos / "red.png").unlink()
    (photos / "sub").rename(photos / "other")
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert found(library) == {"other/copy.png": [], "green.png": []}
    verified = atisbo("verify", "--library", library)
    assert verified.returncode == 0, verified.stdout


def test_a_new_copy_and_a_copy_that_changes(photos: Path, library: Path) -> None:
    atisbo("index", photos, "--library", library)
    shutil.copy(photos / "green.png", photos / "again.png")
    Image.new("RGB", (64, 48), (10, 10, 250)).save(photos / "sub" / "copy.png")
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert found(library) == {"red.png": [], "green.png": ["again.png"], "sub/copy.png": []}
