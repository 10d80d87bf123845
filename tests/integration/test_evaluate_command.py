"""`atisbo evaluate` as a user runs it, on a colour library drawn here."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "purple": (128, 0, 160),
    "cyan": (0, 255, 255),
}


def atisbo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    wide = {**os.environ, "COLUMNS": "160"}  # so that no cell is wrapped
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=wide
    )


def make(folder: Path, *, captions: bool) -> Path:
    photos = folder / "photos"
    photos.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (32, 24), colour).save(photos / f"{name}.png")
        if captions:
            (photos / f"{name}.txt").write_text(f"a {name} wall\nsomething {name}\n")
    library = folder / "library"
    result = atisbo("index", photos, "--library", library, "--model", "colour")
    assert result.returncode == 0, result.stderr
    return library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("captioned"), captions=True)


def test_recall_of_a_space_that_fits_is_complete(library: Path) -> None:
    result = atisbo("evaluate", "--library", library, "--json")
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout)
    assert (facts["pictures"], facts["captions"]) == (6, 12)
    (space,) = facts["spaces"]
    assert "measures" not in space
    for direction in ("text_to_image", "image_to_text"):
        assert space["recall"][direction]["recall"]["1"]["value"] == 1
        assert space["recall"][direction]["median_rank"] == 1


def test_the_index_as_it_is_searched_stands_beside_the_exact_figures(library: Path) -> None:
    result = atisbo("evaluate", "--library", library, "--json")
    (space,) = json.loads(result.stdout)["spaces"]
    (found,) = space["live"].values()
    assert list(space["live"]) == ["faiss: exact"]
    assert found["queries"] == 6
    for direction in ("text_to_image", "image_to_text"):
        assert found["live"][direction] == found["exact"][direction]
        assert found["live"][direction]["recall"]["1"]["value"] == 1
        assert found["loss"][direction]["10"] == {"value": 0, "low": 0, "high": 0}
    assert found["found"]["text"]["value"] == found["found"]["image"]["value"] == 1


def test_two_ways_to_search_stand_side_by_side(library: Path) -> None:
    result = atisbo("evaluate", "--library", library, "--through", "exact", "--through", "torch")
    assert result.returncode == 0, result.stderr
    for words in ("text to image, exact", "  exact", "  torch", "less exact, in points"):
        assert words in result.stdout
    refused = atisbo("evaluate", "--library", library, "--through", "milvus")
    assert refused.returncode == 2
    assert "'milvus' is unknown" in refused.stderr


def test_the_table_names_figures_and_measures(library: Path) -> None:
    result = atisbo("evaluate", "--library", library, "--space")
    assert result.returncode == 0, result.stderr
    for words in ("text to image", "image to text", "100.0", "median", "alignment", "AUC"):
        assert words in result.stdout


def test_two_spaces_are_compared_on_one_page(library: Path, tmp_path: Path) -> None:
    both = tmp_path / "library"
    shutil.copytree(library, both)
    live = json.loads((both / "library.json").read_text())["space"]
    shutil.copytree(both / "spaces" / live, both / "spaces" / "other")
    page = tmp_path / "page.png"
    result = atisbo(
        "evaluate", "--library", both, "--compare", "other", "--picture", page, "--json"
    )
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout)
    assert [one["name"] for one in facts["spaces"]] == [live, "other"]
    assert facts["change"]["text_to_image"]["1"] == {"value": 0, "low": 0, "high": 0}
    assert facts["spaces"][0]["measures"]["similarities"]["auc"] == 1
    assert str(page) in result.stderr
    with Image.open(page) as drawn:
        assert drawn.format == "PNG"
        assert drawn.width > 1_200
        assert drawn.height > 700
        assert len(drawn.convert("RGB").getcolors(1 << 24) or ()) > 50


def test_a_sample_judges_fewer_pictures_and_the_seed_is_told(library: Path) -> None:
    result = atisbo("evaluate", "--library", library, "--sample", 3, "--seed", 5, "--json")
    facts = json.loads(result.stdout)
    assert (facts["pictures"], facts["captions"], facts["sample"], facts["seed"]) == (3, 6, 3, 5)


def test_a_library_without_captions_is_told_what_to_add(tmp_path: Path) -> None:
    result = atisbo("evaluate", "--library", make(tmp_path, captions=False))
    assert result.returncode == 2
    assert "Put captions beside the pictures" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_space_is_named_with_those_there_are(library: Path) -> None:
    result = atisbo("evaluate", "--library", library, "--in", "nowhere")
    assert result.returncode == 2
    assert "'nowhere'" in result.stderr
    assert "colour" in result.stderr
