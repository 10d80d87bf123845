"""Opening a library: what fits, and what is refused with the way out."""

import errno
import json
from pathlib import Path

import pytest

from indexer.embedders import open_embedder
from indexer.embedders.colour import ColourEmbedder
from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.library import make_library, open_library, stored_model, writing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    make_library(folder, open_embedder("colour"))
    return folder


class OtherWeights(ColourEmbedder):
    fingerprint = "colour-2"


class OtherModel(ColourEmbedder):
    name = "open_clip:Other/one"
    fingerprint = "abc"


def test_a_library_remembers_its_model(folder: Path) -> None:
    assert stored_model(folder) == "colour"
    library = open_library(folder)
    assert (library.space.model, library.space.dim) == ("colour", 3)
    library.check(open_embedder("colour"))


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "what? 100 % #1"
    make_library(folder, open_embedder("colour"))
    open_library(folder).catalog.close()
    assert (folder / "catalog.db").exists()


def test_making_it_again_changes_nothing(folder: Path) -> None:
    before = (folder / "library.json").read_bytes()
    make_library(folder, OtherModel())
    assert (folder / "library.json").read_bytes() == before


def test_no_library_is_an_error_that_names_the_command(tmp_path: Path) -> None:
    assert stored_model(tmp_path) is None
    with pytest.raises(ConfigError, match="atisbo index FOLDER"):
        open_library(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("other", "fact"), [(OtherWeights(), "same name"), (OtherModel(), "open_clip:Other/one")]
)
def test_another_model_is_refused_with_the_way_out(
    folder: Path, other: ColourEmbedder, fact: str
) -> None:
    with pytest.raises(IndexMismatch, match=rf"{fact}.*--library OTHER_FOLDER"):
        open_library(folder).check(other)


def test_a_newer_library_is_refused_in_words(folder: Path) -> None:
    head = json.loads((folder / "library.json").read_text())
    (folder / "library.json").write_text(json.dumps({**head, "format": 2}))
    with pytest.raises(IndexMismatch, match="Update atisbo"):
        open_library(folder)


def test_the_catalogue_of_another_library_is_refused(folder: Path, tmp_path: Path) -> None:
    open_library(folder).catalog.close()
    other = tmp_path / "other"
    make_library(other, open_embedder("colour"))
    with pytest.raises(ConfigError, match="another library"):
        open_library(other, database=f"sqlite:///{folder / 'catalog.db'}")


def test_two_indexers_at_once_are_one_too_many(folder: Path) -> None:
    with (
        writing(folder),
        pytest.raises(Unavailable, match="another atisbo is indexing"),
        writing(folder),
    ):
        pass
    with writing(folder):
        pass


@pytest.mark.parametrize("file", ["library.json", "space.json"])
def test_a_damaged_file_is_named(folder: Path, file: str) -> None:
    (path,) = folder.rglob(file)
    path.write_text("{")
    with pytest.raises(Unavailable, match=file):
        open_library(folder)


def test_a_library_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        make_library(tmp_path / "file" / "library", open_embedder("colour"))
    with pytest.raises(Unavailable, match="cannot be written"), writing(tmp_path / "file" / "x"):
        pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Make room"),
        (OSError(errno.EIO, "Input/output error", "thumbnails"), "Input/output error. See to"),
    ],
)
def test_a_disk_that_refuses_while_it_is_written_is_told_of(
    folder: Path, error: OSError, said: str
) -> None:
    with pytest.raises(Unavailable, match=f"{folder} cannot be written: {said}"), writing(folder):
        raise error
    with writing(folder):
        pass


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "Input/output error", "/photos/1.jpg"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
    ],
)
def test_an_error_of_something_else_is_not_the_librarys(folder: Path, error: OSError) -> None:
    with pytest.raises(type(error)), writing(folder):
        raise error
