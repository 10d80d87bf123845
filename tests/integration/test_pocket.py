"""The built-in model: there without a network, the right size, and worth being the default."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.embedders import DEFAULT_MODEL, open_embedder
from indexer.embedders.pocket import WEIGHTS
from indexer.types import Embedder


@pytest.fixture(scope="module")
def pocket() -> Embedder:
    return open_embedder("pocket", device="cpu")


def test_it_is_the_default_and_small(pocket: Embedder) -> None:
    assert pocket.name == DEFAULT_MODEL
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 25_000_000
    assert pocket.dim == 256


def test_vectors_are_unit_rows_whatever_goes_in(pocket: Embedder) -> None:
    images = [Image.new("RGB", size, "teal") for size in ((10, 10), (2000, 30), (300, 400))]
    vectors = pocket.embed_images([pocket.preprocess(image) for image in images])
    texts = pocket.embed_texts(["a dog", "", "🐕" * 300, "ein Hund", "?!"])
    for rows in (vectors, texts):
        assert rows.dtype == np.float32
        assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() < 1e-4
    assert pocket.embed_images([]).shape == pocket.embed_texts([]).shape == (0, 256)


def test_a_batch_gives_the_vectors_of_its_members(pocket: Embedder) -> None:
    texts = ["a dog runs", "two children play football in the park on a sunny day"]
    apart = np.concatenate([pocket.embed_texts([text]) for text in texts])
    assert np.abs(pocket.embed_texts(texts) - apart).max() < 1e-5


def test_it_finds_unseen_photos_by_their_captions(pocket: Embedder, shared_data: Path) -> None:
    folder = shared_data / "flickr8k"
    names = [Path(line.strip()).name for line in (folder / "dev.txt").read_text().splitlines()]
    captions = {}
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            captions.setdefault(Path(row["image"]).name, row["caption"])
    pixels = [pocket.preprocess(Image.open(folder / "images" / name)) for name in names]
    parts = [pocket.embed_images(pixels[at : at + 50]) for at in range(0, len(pixels), 50)]
    scores = pocket.embed_texts([captions[name] for name in names]) @ np.concatenate(parts).T
    ranks = (scores > np.diag(scores)[:, None]).sum(axis=1)
    recall_at_10 = float((ranks < 10).mean())
    assert len(names) == 1000
    assert recall_at_10 > 0.35  # chance is 0.01; the figure of all captions is in the model card
