"""Libraries of other tools: taken in with their vectors, or refused with what was measured."""

import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.library import open_library
from indexer.types import Modality, Vectors
from tests.integration.command import atisbo
from tests.peers import clip_retrieval, embedded, rclip

COLOURS = ("red", "green", "blue", "yellow", "white", "black", "cyan", "magenta")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    paths = [folder / ("sub" if n % 2 else "") / f"{one}.png" for n, one in enumerate(COLOURS)]
    for path in paths:
        Image.new("RGB", (32, 24), path.stem).save(path)
    return paths


def offline() -> dict[str, str]:
    """Returns an environment in which no model is named and none can be fetched."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent"}


def held(library: Path) -> dict[str, np.ndarray]:
    """Returns the vectors of the library's pictures and captions, by path and text."""
    opened = open_library(library)
    found = {}
    for modality in (Modality.IMAGE, Modality.TEXT):
        ids = opened.catalog.ids(modality)
        items = opened.catalog.fetch(ids.tolist())
        for id, vector in zip(ids.tolist(), opened.indexes[modality].vectors(ids), strict=True):
            found[items[id].text or items[id].path] = vector
    opened.catalog.close()
    return found


def test_a_clip_retrieval_folder_comes_in_and_stays_in_step(
    photos: list[Path], tmp_path: Path
) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    library = tmp_path / "library"
    result = atisbo("import", output, "--model", "colour", "--library", library)
    assert result.returncode == 0, result.stderr
    assert "8 pictures and 8 captions came in from clip-retrieval" in result.stdout
    found = held(library)
    for one, vector in zip(photos, embedded(photos), strict=True):
        np.testing.assert_allclose(
            found[one.relative_to(tmp_path / "photos").as_posix()], vector, atol=2e-3
        )
    again = atisbo("index", tmp_path / "photos", "--library", library)
    assert "files unchanged │ 8 │" in " ".join(again.stdout.split())
    assert len(held(library)) == 16
    catalog = open_catalog(library / "catalog.db")
    captions, pictures = catalog.pairs()
    assert len(captions) == 8
    words = catalog.fetch(captions.tolist())
    shown = catalog.fetch(pictures.tolist())
    for caption, picture in zip(captions.tolist(), pictures.tolist(), strict=True):
        assert words[caption].origin == "clip-retrieval"
        assert (shown[picture].width, shown[picture].height) == (32, 24)
        assert words[caption].text == f"something {Path(shown[picture].path).stem}"
    catalog.close()
    assert atisbo("verify", "--library", library).returncode == 0
    twice = atisbo("import", output, "--library", library)
    assert "0 pictures and 0 captions came in" in twice.stdout
    assert "8 files were there" in twice.stdout


def test_an_rclip_database_comes_in_without_what_is_gone_or_changed(
    photos: list[Path], tmp_path: Path
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos))
    before = database.read_bytes()
    photos[0].unlink()
    Image.new("RGB", (40, 30), "gray").save(photos[1])
    library = tmp_path / "library"
    result = atisbo("import", database, "--model", "colour", "--library", library)
    assert result.returncode == 0, result.stderr
    assert "6 pictures" in result.stdout
    assert "left out 1: the file is gone" in result.stderr
    assert "left out 1: the file has changed" in result.stderr
    assert database.read_bytes() == before
    again = atisbo("index", tmp_path / "photos", "--library", library)
    assert "files unchanged │ 6 │" in " ".join(again.stdout.split())


def turned(vectors: Vectors) -> Vectors:
    """Returns what another model of the same width might have made."""
    mixed = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    return np.ascontiguousarray(vectors @ mixed, np.float32)


def test_another_model_is_refused_with_what_was_measured(
    photos: list[Path], tmp_path: Path
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, turned(embedded(photos)))
    library = tmp_path / "library"
    result = atisbo("import", database, "--model", "colour", "--library", library)
    assert result.returncode == 2
    assert "was not made with colour" in result.stderr
    assert "median cosine" in result.stderr
    assert "ViT-B-32-256/datacomp_s34b_b86k" in result.stderr
    assert not (library / "library.json").exists()


def test_another_width_is_refused_at_once(photos: list[Path], tmp_path: Path) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, np.ones((len(photos), 5), np.float32))
    result = atisbo("import", database, "--model", "colour", "--library", tmp_path / "library")
    assert result.returncode == 2
    assert "vectors of 5 numbers, colour makes 3" in result.stderr


def test_clip_retrieval_needs_a_model_to_be_named(photos: list[Path], tmp_path: Path) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    result = atisbo("import", output, "--library", tmp_path / "library", env=offline())
    assert result.returncode == 2
    assert "--model NAME" in result.stderr


@pytest.mark.parametrize(
    ("version", "model"),
    [(2, "ViT-B-32-quickgelu/openai"), (4, "ViT-B-32-256/datacomp_s34b_b86k")],
)
def test_the_version_of_a_database_tells_its_likely_model(
    photos: list[Path], tmp_path: Path, version: int, model: str
) -> None:
    database = rclip(tmp_path / "db.sqlite3", photos, embedded(photos), version=version)
    result = atisbo("import", database, "--library", tmp_path / "library", env=offline())
    assert result.returncode == 2
    assert f"model 'open_clip:{model}': its weights are not on this machine" in result.stderr


def test_pictures_that_are_all_gone_are_no_proof(photos: list[Path], tmp_path: Path) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    shutil.rmtree(tmp_path / "photos")
    result = atisbo("import", output, "--model", "colour", "--library", tmp_path / "library")
    assert result.returncode == 2
    assert "none of the pictures" in result.stderr


@pytest.mark.parametrize("damage", ["cut off", "of another length", "missing", "not parquet"])
def test_a_part_that_is_damaged_is_left_out_and_the_rest_comes_in(
    photos: list[Path], tmp_path: Path, damage: str
) -> None:
    output = clip_retrieval(tmp_path / "out", photos, embedded(photos))
    array = output / "img_emb" / "img_emb_1.npy"
    match damage:
        case "cut off":
            array.write_bytes(array.read_bytes()[:-5])
        case "of another length":
            np.save(array, np.ones((3, 3), np.float16))
        case "missing":
            array.unlink()
        case _:
            (output / "metadata" / "metadata_1.parquet").write_bytes(b"nonsense")
    library = tmp_path / "library"
    result = atisbo("import", output, "--model", "colour", "--library", library)
    assert result.returncode == 0, result.stderr
    assert "4 pictures and 4 captions came in" in result.stdout
    assert "left out: " in result.stderr


def test_rows_without_a_direction_are_left_to_the_indexer(
    photos: list[Path], tmp_path: Path
) -> None:
    vectors = embedded(photos).copy()
    vectors[2], vectors[5] = 0, np.nan
    output = clip_retrieval(tmp_path / "out", photos, vectors)
    library = tmp_path / "library"
    result = atisbo("import", output, "--model", "colour", "--library", library)
    assert "6 pictures and 6 captions came in" in result.stdout
    assert "left out 2: no vector" in result.stderr
    again = atisbo("index", tmp_path / "photos", "--library", library)
    assert "files unchanged │ 6 │" in " ".join(again.stdout.split())
    assert len(held(library)) == 14


def test_a_database_of_something_else_is_no_rclip(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE images (id INTEGER)")
    connection.close()
    result = atisbo("import", path, "--library", tmp_path / "library")
    assert result.returncode == 2
    assert "holds no export" in result.stderr
