"""`atisbo teach` and `atisbo models` as a user runs them, on a library drawn here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def atisbo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def draw(photos: Path, start: int, count: int) -> None:
    """Draws pictures near one of six colours, each captioned with the next colour."""
    names = ("red", "green", "blue", "yellow", "cyan", "magenta")
    from indexer.embedders.colour import COLOURS

    generator = np.random.default_rng(start)
    photos.mkdir(exist_ok=True)
    for number in range(start, start + count):
        kind = number % len(names)
        colour = np.clip(np.array(COLOURS[names[kind]]) + generator.integers(-25, 26, 3), 0, 255)
        size = (16 + number // 50, 16 + number % 50)  # no two are exact copies
        Image.new("RGB", size, tuple(map(int, colour))).save(photos / f"{number}.png")
        (photos / f"{number}.txt").write_text(names[(kind + 1) % len(names)] + "\n")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teach") / "photos"
    draw(folder, 0, 360)
    return folder


def listed(library: Path) -> list[dict[str, object]]:
    result = atisbo("models", "--library", library, "--json")
    assert result.returncode == 0, result.stderr
    spaces: list[dict[str, object]] = json.loads(result.stdout)["spaces"]
    return spaces


def best(library: Path, text: str) -> int:
    """Returns which of the six colours the best picture for the text has."""
    result = atisbo("search", text, "--library", library, "--json", "-k", "1")
    assert result.returncode == 0, result.stderr
    return int(Path(json.loads(result.stdout)["hits"][0]["item"]["path"]).stem) % 6


def test_a_library_is_taught_used_indexed_and_dropped(photos: Path) -> None:
    library = photos.parent / "library"
    assert atisbo("index", photos, "--library", library, "--model", "colour").returncode == 0
    (base,) = listed(library)

    dry = atisbo("teach", "--library", library, "--dry-run")
    assert dry.returncode == 0, dry.stdout + dry.stderr
    assert "nothing was changed" in dry.stdout
    assert len(listed(library)) == 1

    result = atisbo("teach", "--library", library)
    assert result.returncode == 0, result.stdout + result.stderr
    for words in ("recall@1", "before", "after", "p =", "sign-flip", "is live", "models use"):
        assert words in result.stdout
    old, new = listed(library)
    assert (old["name"], old["live"], new["live"]) == (base["name"], False, True)
    assert (new["base"], new["pictures"], new["captions"]) == (base["name"], 360, 360)

    assert best(library, "green") == 0, "pictures captioned green are red"
    draw(photos, 360, 24)
    assert atisbo("index", photos, "--library", library).returncode == 0
    assert [(one["pictures"], one["captions"]) for one in listed(library)] == [(384, 384)] * 2

    assert atisbo("models", "drop", new["name"], "--library", library).returncode == 2
    back = atisbo("models", "use", base["name"], "--library", library)
    assert back.returncode == 0, back.stderr
    assert "serve follows" in back.stdout
    assert best(library, "green") == 1
    assert atisbo("models", "drop", new["name"], "--library", library).returncode == 0
    assert [one["name"] for one in listed(library)] == [base["name"]]


def test_a_small_library_is_refused_in_words(tmp_path: Path) -> None:
    draw(tmp_path / "photos", 0, 12)
    library = tmp_path / "library"
    assert (
        atisbo("index", tmp_path / "photos", "--library", library, "--model", "colour").returncode
        == 0
    )
    result = atisbo("teach", "--library", library)
    assert result.returncode == 2
    assert "at least 250" in result.stderr
    assert len(listed(library)) == 1


def test_without_a_library_models_are_listed_all_the_same(tmp_path: Path) -> None:
    result = atisbo("models", "--library", tmp_path / "none")
    assert result.returncode == 0, result.stderr
    for words in ("pocket", "colour", "open_clip", "no library"):
        assert words in result.stdout
    for command in (["teach"], ["models", "use", "x"], ["models", "drop", "x"]):
        result = atisbo(*command, "--library", tmp_path / "none")
        assert (result.returncode, "no library" in result.stderr) == (2, True)
    assert not (tmp_path / "none").exists()
