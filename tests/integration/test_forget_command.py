"""`atisbo forget` and `atisbo failures` as a user runs them."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.integration.command import atisbo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name, red in {"1": 10, "sub/2": 80, "sub/3": 150}.items():
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (red, 0, 90)).save(path)
        path.with_suffix(".txt").write_text(f"number {name}\n")
    return folder


@pytest.fixture
def library(photos: Path) -> Path:
    folder = photos.parent / "library"
    assert atisbo("index", photos, "--library", folder).returncode == 0
    return folder


def paths(library: Path, target: str = "image") -> set[str]:
    result = atisbo("search", "red", "--library", library, "--json", "--target", target)
    assert result.returncode == 0, result.stderr
    return {hit["item"]["path"] for hit in json.loads(result.stdout)["hits"]}


def sound(library: Path) -> bool:
    return atisbo("verify", "--library", library).returncode == 0


def test_a_forgotten_picture_stays_out_with_its_caption_until_undone(
    photos: Path, library: Path
) -> None:
    result = atisbo("forget", photos / "1.png", "--library", library)
    assert result.returncode == 0, result.stderr
    assert "2 files are forgotten" in result.stdout
    assert (photos / "1.png").exists()
    assert paths(library) == {"sub/2.png", "sub/3.png"}
    assert paths(library, "text") == {"sub/2.txt", "sub/3.txt"}
    (photos / "1.png").rename(photos / "renamed.png")
    (photos / "1.txt").rename(photos / "renamed.txt")
    atisbo("index", photos, "--library", library)
    assert paths(library) == {"sub/2.png", "sub/3.png"}
    assert sound(library)
    back = atisbo("forget", "--undo", photos, "--library", library)
    assert "2 files may come in again" in back.stdout
    atisbo("index", "--library", library)
    assert paths(library) == {"renamed.png", "sub/2.png", "sub/3.png"}


def test_a_forgotten_folder_of_a_root(photos: Path, library: Path) -> None:
    (photos / "sub" / "2.png").unlink()
    assert "4 files" in atisbo("forget", photos / "sub", "--library", library).stdout
    assert paths(library) == {"1.png"}
    Image.new("RGB", (8, 8), (9, 200, 9)).save(photos / "sub" / "new.png")
    atisbo("index", photos, "--library", library)
    assert paths(library) == {"1.png", "sub/new.png"}
    assert sound(library)


def test_a_root_is_forgotten_as_if_it_had_never_been_indexed(photos: Path, library: Path) -> None:
    shutil.rmtree(photos)
    assert atisbo("forget", photos, "--library", library).returncode == 0
    assert paths(library) == set()
    assert not list((library / "thumbnails").rglob("*.webp"))
    assert sound(library)
    assert "none of the folders" in atisbo("index", "--library", library).stderr


def test_a_path_that_the_library_does_not_hold_is_an_error(photos: Path, library: Path) -> None:
    result = atisbo("forget", photos / "none.png", "--library", library)
    assert result.returncode == 2
    assert "holds nothing of" in result.stderr


def test_failures_are_listed_and_tried_again(photos: Path, library: Path) -> None:
    assert "Every file could be read" in atisbo("failures", "--library", library).stdout
    bad = photos / "sub" / "bad.png"
    bad.write_bytes((photos / "1.png").read_bytes()[:40])
    atisbo("index", photos, "--library", library)
    (failed,) = json.loads(atisbo("failures", "--library", library, "--json").stdout)
    assert failed["path"] == str(bad)
    assert failed["reason"]
    assert str(bad) in atisbo("failures", "--library", library).stdout
    again = atisbo("failures", "--retry", "--library", library)
    assert again.returncode == 0, again.stderr
    assert len(json.loads(atisbo("failures", "--library", library, "--json").stdout)) == 1
    stat = bad.stat()
    content = (photos / "1.png").read_bytes()
    bad.write_bytes(content)
    assert stat.st_size != len(content)
    atisbo("failures", "--retry", "--library", library)
    assert json.loads(atisbo("failures", "--library", library, "--json").stdout) == []
    assert paths(library) == {"1.png", "sub/2.png", "sub/3.png"}, "a copy of 1.png"
