"""Filters as masks over rows: what is kept of them, and when they are made anew."""

from pathlib import Path

import numpy as np
import pytest

from indexer.vectors.faiss.view import View
from indexer.vectors.segments import SegmentStore
from tests.vectors import DIM, World


@pytest.fixture
def view(tmp_path: Path) -> View:
    store = SegmentStore(tmp_path, DIM)
    store.append(np.arange(100, 400), World().pictures(300))
    return View(store.state, None, None)


def fixed(ids: list[int]) -> np.ndarray:
    made = np.array(ids, np.int64)
    made.flags.writeable = False
    return made


def test_the_same_array_is_looked_up_once(view: View) -> None:
    among = fixed([100, 399, 7])
    chosen = view.chosen(among)
    assert chosen.places.tolist() == [0, 299]
    assert chosen.count == 2
    assert view.chosen(among) is chosen
    assert view.chosen(fixed([100, 399, 7])) is not chosen


def test_an_array_that_can_be_written_to_is_looked_up_each_time(view: View) -> None:
    among = np.array([100, 101])
    first = view.chosen(among)
    among[1] = 102
    assert first.places.tolist() == [0, 1]
    assert view.chosen(among).places.tolist() == [0, 2]


def test_another_array_where_one_was_before_is_not_taken_for_it(view: View) -> None:
    for id in range(100, 400):
        # Freed at once, so that the next one may lie where this one lay.
        assert view.chosen(fixed([id])).places.tolist() == [id - 100]


def test_filters_asked_long_ago_are_let_go(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.vectors.faiss.view._KEPT_ROWS", 2 * 300)
    arrays = [fixed([100 + at]) for at in range(3)]
    chosen = [view.chosen(one) for one in arrays]
    assert view.chosen(arrays[2]) is chosen[2]
    assert view.chosen(arrays[1]) is chosen[1]
    assert view.chosen(arrays[0]) is not chosen[0]
