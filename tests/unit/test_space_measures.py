"""Measures of a space against closed forms."""

import numpy as np
import pytest

from indexer.evaluation.space import draw_pairs, flatten, measure
from indexer.types import Vectors


def on_sphere(seed: int, rows: int, dim: int) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(rows, dim))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_identical_pairs_are_aligned_without_gap_and_told_apart() -> None:
    rows = on_sphere(0, 300, 16)
    found = measure(rows, rows)
    assert found.alignment == 0
    assert found.gap == 0
    assert found.separability == 0.5
    assert found.similarities.auc == 1
    assert found.similarities.matched_mean == pytest.approx(1)


def test_opposite_pairs_have_alignment_four_and_auc_nothing() -> None:
    rows = on_sphere(0, 300, 16)
    found = measure(-rows, rows)
    assert found.alignment == pytest.approx(4)
    assert found.similarities.auc == 0


def test_uniform_rows_have_the_uniformity_of_the_sphere() -> None:
    # On the sphere in 3 dimensions cosines are uniform, so E exp(4c - 4) = (1 - exp(-8)) / 8.
    found = measure(on_sphere(1, 2_500, 3), on_sphere(2, 2_500, 3)).uniformity
    expected = np.log((1 - np.exp(-8)) / 8)
    assert (found.images, found.texts, found.cross) == pytest.approx((expected,) * 3, abs=0.02)


def test_two_points_have_a_known_gap() -> None:
    images = np.tile(np.array([[1, 0]], np.float32), (10, 1))
    texts = np.tile(np.array([[0, 1]], np.float32), (10, 1))
    found = measure(texts, images)
    assert found.gap == pytest.approx(np.sqrt(2))
    assert found.separability == 1
    assert found.uniformity.images == pytest.approx(0)
    assert found.uniformity.cross == pytest.approx(-4)
    assert found.similarities.auc == 0.5  # all cosines are equal


def test_auc_is_that_of_comparing_every_matched_with_every_unmatched_pair() -> None:
    # Coordinates of few values make many ties.
    texts, images = (
        np.random.default_rng(seed).choice([-0.5, 0.5], (40, 4)).astype(np.float32)
        for seed in (1, 2)
    )
    scores = texts @ images.T
    matched, unmatched = np.diag(scores), scores[~np.eye(40, dtype=bool)]
    wins = (matched[:, None] > unmatched).mean() + (matched[:, None] == unmatched).mean() / 2
    found = measure(texts, images).similarities
    assert found.auc == pytest.approx(wins)
    assert (found.matched.sum(), found.unmatched.sum()) == (40, 40 * 39)
    assert found.unmatched_mean == pytest.approx(unmatched.mean(), abs=1e-6)


def test_more_rows_than_one_block_are_all_compared() -> None:
    rows = on_sphere(4, 2_300, 8)
    found = measure(rows, rows).similarities
    assert found.unmatched.sum() == 2_300 * 2_299


def test_drawn_pairs_belong_together_and_name_no_picture_twice() -> None:
    about = np.random.default_rng(0).permutation(np.repeat(np.arange(50), 5))
    texts, images = draw_pairs(about, most=20, seed=7)
    assert (about[texts] == images).all()
    assert len(set(images.tolist())) == 20
    assert [one.tolist() for one in draw_pairs(about, most=20, seed=7)] == [
        texts.tolist(),
        images.tolist(),
    ]


def test_the_map_shows_the_axes_of_most_variance_the_same_way_each_time() -> None:
    images = np.zeros((40, 5), np.float32)
    images[:, 3], images[:, 1] = np.linspace(-3, 3, 40), np.tile([0.5, -0.5], 20)
    found = flatten(images, images)
    np.testing.assert_allclose(found.images[:, 0], images[:, 3], atol=0.05)
    np.testing.assert_allclose(np.abs(found.texts[:, 1]), 0.5, atol=0.05)
    assert sum(found.explained) == pytest.approx(1)
    np.testing.assert_array_equal(flatten(images, images).images, found.images)


def test_one_pair_is_too_few() -> None:
    with pytest.raises(ValueError, match="two or more"):
        measure(on_sphere(0, 1, 4), on_sphere(1, 1, 4))
