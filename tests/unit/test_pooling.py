"""One vector for a film."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer.pooling import Pool
from indexer.types import Span


def lasting(*seconds: int) -> list[Span]:
    return [Span(0, second * 1000, 0) for second in seconds]


def test_a_moment_counts_as_long_as_it_lasts() -> None:
    pool = Pool()
    pool.add(np.eye(2, dtype=np.float32), lasting(3, 4))
    np.testing.assert_allclose(pool.vector(), [[0.6, 0.8]], atol=1e-6)


def test_no_moment_gives_no_vector() -> None:
    pool = Pool()
    pool.add(np.empty((0, 2), np.float32), [])
    assert pool.vector() is None


def test_moments_that_cancel_each_other_out_leave_the_first() -> None:
    pool = Pool()
    pool.add(np.array([[0, 1], [0, -1]], np.float32), lasting(5, 5))
    np.testing.assert_array_equal(pool.vector(), [[0, 1]])


@given(
    arrays(np.float32, (7, 3), elements=st.floats(-1, 1, width=32)),
    st.lists(st.integers(0, 10_000), min_size=7, max_size=7),
    st.integers(0, 7),
)
def test_parts_give_the_same_as_the_whole(rows: np.ndarray, seconds: list[int], cut: int) -> None:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = np.where(lengths > 1e-3, rows / np.maximum(lengths, 1e-3), [[1, 0, 0]])
    vectors = vectors.astype(np.float32)
    whole, parts = Pool(), Pool()
    whole.add(vectors, lasting(*seconds))
    parts.add(vectors[:cut], lasting(*seconds[:cut]))
    parts.add(vectors[cut:], lasting(*seconds[cut:]))
    expected, found = whole.vector(), parts.vector()
    assert expected is not None
    assert found is not None
    assert abs(np.linalg.norm(expected) - 1) < 1e-4
    np.testing.assert_allclose(found, expected, atol=1e-4)
