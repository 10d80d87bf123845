"""Films, and what belongs to them and to pictures, in every command, as a user meets them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.library import open_library
from indexer.pooling import Pool
from indexer.types import Kind, Modality
from tests import raws
from tests.films import COLOURS, cuts_ms, make_film, scene, six_scenes
from tests.integration.command import atisbo

SPOKEN = """1
00:00:02,000 --> 00:00:03,500
A green house.

2
00:00:06,500 --> 00:00:07,500
The {} sun.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A film with subtitles, a photo with words inside, a raw file beside its JPEG."""
    folder = tmp_path / "media"
    folder.mkdir()
    make_film(folder / "trip.mp4", six_scenes(), tags={"title": "All the colours"})
    (folder / "trip.en.srt").write_text(SPOKEN.format("yellow"))
    photo = Image.new("RGB", (64, 48), "orange")
    exif = Image.Exif()
    exif[0x010E] = "An orange wall"
    exif[0x0132] = "2019:07:04 12:34:56"
    photo.save(folder / "wall.jpg", exif=exif)
    (folder / "IMG_1.NEF").write_bytes(raws.nef(raws.jpeg((600, 400))))
    Image.new("RGB", (60, 40), "purple").save(folder / "img_1.jpg")
    return folder


@pytest.fixture
def library(folder: Path, tmp_path: Path) -> Path:
    library = tmp_path / "library"
    result = atisbo("index", folder, "--library", library)
    assert result.returncode == 0, result.stderr
    return library


def search(library: Path, *arguments: str) -> list[dict[str, Any]]:
    result = atisbo("search", *arguments, "--json", "--library", library)
    assert result.returncode == 0, result.stderr
    return [hit["item"] for hit in json.loads(result.stdout)["hits"]]


def status(library: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(atisbo("status", "--json", "--library", library).stdout)
    return facts


def again(folder: Path, library: Path, *options: str) -> str:
    result = atisbo("index", folder, "--library", library, *options)
    assert result.returncode == 0, result.stderr
    return " ".join(result.stdout.split())


def film(library: Path) -> dict[str, Any]:
    """Returns the film that is found first, by the name of its path."""
    (found, *_) = search(library, "red", "--target", "video")
    return found


def test_a_text_jumps_to_the_second_of_the_film(library: Path) -> None:
    cuts = cuts_ms(six_scenes())
    for number, colour in enumerate(COLOURS):
        best = search(library, colour)[0]
        assert best["path"] == "trip.mp4"
        assert abs(best["start_ms"] - cuts[number]) <= 200
        assert abs(best["end_ms"] - cuts[number + 1]) <= 200
        assert best["start_ms"] <= best["best_ms"] < best["end_ms"]
    shown = atisbo("search", "blue", "--library", library).stdout.splitlines()[0]
    assert shown.split("\t")[1:] == [str(library.parent / "media/trip.mp4"), "0:04"]


def test_the_scenes_of_a_film_are_where_it_shows_what_was_asked(library: Path) -> None:
    cuts = cuts_ms(six_scenes())
    for number, colour in enumerate(COLOURS):
        told = atisbo("search", colour, "--collapse", "--json", "--library", library).stdout
        (found,) = [one for one in json.loads(told)["hits"] if one["scenes"]]
        assert found["item"]["path"] == "trip.mp4"
        assert len({found["item"]["id"], *(one["item"]["id"] for one in found["group"])}) == 6
        best, *others = found["scenes"]
        assert abs(best["start_ms"] - cuts[number]) <= 200, colour
        assert abs(best["end_ms"] - cuts[number + 1]) <= 200, colour
        assert best["start_ms"] <= best["best_ms"] < best["end_ms"]
        assert all(other["score"] <= best["score"] for other in others)


def test_everything_in_the_folder_is_there_once(library: Path) -> None:
    facts = status(library)
    assert (facts["pictures"], facts["films"], facts["moments_of_films"]) == (2, 1, 6)
    assert film(library)["path"] == "trip.mp4"
    texts = {item["text"]: item for item in search(library, "yellow", "--target", "text")}
    assert set(texts) == {"A green house.", "The yellow sun.", "All the colours", "An orange wall"}
    assert texts["A green house."]["picture"]["id"] == film(library)["id"]
    assert texts["A green house."]["start_ms"] == 2000
    assert texts["A green house."]["origin"] == "subtitle:en"
    assert texts["All the colours"]["origin"] == "video:title"
    assert texts["An orange wall"]["origin"] == "exif:ImageDescription"
    catalog = open_catalog(library / "catalog.db")
    assert catalog.counts().files[Kind.COMPANION] == 1
    (wall,) = [
        one for one in catalog.fetch(catalog.stills().tolist()).values() if "wall" in one.path
    ]
    taken = catalog.facts([wall.id])[wall.id].taken_at
    catalog.close()
    assert taken is not None
    assert taken.isoformat() == "2019-07-04T12:34:56"
    assert atisbo("verify", "--library", library).returncode == 0


def test_the_films_vector_is_that_of_its_moments(library: Path) -> None:
    opened = open_library(library)
    (whole,) = opened.catalog.ids(Modality.VIDEO).tolist()
    moments = opened.catalog.moments(whole)
    pool = Pool()
    ids = np.array([one.id for one in moments])
    pool.add(opened.indexes[Modality.IMAGE].vectors(ids), [one.span for one in moments if one.span])
    stored = opened.indexes[Modality.VIDEO].vectors(np.array([whole]))
    np.testing.assert_allclose(stored, pool.vector(), atol=2e-3)
    opened.catalog.close()


def test_a_second_run_reads_nothing(folder: Path, library: Path) -> None:
    said = again(folder, library)
    assert "files unchanged │ 5 │" in said
    assert "items/s" not in said


def test_a_film_that_is_renamed_keeps_all_that_it_has(folder: Path, library: Path) -> None:
    before = film(library)
    moments = [item["id"] for item in search(library, "blue")]
    (folder / "trip.mp4").rename(folder / "journey.mp4")
    (folder / "trip.en.srt").rename(folder / "journey.en.srt")
    assert "items/s" not in again(folder, library)
    after = film(library)
    assert (after["id"], after["path"]) == (before["id"], "journey.mp4")
    assert [item["id"] for item in search(library, "blue")] == moments
    (said,) = [
        one for one in search(library, "green", "--target", "text") if "green" in one["text"]
    ]
    assert said["picture"]["path"] == "journey.mp4"


def test_a_film_that_changes_loses_its_old_moments_and_keeps_its_subtitles(
    folder: Path, library: Path
) -> None:
    make_film(folder / "trip.mp4", [(scene("cyan"), 2), (scene("red"), 2)])
    again(folder, library)
    moments = [item for item in search(library, "red") if item["path"] == "trip.mp4"]
    assert len(moments) == 2
    assert len(search(library, "red", "--target", "video")) == 1
    (said,) = [
        one for one in search(library, "green", "--target", "text") if "green" in one["text"]
    ]
    assert said["picture"]["id"] == film(library)["id"]


def test_a_deleted_film_leaves_nothing_and_its_subtitles_harm_nobody(
    folder: Path, library: Path
) -> None:
    (folder / "trip.mp4").unlink()
    again(folder, library)
    assert search(library, "red", "--target", "video") == []
    assert {item["path"] for item in search(library, "red")} == {"wall.jpg", "img_1.jpg"}
    assert atisbo("verify", "--library", library).returncode == 0
    serving = search(library, "green", "--target", "text")
    assert all(item["picture"] is None for item in serving if item["origin"] == "subtitle:en")


def test_edited_subtitles_are_read_again_alone(folder: Path, library: Path) -> None:
    before = film(library)
    (folder / "trip.en.srt").write_text(SPOKEN.format("magenta"))
    assert "captions │ 2 │" in again(folder, library)
    assert film(library) == before
    texts = {item["text"] for item in search(library, "magenta", "--target", "text")}
    assert "The magenta sun." in texts
    assert "The yellow sun." not in texts


def test_a_copy_of_a_film_is_not_read_twice(folder: Path, library: Path) -> None:
    shutil.copy(folder / "trip.mp4", folder / "copy.mp4")
    said = again(folder, library)
    assert "exact copies │ 1 │ 1" in said
    assert "items/s" not in said
    assert film(library)["copies"] == ["copy.mp4"]
    (folder / "trip.mp4").unlink()
    again(folder, library)
    assert film(library)["path"] == "copy.mp4"
    assert len(search(library, "red")) == 8


def test_a_raw_file_stands_for_itself_while_its_jpeg_is_away(folder: Path, library: Path) -> None:
    (folder / "img_1.jpg").rename(folder.parent / "img_1.jpg")
    again(folder, library)
    assert {item["path"] for item in search(library, "blue")} == {
        "wall.jpg",
        "IMG_1.NEF",
        "trip.mp4",
    }
    (folder.parent / "img_1.jpg").rename(folder / "img_1.jpg")
    again(folder, library)
    assert "IMG_1.NEF" not in {item["path"] for item in search(library, "blue")}
    assert status(library)["pictures"] == 2


def test_a_raw_file_beside_a_broken_jpeg_is_shown(folder: Path, library: Path) -> None:
    (folder / "img_1.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    again(folder, library)
    again(folder, library)
    assert "IMG_1.NEF" in {item["path"] for item in search(library, "blue")}
    assert "items/s" not in again(folder, library)


def test_a_film_cut_off_is_listed_as_read_in_part(folder: Path, library: Path) -> None:
    whole = make_film(folder.parent / "a.mkv", six_scenes(), options={"g": "25"})
    (folder / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    result = atisbo("index", folder, "--library", library)
    assert "read in part" in result.stderr
    assert "cut.mkv (in part): read up to 0:0" in atisbo("failures", "--library", library).stdout
    (listed,) = json.loads(atisbo("failures", "--json", "--library", library).stdout)
    assert listed["partial"]
    assert status(library)["files_read_in_part"] == 1
    assert "cut.mkv" in {item["path"] for item in search(library, "red")}


def test_what_is_forgotten_stays_out_with_its_subtitles(folder: Path, library: Path) -> None:
    assert atisbo("forget", folder / "trip.mp4", "--library", library).returncode == 0
    again(folder, library)
    assert search(library, "red", "--target", "video") == []
    texts = {item["text"] for item in search(library, "green", "--target", "text")}
    assert texts == {"An orange wall"}
    atisbo("forget", "--undo", folder / "trip.mp4", folder / "trip.en.srt", "--library", library)
    again(folder, library)
    assert len(search(library, "green", "--target", "text")) == 4


def test_lost_film_vectors_are_made_again(folder: Path, library: Path) -> None:
    (place,) = library.glob("spaces/*/video")
    shutil.rmtree(place)
    assert atisbo("verify", "--library", library).returncode == 1
    assert atisbo("verify", "--repair", "--library", library).returncode == 0
    again(folder, library)
    assert film(library)["path"] == "trip.mp4"
    assert atisbo("verify", "--library", library).returncode == 0


def test_an_export_brings_films_back_as_they_were(library: Path, tmp_path: Path) -> None:
    out, back, copy = tmp_path / "out", tmp_path / "back", tmp_path / "backup"
    assert atisbo("export", out, "--library", library).returncode == 0
    assert atisbo("import", out, "--library", back).returncode == 0
    assert atisbo("backup", copy, "--library", library).returncode == 0

    def told(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = ("path", "position", "start_ms", "end_ms", "best_ms", "text", "origin", "width")
        return [{name: item[name] for name in names} for item in items]

    for other in (back, copy):
        for target in ("image", "text", "video"):
            wanted = told(search(library, "green", "--target", target))
            assert told(search(other, "green", "--target", target)) == wanted
        assert film(other)["duration_ms"] == film(library)["duration_ms"]
        assert atisbo("verify", "--library", other).returncode == 0


def test_moments_are_no_duplicates_of_each_other(library: Path) -> None:
    result = atisbo("duplicates", "--library", library)
    assert result.returncode == 0, result.stderr
    assert "trip.mp4" not in result.stdout


def test_a_library_moves_to_another_model_with_its_films(folder: Path, library: Path) -> None:
    result = atisbo("index", folder, "--model", "pocket", "--library", library)
    assert result.returncode == 0, result.stderr
    opened = open_library(library)
    assert opened.space.model == "pocket"
    assert len(opened.indexes[Modality.VIDEO]) == 1
    assert opened.indexes[Modality.VIDEO].vectors(opened.indexes[Modality.VIDEO].ids).shape[1] > 3
    opened.catalog.close()
    assert atisbo("verify", "--library", library).returncode == 0
