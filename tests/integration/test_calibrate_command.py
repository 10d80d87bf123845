"""`atisbo calibrate`, and the verdicts that answers have by it, as a user meets them."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.embedders.colour import COLOURS
from tests.integration.command import atisbo

NAMES = ("red", "green", "blue", "yellow", "cyan", "magenta", "orange", "purple")


def draw(photos: Path, start: int, count: int) -> None:
    """Draws pictures near one of eight colours, each with its name as a caption."""
    generator = np.random.default_rng(start)
    photos.mkdir(exist_ok=True)
    for number in range(start, start + count):
        name = NAMES[number % len(NAMES)]
        colour = np.clip(np.array(COLOURS[name]) + generator.integers(-25, 26, 3), 0, 255)
        size = (16 + number // 50, 16 + number % 50)  # no two are exact copies
        Image.new("RGB", size, tuple(map(int, colour))).save(photos / f"{number}.png")
        (photos / f"{number}.txt").write_text(f"a {name} wall {number}\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    draw(folder / "photos", 0, 240)
    result = atisbo("index", folder / "photos", "--library", folder / "library")
    assert result.returncode == 0, result.stderr
    assert "Verdicts on answers: fitted" in " ".join(result.stderr.split())
    return folder / "library"


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "library"))


def answer(library: Path, text: str) -> dict[str, object]:
    result = atisbo("search", text, "--library", library, "--json", "--no-words")
    assert result.returncode == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def relevance(library: Path) -> str:
    result = atisbo("status", "--library", library, "--json")
    assert result.returncode == 0, result.stderr
    return str(json.loads(result.stdout)["relevance"])


def test_index_makes_verdicts_possible_and_status_tells(library: Path) -> None:
    assert answer(library, "red")["verdict"] == "strong"
    assert answer(library, "grey")["verdict"] != "strong"
    assert "fitted on" in relevance(library)
    assert "240 pictures" in relevance(library)


def test_the_command_says_what_it_measured_and_repeats_itself(library: Path) -> None:
    result = atisbo("calibrate", "--library", library)
    assert result.returncode == 0, result.stderr
    for said in ("Held out", "right side", "calibration error", "strong", "nothing", "verdicts by"):
        assert said in result.stdout
    one, two = (
        json.loads(atisbo("calibrate", "--library", library, "--json").stdout) for _ in range(2)
    )
    assert one["calibration"] == two["calibration"]
    assert one["figures"]["auc_low"] > 0.6


def test_a_dry_run_changes_nothing(library: Path) -> None:
    (file,) = library.glob("spaces/*/relevance.json")
    file.unlink()
    result = atisbo("calibrate", "--library", library, "--dry-run")
    assert result.returncode == 0
    assert "nothing was changed" in result.stdout
    assert not file.exists()
    assert "none: atisbo index fits it" in relevance(library)
    assert answer(library, "red")["verdict"] is None


def test_index_fits_anew_only_once_the_library_has_doubled(library: Path, tmp_path: Path) -> None:
    (file,) = library.glob("spaces/*/relevance.json")
    photos = library.parent / "more"
    before = file.read_bytes()
    draw(photos, 240, 40)
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert file.read_bytes() == before
    draw(photos, 280, 210)
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert json.loads(file.read_bytes())["pictures"] == 490


def test_a_damaged_file_is_a_warning_and_no_verdict(library: Path) -> None:
    (file,) = library.glob("spaces/*/relevance.json")
    file.write_text("{")
    result = atisbo("search", "red", "--library", library, "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["verdict"] is None
    assert "Answers have no verdict" in result.stderr
    assert "relevance.json is damaged" in result.stderr
    assert "damaged" in relevance(library)
    assert atisbo("index", "--library", library).returncode == 0
    assert answer(library, "red")["verdict"] == "strong"


def test_captions_that_the_scores_know_nothing_of_are_refused(tmp_path: Path) -> None:
    photos, library = tmp_path / "photos", tmp_path / "library"
    draw(photos, 0, 240)
    generator = np.random.default_rng(0)
    for number in range(240):
        (photos / f"{number}.txt").write_text(f"a {generator.choice(NAMES)} wall {number}\n")
    result = atisbo("index", photos, "--library", library)
    assert result.returncode == 0, result.stderr
    assert "refused on" in result.stderr
    result = atisbo("calibrate", "--library", library)
    assert result.returncode == 1
    assert "chance is 50 %" in result.stdout
    assert answer(library, "red")["verdict"] is None
    assert "refused on" in relevance(library)


def test_few_captions_are_told_what_it_takes(tmp_path: Path) -> None:
    draw(tmp_path / "photos", 0, 24)
    library = tmp_path / "library"
    result = atisbo("index", tmp_path / "photos", "--library", library)
    assert result.returncode == 0
    assert "erdict" not in result.stderr
    result = atisbo("calibrate", "--library", library)
    assert result.returncode == 2
    assert "24 pictures with captions" in result.stderr
    assert "at least 200" in result.stderr
    assert not list(library.glob("spaces/*/relevance.json"))


def test_a_real_model_tells_what_is_there_from_what_is_not(
    shared_data: Path, teacher: str, tmp_path: Path
) -> None:
    data, photos = shared_data / "flickr8k", tmp_path / "photos"
    dev = {Path(line).name for line in (data / "dev.txt").read_text().split()[:400]}
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if Path(row["image"]).name in dev]
    photos.mkdir()
    with (photos / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "caption"))
        for row in rows:
            shutil.copy(data / row["image"], photos)
            table.writerow((Path(row["image"]).name, row["caption"]))
    library = tmp_path / "library"
    result = atisbo("index", photos, "--library", library, "--model", teacher)
    assert result.returncode == 0, result.stderr
    assert "Verdicts on answers: fitted" in " ".join(result.stderr.split())
    assert answer(library, "a dog runs through the grass")["verdict"] == "strong"
    there = [
        hit["probability"]
        for text in ("a dog", "a man on a bike", "children play in the water")
        for hit in answer(library, text)["hits"][:3]
    ]
    gone = [
        hit["probability"]
        for text in ("a circuit board", "a page of sheet music", "a plate of sushi")
        for hit in answer(library, text)["hits"][:3]
    ]
    assert min(np.mean(there), 0.6) > np.mean(gone)
