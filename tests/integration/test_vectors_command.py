"""Budgets and kinds of indexes as a user names them, on a library drawn here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COUNT = 1100


def atisbo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of small pictures of any colour, each with a caption."""
    folder = tmp_path_factory.mktemp("vectors")
    photos = folder / "photos"
    photos.mkdir()
    random = np.random.default_rng(0)
    names = ["red", "green", "blue", "yellow", "cyan", "magenta", "black", "white"]
    lines = ["file,caption"]
    for number in range(COUNT):
        colour = tuple(map(int, random.integers(0, 256, 3)))
        Image.new("RGB", (8 + number // 50, 8 + number % 50), colour).save(photos / f"{number}.png")
        lines.append(f"{number}.png,{random.choice(names)} and {random.choice(names)}")
    (photos / "captions.csv").write_text("\n".join(lines))
    library = folder / "library"
    made = atisbo("index", photos, "--library", library, "--model", "colour")
    assert made.returncode == 0, made.stderr
    return library


def indexes(library: Path) -> dict[str, dict[str, object]]:
    told = atisbo("status", "--library", library, "--json")
    assert told.returncode == 0, told.stderr
    found: dict[str, dict[str, object]] = json.loads(told.stdout)["indexes"]
    return found


def hits(library: Path, text: str = "red") -> list[str]:
    found = atisbo("search", text, "--library", library, "--json", "-k", "5")
    assert found.returncode == 0, found.stderr
    return [hit["item"]["path"] for hit in json.loads(found.stdout)["hits"]]


def test_a_kind_is_made_used_shown_and_left_again(library: Path) -> None:
    assert indexes(library) == {"image": None, "text": None}
    before = hits(library)
    made = atisbo("index", "--rebuild-vectors", "--kind", "SQ8", "--library", library)
    assert made.returncode == 0, made.stderr
    assert "recall@10" in made.stderr
    assert {one["kind"] for one in indexes(library).values()} == {"SQ8"}
    assert hits(library) == before
    shown = atisbo("status", "--library", library)
    assert "SQ8" in shown.stdout
    made = atisbo("index", "--rebuild-vectors", "--library", library)
    assert made.returncode == 0, made.stderr
    assert {one["kind"] for one in indexes(library).values()} == {"exact"}
    assert hits(library) == before


def test_damaged_codes_are_found_and_made_anew(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = atisbo("index", "--rebuild-vectors", "--kind", "codes", "--library", library)
    assert made.returncode == 0, made.stderr
    before = hits(library)
    path = next(library.glob("spaces/*/image/*.codes"))
    path.write_bytes(path.read_bytes()[:-3])
    with monkeypatch.context() as scanning:
        scanning.setenv("ATISBO_INDEX", "exact")
        exact = hits(library)
    assert hits(library) == exact
    verified = atisbo("verify", "--library", library)
    assert verified.returncode == 1
    assert path.name in verified.stdout
    mended = atisbo("verify", "--repair", "--library", library)
    assert mended.returncode == 0, mended.stdout
    assert indexes(library)["image"]["kind"] == "codes"
    assert atisbo("verify", "--library", library).returncode == 0
    assert hits(library) == before


def test_a_budget_is_kept_for_later_runs(library: Path) -> None:
    photos = library.parent / "photos"
    run = atisbo(
        "index", photos, "--library", library, "--max-memory", "1GB", "--min-recall", "90%"
    )
    assert run.returncode == 0, run.stderr
    assert atisbo("index", photos, "--library", library).returncode == 0
    for one in indexes(library).values():
        assert one["budget"] == {"max_memory": 10**9, "min_recall": 0.9, "max_latency": 10.0}


def test_a_backup_keeps_the_budget_and_the_kind_that_were_asked(
    library: Path, tmp_path: Path
) -> None:
    rebuilt = atisbo(
        "index", "--rebuild-vectors", "--kind", "codes", "--min-recall", "0.9",
        "--library", library,
    )  # fmt: skip
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert atisbo("backup", tmp_path / "copy", "--library", library).returncode == 0
    copied = indexes(tmp_path / "copy")["image"]
    assert copied["kind"] == "exact"
    assert copied["files"] == []
    shown = atisbo("status", "--library", tmp_path / "copy").stdout.replace("│", " ")
    assert "the next atisbo index makes it anew: 1,100 rows are enough" in " ".join(shown.split())
    assert atisbo("verify", "--library", tmp_path / "copy").returncode == 0
    assert atisbo("index", "--library", tmp_path / "copy").returncode == 0
    again = indexes(tmp_path / "copy")["image"]
    assert again["kind"] == "codes"
    assert again["budget"]["min_recall"] == 0.9


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--rebuild-vectors", "--kind", "nonsense"], "factory string such as"),
        (["--kind", "codes"], "--rebuild-vectors"),
        (["--rebuild-vectors", "--max-memory", "much"], "2GB"),
    ],
)
def test_what_cannot_be_is_refused_in_words(library: Path, options: list[str], reason: str) -> None:
    before = indexes(library)
    run = atisbo("index", *options, "--library", library)
    assert run.returncode == 2, run.stderr
    assert reason in run.stderr
    assert "Traceback" not in run.stderr
    assert indexes(library) == before


def test_an_exact_index_has_no_budget(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATISBO_INDEX", "exact")
    run = atisbo("index", "--rebuild-vectors", "--library", library)
    assert run.returncode == 2
    assert "ATISBO_INDEX=faiss" in run.stderr
