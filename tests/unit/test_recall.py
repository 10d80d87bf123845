"""Recall and ranks: by hand, against a naive loop, and intervals on known truth."""

import numpy as np
import pytest

from indexer.evaluation import recall
from indexer.evaluation.pairs import Pairs, words
from indexer.evaluation.recall import Ranks, change, rank, summarise
from indexer.types import Vectors


def unit(generator: np.random.Generator, rows: int, dim: int) -> Vectors:
    drawn = generator.normal(size=(rows, dim))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def pairs(texts: Vectors, images: Vectors, about: np.ndarray) -> Pairs:
    return Pairs(images, texts, about, np.arange(len(texts)))


def ranks_by_loop(texts: Vectors, images: Vectors, about: list[int]) -> tuple[list[int], list[int]]:
    scores = texts.astype(float) @ images.T.astype(float)
    text_ranks = []
    for text, own in enumerate(about):
        wrong = [scores[text, image] for image in range(len(images)) if image != own]
        text_ranks.append(1 + sum(one >= scores[text, own] - 1e-6 for one in wrong))
    image_ranks = []
    for image in range(len(images)):
        best = max(scores[text, image] for text, own in enumerate(about) if own == image)
        wrong = [scores[text, image] for text, own in enumerate(about) if own != image]
        image_ranks.append(1 + sum(one >= best - 1e-6 for one in wrong))
    return text_ranks, image_ranks


def test_ranks_of_a_case_computed_by_hand() -> None:
    images = np.eye(3, dtype=np.float32)
    texts = np.array([[1, 0, 0], [0.6, 0.8, 0], [0, 0.8, 0.6], [0, 0, 1]], np.float32)
    found = rank(pairs(texts, images, np.array([0, 0, 2, 1])))
    assert found.text_to_image.tolist() == [1, 2, 2, 3]
    # Picture 1's only caption scores 0 and all others do no worse; picture 2 loses to text 3 alone.
    assert found.image_to_text.tolist() == [1, 4, 2]
    assert summarise(found).text_to_image.recall[1].value == 0.25
    assert summarise(found).image_to_text.median_rank == 2


@pytest.mark.parametrize("block_bytes", [1, 4 * 17 * 5, 32 * 2**20])
def test_ranks_are_those_of_a_naive_loop(block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recall, "_BLOCK_BYTES", block_bytes)
    generator = np.random.default_rng(1)
    about = generator.permutation(np.concatenate([np.arange(17), generator.integers(0, 17, 40)]))
    texts, images = unit(generator, 57, 4), unit(generator, 17, 4)
    found = rank(pairs(texts, images, about))
    expected = ranks_by_loop(texts, images, about.tolist())
    assert (found.text_to_image.tolist(), found.image_to_text.tolist()) == expected


def test_a_space_of_one_point_finds_nothing() -> None:
    same = np.tile(unit(np.random.default_rng(0), 1, 64), (30, 1))
    found = rank(pairs(same, same, np.arange(30)))
    assert set(found.text_to_image) == set(found.image_to_text) == {30}
    assert summarise(found).text_to_image.recall[10].value == 0


def test_a_picture_is_found_by_the_best_of_its_captions() -> None:
    images = np.eye(2, dtype=np.float32)
    texts = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    found = rank(pairs(texts, images, np.array([0, 0, 1])))
    assert found.image_to_text[0] == 1
    assert found.text_to_image.tolist() == [2, 1, 1]


@pytest.mark.parametrize("block_bytes", [1, 32 * 2**20])
def test_captions_that_say_the_same_are_one(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six pictures of two classes, captioned with the class; one is seen as the other class."""
    monkeypatch.setattr(recall, "_BLOCK_BYTES", block_bytes)
    classes = np.eye(2, dtype=np.float32)
    seen = classes[[0, 1, 0, 1, 0, 0]]
    said = words(["Cat", "dog", "cat ", "dog", "cat", "dog"])
    about = np.arange(6)
    found = rank(Pairs(seen, classes[said], about, said))
    assert found.text_to_image.tolist() == [2, 1], "the one seen as the other class ties"
    assert found.image_to_text.tolist() == [1, 1, 1, 1, 1, 2]
    assert found.about.tolist() == [0, 1]


def test_a_picture_without_caption_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one text"):
        rank(pairs(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), np.array([0, 0])))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    about = np.repeat(np.arange(80), 5)
    covered = 0
    for trial in range(100):
        # All captions of a picture share its fate half the time, so captions are not independent.
        chance = generator.choice([0.1, 0.7], 80)[about]
        ranks = np.where(generator.random(400) < chance, 1, 50)
        found = summarise(Ranks(ranks, np.ones(80, np.int64), about), seed=trial, rounds=200)
        one = found.text_to_image.recall[1]
        covered += one.low <= 0.4 <= one.high
    assert 86 <= covered <= 100


def test_the_same_seed_gives_the_same_interval_and_another_does_not() -> None:
    ranks = Ranks(
        np.random.default_rng(0).integers(1, 20, 90), np.ones(30, np.int64), np.arange(90) % 30
    )
    assert summarise(ranks, seed=4) == summarise(ranks, seed=4)
    assert summarise(ranks, seed=4) != summarise(ranks, seed=5)


def test_a_gain_on_every_picture_is_significant_and_no_gain_is_nothing() -> None:
    about = np.arange(50)
    bad, good = (Ranks(np.full(50, at), np.full(50, at), about) for at in (30, 1))
    gained = change(bad, good).text_to_image[1]
    assert (gained.value, gained.low, gained.high) == (1, 1, 1)
    same = change(good, good).image_to_text[10]
    assert (same.value, same.low, same.high) == (0, 0, 0)
