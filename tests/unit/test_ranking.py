import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from indexer.errors import BadQuery
from indexer.types import Hit
from search_api.ranking import fuse, ranked
from tests.fakes import picture, unit


def test_single_vector_stays_itself() -> None:
    vector = unit([1, 2, 2])
    np.testing.assert_allclose(fuse(vector), vector, atol=1e-7)


def test_two_vectors_fuse_to_the_unit_vector_between_them() -> None:
    fused = fuse(unit([1, 0, 0], [0, 1, 0]))
    assert fused.shape == (1, 3)
    assert fused.dtype == np.float32
    np.testing.assert_allclose(fused, unit([1, 1, 0]), atol=1e-7)


def test_opposite_vectors_are_refused_because_they_point_nowhere() -> None:
    with pytest.raises(BadQuery, match="cancel each other out"):
        fuse(unit([1, 2, 3], [-1, -2, -3]))


def test_rounding_does_not_give_opposite_vectors_a_direction() -> None:
    stored = unit([1, 2, 3]).astype(np.float16).astype(np.float32)
    with pytest.raises(BadQuery, match="cancel each other out"):
        fuse(np.concatenate([stored, -unit([1, 2, 3])]))


def test_broken_vector_is_refused() -> None:
    with pytest.raises(BadQuery):
        fuse(np.array([[np.nan, 0, 1]], dtype=np.float32))


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.just(5)),
        elements=st.floats(0.125, 1, width=32),
    )
)
def test_fused_vector_has_unit_length_and_favours_no_row_order(rows: np.ndarray) -> None:
    vectors = unit(*rows)
    fused = fuse(vectors)
    assert np.linalg.norm(fused) == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(fuse(vectors[::-1]), fused, atol=1e-6)


def test_hits_come_best_first_and_ties_by_id() -> None:
    hits = [Hit(picture(3), 0.5), Hit(picture(1), 0.5), Hit(picture(2), 0.9)]
    assert [hit.item.id for hit in ranked(hits)] == [2, 1, 3]
