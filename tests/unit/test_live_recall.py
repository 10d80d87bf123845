"""What an index loses as it is searched, on indexes that lose on purpose."""

import numpy as np
import pytest

from indexer.commands.searched import facts_of, searched_table
from indexer.evaluation.live import DEPTH, Questions, Searched, questions, searched
from indexer.evaluation.pairs import Pairs
from indexer.types import Ids, Matches, Modality, Vectors
from tests.fakes import FakeIndex, unit

COUNT = 60


class LosingIndex(FakeIndex):
    """Never finds some of its rows."""

    def __init__(self, ids: Ids, vectors: Vectors, lost: Ids) -> None:
        super().__init__(ids.tolist(), vectors)
        self.lost = lost

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Matches:
        return super().search(queries, k, np.setdiff1d(self.ids, self.lost))


def spread(count: int, dim: int = 16) -> Vectors:
    return unit(*np.random.default_rng(3).normal(size=(count, dim)))


def library() -> tuple[Pairs, Ids, Ids]:
    """Pictures 100, 101, ... and their captions 500, 501, ... of the same vectors, in order."""
    rows = spread(COUNT)
    at = np.arange(COUNT)
    return Pairs(rows, rows, at, at), 100 + at, 500 + at


def ask(lost: Ids) -> Searched:
    """Asks for all, through an index of pictures that loses some; that of captions is whole."""
    pairs, pictures, captions = library()
    whole = {
        Modality.IMAGE: FakeIndex(pictures.tolist(), pairs.images),
        Modality.TEXT: FakeIndex(captions.tolist(), pairs.texts),
    }
    losing = {**whole, Modality.IMAGE: LosingIndex(pictures, pairs.images, lost)}
    return searched(questions(pairs, pictures, captions), whole, losing)


def test_index_that_finds_all_loses_nothing() -> None:
    found = ask(np.array([], np.int64))
    assert found.queries == COUNT
    assert found.exact == found.live
    assert found.exact.text_to_image.recall[1].value == 1
    assert found.loss.text_to_image[10].value == 0
    assert {one.value for one in found.found.values()} == {1}


def test_index_that_loses_a_third_shows_the_loss_where_it_is() -> None:
    found = ask(100 + np.arange(0, COUNT, 3))
    assert found.exact.text_to_image.recall[10].value == 1
    assert found.live.text_to_image.recall[10].value == pytest.approx(2 / 3)
    loss = found.loss.text_to_image[10]
    assert loss.value == pytest.approx(-1 / 3)
    assert loss.low < -1 / 3 < loss.high < 0
    assert found.loss.image_to_text[10].value == 0
    # Each text misses its own picture or others: a third of its true ten best.
    assert found.found[Modality.TEXT].value == pytest.approx(2 / 3, abs=0.05)
    assert found.found[Modality.IMAGE].value == 1


def test_median_beyond_what_was_asked_for_is_not_told() -> None:
    found = ask(100 + np.arange(40))
    assert found.live.text_to_image.median_rank == DEPTH + 1
    facts = facts_of(found)
    assert facts["live"]["text_to_image"]["median_rank"] is None
    assert facts["exact"]["text_to_image"]["median_rank"] == 1
    table = searched_table({"faiss: codes": found}, "the space")
    assert f"over {DEPTH}" in list(table.columns[4].cells)
    assert "  faiss: codes" in list(table.columns[0].cells)


def test_what_says_the_same_is_right_for_each_picture_that_bears_it() -> None:
    # Captions 500 and 502 say the same, of pictures 100 and 101; 501 is of 100, 503 of 102.
    rows = spread(7)
    pairs = Pairs(rows[:3], rows[3:], np.array([0, 0, 1, 2]), np.array([8, 9, 8, 7]))
    made = questions(pairs, np.array([100, 101, 102]), np.array([500, 501, 502, 503]))
    assert [ids.tolist() for ids in made.captions] == [[500, 502, 501], [500, 502], [503]]
    first = 0 if np.array_equal(made.texts[0], pairs.texts[0]) else 1
    assert made.pictures[0].tolist() == ([100, 101] if first == 0 else [100])
    assert [ids.tolist() for ids in made.pictures[1:]] == [[100, 101], [102]]


def test_only_so_many_pictures_are_drawn() -> None:
    pairs, pictures, captions = library()
    made = questions(pairs, pictures, captions, most=7, seed=4)
    assert len(made.texts) == len(made.images) == len(made.pictures) == len(made.captions) == 7
    assert [one.tolist() for one in made.pictures] != [
        one.tolist() for one in questions(pairs, pictures, captions, most=7, seed=5).pictures
    ]


def test_empty_answer_and_holes_count_as_not_found() -> None:
    rows = spread(2)
    asked = Questions(rows, rows, [np.array([1]), np.array([2])], [np.array([3]), np.array([4])])
    whole = {Modality.IMAGE: FakeIndex([1, 2], rows), Modality.TEXT: FakeIndex([3, 4], rows)}
    empty = {Modality.IMAGE: FakeIndex(), Modality.TEXT: FakeIndex()}
    found = searched(asked, whole, empty)
    assert found.live.text_to_image.recall[10].value == 0
    assert found.found[Modality.IMAGE].value == 0
    assert searched(asked, empty, empty).found[Modality.IMAGE].value == 1
