"""`atisbo train` as a user runs it, on pictures drawn here: learn, be killed, go on, be used."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from indexer.embedders import open_embedder
from indexer.embedders.colour import COLOURS

NAMES = ("red", "green", "blue", "yellow")
QUICK = ("--batch", "16", "--workers", "2", "--micro-batches", "1", "--device", "cpu")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "indexer", "train", *map(str, arguments)]


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=240
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures in four colours under made-up names, a damaged one and a copy of another."""
    folder = tmp_path_factory.mktemp("train") / "photos"
    folder.mkdir()
    generator = np.random.default_rng(0)
    words = dict(zip(NAMES, ("zub", "plim", "korv", "waas"), strict=True))
    with (folder / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image", "caption"])
        for number in range(60):
            name = NAMES[number % 4]
            colour = np.array(COLOURS[name]) + generator.integers(-30, 31, (4, 4, 3))
            pixels = np.clip(colour, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).resize((48, 48)).save(folder / f"{number}.png")
            table.writerow([f"{number}.png", f"the {words[name]}"])
            table.writerow([f"{number}.png", f"a {words[name]} here"])
        table.writerow(["copy.png", "the same again"])
        table.writerow(["damaged.png", "nothing"])
        table.writerow(["missing.png", "nothing"])
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    (folder / "damaged.png").write_bytes((folder / "0.png").read_bytes()[:60])
    (folder / "photo without words.png").write_bytes((folder / "1.png").read_bytes())
    return folder


def weights(out: Path) -> dict[str, np.ndarray]:
    return load_file(out / "model" / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    mine, theirs = weights(one), weights(other)
    return all(np.array_equal(value, theirs[name]) for name, value in mine.items())


def test_it_learns_from_folders_and_its_model_is_one_of_the_models(photos: Path) -> None:
    out = photos.parent / "own"
    result = train(photos, "--out", out, "--epochs", 3, "--rate", "2e-3", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "damaged.png" in result.stderr, "what cannot be read is named"
    assert "Learned from 54 pictures" in result.stdout
    assert "Peak memory" in result.stdout
    log = json.loads((out / "training.json").read_text())
    assert len(log["epochs"]) == 3
    assert log["peak_memory_bytes"]["resident"] > 10**8
    with Image.open(out / "curves.png") as curves:
        assert curves.width > 500
    embedder = open_embedder(f"pocket:{out / 'model'}", device="cpu")
    assert embedder.name == f"pocket:{out / 'model'}"
    assert embedder.fingerprint != open_embedder("pocket", device="cpu").fingerprint
    pixels = []
    for number in range(4):
        with Image.open(photos / f"{number}.png") as picture:
            pixels.append(embedder.preprocess(picture))
    images = embedder.embed_images(pixels)
    texts = embedder.embed_texts(["the zub", "the plim", "the korv", "the waas"])
    assert (texts @ images.T).argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_a_run_that_was_killed_ends_with_the_same_weights(photos: Path) -> None:
    arguments = (photos, "--epochs", 3, "--patience", 0, *QUICK)
    whole, cut = photos.parent / "whole", photos.parent / "cut"
    assert train(*arguments, "--out", whole).returncode == 0
    running = subprocess.Popen(
        command(*arguments, "--out", cut), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (cut / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    result = train(*arguments, "--out", cut)
    assert result.returncode == 0, result.stderr
    assert len(json.loads((cut / "training.json").read_text())["epochs"]) == 3
    assert same(whole, cut)

    other = train(photos, "--epochs", 4, *QUICK, "--out", cut)
    assert other.returncode == 2
    assert "other settings" in other.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--loss", "sigmoid", "--start", "scratch"),
        ("--teacher", "colour", "--precision", "bf16", "--micro-batches", "2"),
    ],
)
def test_each_way_of_learning_runs(options: tuple[str, ...], photos: Path, tmp_path: Path) -> None:
    result = train(photos, "--out", tmp_path, "--epochs", 1, *QUICK, *options)
    assert result.returncode == 0, result.stderr
    assert all(np.isfinite(value).all() for value in weights(tmp_path).values())
    losses = json.loads((tmp_path / "training.json").read_text())["epochs"][0]["loss"]
    assert ("affinity" in losses) == ("--teacher" in options)


def test_wrong_input_is_refused_in_words(photos: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    Image.new("RGB", (8, 8)).save(few / "a.png")
    (few / "a.txt").write_text("a")
    for arguments, said in (
        ((few,), "1 pictures with captions"),
        ((photos, "--start", "open_clip:x"), "cannot begin with"),
        ((photos, "--start", f"pocket:{tmp_path}"), "is no model"),
        ((photos, "--teacher", "nothing"), "unknown"),
    ):
        result = train(*arguments, "--out", tmp_path / "out")
        assert (result.returncode, said in result.stderr) == (2, True), result.stderr


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    from indexer.embedders.pocket.model import WEIGHTS
    from indexer.errors import ConfigError

    for name in ("config.json", "vocabulary.json"):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(
        (WEIGHTS / "model.safetensors").read_bytes()[:5000]
    )
    with pytest.raises(ConfigError, match=r"damaged.*Train it again"):
        open_embedder(f"pocket:{tmp_path}")
