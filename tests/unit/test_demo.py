"""The demo's captions and the script that collects its photographs."""

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from PIL import Image

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture(scope="module")
def photos() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo_photos", DEMO / "photos.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def installed(photos: ModuleType) -> list[Path]:
    folders = photos.picture_folders()
    absent = [name for name, folder in folders.items() if folder is None]
    if absent:
        pytest.skip(f"{' and '.join(absent)} not installed (extra: demo)")
    return list(folders.values())


def test_table_has_two_to_four_captions_for_each_picture(photos: ModuleType) -> None:
    captions: dict[str, list[str]] = {}
    for name, caption in photos.read_table():
        captions.setdefault(name, []).append(caption)
    assert len(captions) >= 20
    assert {name: len(of) for name, of in captions.items() if not 2 <= len(of) <= 4} == {}


def test_table_is_tidy(photos: ModuleType) -> None:
    with photos.TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, strict=True))
    assert rows[0] == ["image", "caption"]
    assert [row for row in rows if len(row) != 2] == []
    assert [row for row in rows if [cell.strip() for cell in row] != row or "" in row] == []
    assert rows[1:] == sorted(rows[1:], key=lambda row: row[0])


def test_no_caption_is_used_twice(photos: ModuleType) -> None:
    captions = [caption.casefold() for _, caption in photos.read_table()]
    assert sorted(captions) == sorted(set(captions))


def test_every_caption_names_a_picture_that_is_installed(
    photos: ModuleType, installed: list[Path]
) -> None:
    names = {name for name, _ in photos.read_table()}
    assert names - set(photos.find_pictures(names, installed)) == set()


def test_every_picture_decodes_and_is_large_enough_to_look_at(
    photos: ModuleType, installed: list[Path]
) -> None:
    names = {name for name, _ in photos.read_table()}
    for path in photos.find_pictures(names, installed).values():
        with Image.open(path) as image:
            image.load()
            assert min(image.size) >= 100, path


def test_collected_folder_holds_the_pictures_and_their_captions(
    photos: ModuleType, installed: list[Path], tmp_path: Path
) -> None:
    result = CliRunner().invoke(photos.main, [str(tmp_path / "photos")])
    assert result.exit_code == 0, result.output
    names = {name for name, _ in photos.read_table()}
    assert f"{len(names)} photographs" in result.output
    assert {path.name for path in (tmp_path / "photos").iterdir()} == {*names, "captions.csv"}
    assert photos.read_table(tmp_path / "photos" / "captions.csv") == photos.read_table()


def test_collecting_again_touches_nothing(photos: ModuleType, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (4, 4), "red").save(picture)
    folder = tmp_path / "photos"
    rows = [("a.png", "A red square"), ("b.png", "A picture that is absent")]
    assert photos.collect([picture], rows, folder) == 1
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert photos.collect([picture], rows, folder) == 0
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_captions_of_absent_pictures_are_left_out(photos: ModuleType, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (4, 4), "red").save(picture)
    rows = [("a.png", "A square, in red"), ("b.png", "A picture that is absent")]
    photos.collect([picture], rows, tmp_path / "photos")
    assert photos.read_table(tmp_path / "photos" / "captions.csv") == rows[:1]


def test_damaged_copy_is_replaced(photos: ModuleType, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (4, 4), "red").save(picture)
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture.read_bytes()[:-1])
    assert photos.collect([picture], [("a.png", "A red square")], folder) == 1
    assert (folder / "a.png").read_bytes() == picture.read_bytes()


def test_without_the_packages_the_error_names_the_way_out(
    photos: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    absent = {
        name: ("no_such_package_here", inside) for name, (_, inside) in photos.SOURCES.items()
    }
    monkeypatch.setattr(photos, "SOURCES", absent)
    result = CliRunner().invoke(photos.main, [str(tmp_path / "photos")])
    assert result.exit_code == 1
    assert "atisbo[demo]" in result.output
    assert not (tmp_path / "photos").exists()


def test_collecting_imports_neither_package(
    photos: ModuleType, installed: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("skimage", "sklearn"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    CliRunner().invoke(photos.main, [str(tmp_path / "photos")])
    assert not {"skimage", "sklearn"} & set(sys.modules)
