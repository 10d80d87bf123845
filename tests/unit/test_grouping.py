import numpy as np

from indexer.types import Hit
from search_api.grouping import grouped
from tests.fakes import moment, picture, unit


def hits(*ids: int) -> list[Hit]:
    return [Hit(picture(id), 1.0 / id) for id in ids]


def ids(groups: object) -> list[list[int]]:
    return [[hit.item.id for hit in group.hits] for group in groups]


def test_near_duplicates_join_the_best_of_them() -> None:
    rows = unit([1, 0, 0], [0, 1, 0], [1, 0.05, 0], [0, 1, 0.1])
    vectors = dict(zip([1, 2, 3, 4], rows, strict=True))
    assert ids(grouped(hits(1, 2, 3, 4), vectors, {})) == [[1, 3], [2, 4]]


def test_groups_do_not_chain() -> None:
    angles = np.deg2rad([0, 15, 30])  # neighbours have a cosine of 0.966, the ends of 0.866
    rows = unit(*np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert ids(grouped(hits(1, 2, 3), dict(zip([1, 2, 3], rows, strict=True)), {})) == [[1, 2], [3]]


def test_moments_join_their_film_however_they_look() -> None:
    found = [
        Hit(moment(5, "a.mp4", 0, 9, 1), 0.9),
        Hit(picture(1), 0.8),
        Hit(moment(6, "a.mp4", 9, 18, 10), 0.7),
        Hit(moment(7, "b.mp4", 9, 18, 10), 0.6),
    ]
    rows = unit([1, 0], [1, 0], [0, 1], [1, 0])
    vectors = dict(zip([5, 1, 6, 7], rows, strict=True))
    groups = grouped(found, vectors, {5: 20, 6: 20, 7: 30})
    assert ids(groups) == [[5, 6], [1], [7]]
    assert [group.film for group in groups] == [20, None, 30]


def test_what_has_no_vector_stays_alone() -> None:
    assert ids(grouped(hits(1, 2), {}, {})) == [[1], [2]]


def test_nothing_makes_no_group() -> None:
    assert grouped([], {}, {}) == []
