"""Whether one model made two sets of vectors: what is believed, and what is not."""

import numpy as np
import pytest

from indexer.exchange.peers import unit
from indexer.exchange.proof import compared
from indexer.types import Vectors


def directions(rows: int = 16, dim: int = 64, *, seed: int = 0, cone: float = 0) -> Vectors:
    made = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    made[:, 0] += cone * dim
    return unit(made)


def near(vectors: Vectors, noise: float) -> Vectors:
    """Returns rows whose cosine to the given ones is about 1 - noise² / 2."""
    scale = noise / np.sqrt(vectors.shape[1])
    return unit(vectors + np.random.default_rng(1).normal(size=vectors.shape, scale=scale))


def test_rounded_vectors_are_the_same() -> None:
    own = directions()
    proof = compared(unit(own.astype(np.float16).astype(np.float32)), own)
    assert proof.is_same
    assert proof.median > 0.9999


def test_another_resizing_is_still_the_same_and_another_model_is_not() -> None:
    own = directions()
    assert compared(near(own, 0.1), own).is_same
    assert not compared(near(own, 0.3), own).is_same
    assert not compared(directions(seed=5), own).is_same


def test_vectors_that_all_lie_together_prove_nothing_by_lying_together() -> None:
    own = directions(cone=1)
    other = np.roll(own, 1, axis=0)
    assert np.einsum("nd,nd->n", own, other).min() > 0.99 - 0.02
    assert not compared(other, own).is_same
    assert compared(near(own, 0.01), own).is_same


@pytest.mark.parametrize(("odd", "is_same"), [(0, True), (2, True), (3, False)])
def test_a_few_odd_rows_are_borne(odd: int, is_same: bool) -> None:
    own = directions()
    stored = own.copy()
    stored[:odd] = directions(seed=9)[:odd]
    assert compared(stored, own).is_same is is_same


def test_one_picture_is_compared_as_well() -> None:
    own = directions(1)
    assert compared(own, own).is_same
    assert not compared(directions(1, seed=3), own).is_same


def test_rows_without_a_direction_are_no_numbers() -> None:
    rows = np.array([[3, 4], [0, 0], [np.nan, 1], [np.inf, 1], [1e-30, 0], [3e38, 3e38]])
    found = unit(rows.astype(np.float32))
    np.testing.assert_allclose(found[0], [0.6, 0.8], rtol=1e-6)
    assert np.isnan(found[1:]).any(axis=1).all()
    assert found.dtype == np.float32
