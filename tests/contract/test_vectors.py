"""What every vector index promises, whatever is behind it."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.errors import IndexMismatch, Unavailable
from indexer.types import Ids, Matches, VectorIndex, Vectors
from indexer.vectors import open_index

DIM = 16
SAME_SCORE = 2e-3  # float16 storage moves a cosine by up to about 1e-4 a side


Open = Callable[[], VectorIndex]


@pytest.fixture(params=["exact", "faiss", "torch:cpu", "torch:cuda"])
def open_(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    if request.param == "torch:cuda" and not torch.cuda.is_available():
        pytest.skip("torch sees no GPU here")
    return lambda: open_index(request.param, tmp_path / "index", DIM)


def random_unit(count: int, seed: int = 0, dim: int = DIM) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids_of(*values: int) -> Ids:
    return np.array(values, np.int64)


def brute_force(ids: Ids, vectors: Vectors, queries: Vectors, k: int) -> list[list[int]]:
    scores = queries @ vectors.astype(np.float16).astype(np.float32).T
    return [ids[np.lexsort((ids, -row))][:k].tolist() for row in scores]


def only(matches: Matches) -> list[int]:
    return [int(one) for one in matches.ids[0] if one >= 0]


def test_search_finds_what_brute_force_finds(open_: Open) -> None:
    index, vectors, ids = open_(), random_unit(500), np.arange(100, 600)
    index.add(ids, vectors)
    queries = random_unit(7, seed=1)
    matches = index.search(queries, 10)
    assert matches.ids.tolist() == brute_force(ids, vectors, queries, 10)
    assert (np.diff(matches.scores, axis=1) <= 0).all()
    expected = (queries[:, None] * vectors[matches.ids - 100]).sum(axis=2)
    assert np.abs(matches.scores - expected).max() < SAME_SCORE


def test_results_are_int64_and_float32_of_the_shape_asked_for(open_: Open) -> None:
    index = open_()
    index.add(ids_of(5), random_unit(1))
    matches = index.search(random_unit(3, seed=2), 4)
    assert matches.ids.shape == matches.scores.shape == (3, 4)
    assert matches.ids.dtype == np.int64
    assert matches.scores.dtype == np.float32


def test_fewer_rows_than_k_leave_holes_at_the_end(open_: Open) -> None:
    index = open_()
    index.add(ids_of(8, 3), random_unit(2))
    matches = index.search(random_unit(1, seed=3), 5)
    assert sorted(matches.ids[0, :2].tolist()) == [3, 8]
    assert matches.ids[0, 2:].tolist() == [-1, -1, -1]
    assert np.isneginf(matches.scores[0, 2:]).all()


def test_an_empty_index_answers_with_holes(open_: Open) -> None:
    matches = open_().search(random_unit(2), 3)
    assert (matches.ids == -1).all()
    assert np.isneginf(matches.scores).all()


def test_no_queries_give_no_rows(open_: Open) -> None:
    index = open_()
    index.add(ids_of(1), random_unit(1))
    assert index.search(random_unit(0), 3).ids.shape == (0, 3)


def test_equal_scores_come_in_order_of_id(open_: Open) -> None:
    index, row = open_(), random_unit(1)
    index.add(ids_of(9, 2, 5), np.repeat(row, 3, axis=0))
    assert only(index.search(row, 3)) == [2, 5, 9]


def test_removed_rows_are_never_found_again(open_: Open) -> None:
    index, vectors = open_(), random_unit(50)
    index.add(np.arange(50), vectors)
    index.search(vectors[:1], 1)
    index.remove(ids_of(0, 7, 7, 999))
    assert len(index) == 48
    matches = index.search(vectors[[0, 7]], 48)
    assert not np.isin(matches.ids, [0, 7]).any()
    assert (matches.ids >= 0).all()


@pytest.mark.parametrize("chosen", [[], [4], [1, 2, 3, 40], list(range(0, 60, 2)), [7, 1000]])
def test_search_among_some_ids_equals_brute_force_over_them(open_: Open, chosen: list[int]) -> None:
    index, vectors = open_(), random_unit(60)
    index.add(np.arange(60), vectors)
    query = random_unit(1, seed=4)
    there = ids_of(*[one for one in chosen if one < 60])
    expected = brute_force(there, vectors[there], query, 10)[0]
    assert only(index.search(query, 10, among=ids_of(*chosen))) == expected


def test_search_among_many_ids_equals_brute_force_over_them(open_: Open) -> None:
    index, vectors = open_(), random_unit(30_000)
    index.add(np.arange(30_000), vectors)
    query, chosen = random_unit(1, seed=5), np.arange(0, 30_000, 2)
    assert (
        only(index.search(query, 10, among=chosen))
        == (brute_force(chosen, vectors[chosen], query, 10)[0])
    )


def test_stored_vectors_come_back_in_the_order_asked_for(open_: Open) -> None:
    index, vectors = open_(), random_unit(20)
    index.add(np.arange(20), vectors)
    assert np.abs(index.vectors(ids_of(7, 3, 7)) - vectors[[7, 3, 7]]).max() < SAME_SCORE


def test_asking_for_an_unknown_vector_is_a_key_error(open_: Open) -> None:
    index = open_()
    index.add(ids_of(1, 2), random_unit(2))
    index.remove(ids_of(2))
    for unknown in (2, 3, -1):
        with pytest.raises(KeyError):
            index.vectors(ids_of(1, unknown))


def test_an_id_cannot_be_used_twice_even_after_its_removal(open_: Open) -> None:
    index = open_()
    index.add(ids_of(1, 2), random_unit(2))
    index.remove(ids_of(1))
    for again in (ids_of(1), ids_of(2), ids_of(4, 4)):
        with pytest.raises(ValueError, match="never used twice"):
            index.add(again, random_unit(len(again)))
    assert len(index) == 1


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((1, DIM), np.float32),
        np.full((1, DIM), np.nan, np.float32),
        np.full((1, DIM), np.inf, np.float32),
        random_unit(1, dim=DIM + 1),
        random_unit(2),
    ],
    ids=["zero", "nan", "infinite", "wrong dim", "wrong count"],
)
def test_vectors_that_are_not_unit_rows_are_refused(open_: Open, bad: Vectors) -> None:
    index = open_()
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match=r"unit length|do not go with"),
    ):
        index.add(ids_of(1), bad)
    assert len(index) == 0


@pytest.mark.parametrize(
    ("queries", "k"),
    [
        (random_unit(1, dim=DIM - 1), 3),
        (random_unit(1)[0], 3),
        (np.full((1, DIM), np.nan, np.float32), 3),
        (random_unit(1), 0),
    ],
    ids=["wrong dim", "one dimension", "nan", "k of 0"],
)
def test_queries_that_make_no_sense_are_refused(open_: Open, queries: Vectors, k: int) -> None:
    with pytest.raises(ValueError, match=r"queries must be|k must be"):
        open_().search(queries, k)


def test_saved_rows_are_there_after_reopening_and_unsaved_are_not(open_: Open) -> None:
    index, vectors = open_(), random_unit(30)
    index.add(np.arange(20), vectors[:20])
    index.remove(ids_of(3))
    index.save()
    index.add(np.arange(20, 30), vectors[20:])
    again = open_()
    assert len(again) == 19
    assert only(again.search(vectors[[3, 25]], 19)).count(3) == 0
    assert again.generation == index.generation == 1


def test_a_reader_follows_the_writer_by_generation(open_: Open) -> None:
    writer, reader, vectors = open_(), open_(), random_unit(10)
    assert not reader.refresh()
    writer.add(np.arange(5), vectors[:5])
    writer.save()
    assert reader.refresh()
    assert only(reader.search(vectors[:1], 1)) == [0]
    assert not reader.refresh()
    writer.add(np.arange(5, 10), vectors[5:])
    writer.remove(ids_of(0))
    writer.save()
    assert reader.refresh()
    assert sorted(only(reader.search(vectors[:1], 10))) == list(range(1, 10))
    assert reader.generation == 2


def test_saving_nothing_new_makes_no_generation(open_: Open) -> None:
    index = open_()
    index.save()
    index.add(ids_of(1), random_unit(1))
    index.save()
    index.save()
    assert index.generation == 1


def test_many_small_saves_and_removals_stay_exact_and_few_files(
    open_: Open, tmp_path: Path
) -> None:
    writer, reader, vectors = open_(), open_(), random_unit(300)
    alive: set[int] = set()
    for start in range(0, 300, 3):
        writer.add(np.arange(start, start + 3), vectors[start : start + 3])
        alive |= set(range(start, start + 3))
        if start % 4 == 0:
            writer.remove(ids_of(start, start // 2))
            alive -= {start, start // 2}
        writer.save()
        reader.refresh()
        assert len(reader) == len(alive)
    left = np.array(sorted(alive))
    expected = brute_force(left, vectors[left], vectors[:5], 20)
    assert reader.search(vectors[:5], 20).ids.tolist() == expected
    assert open_().search(vectors[:5], 20).ids.tolist() == expected
    assert len(list((tmp_path / "index").iterdir())) < 50


def test_readers_see_whole_generations_while_a_writer_writes(open_: Open) -> None:
    writer, reader = open_(), open_()
    vectors = random_unit(2000)
    writer.add(np.arange(10), vectors[:10])
    writer.save()
    done, wrong = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            reader.refresh()
            found = reader.search(vectors[:1], 2000).ids[0]
            if (found >= 0).sum() % 10:
                wrong.append(found)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for start in range(10, 600, 10):
        writer.add(np.arange(start, start + 10), vectors[start : start + 10])
        if start % 50 == 0:
            writer.remove(np.arange(start - 10, start))
        writer.save()
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
@pytest.mark.parametrize("file", ["segment", "removed", "json"])
def test_damaged_files_are_named_and_never_searched(
    open_: Open, tmp_path: Path, file: str, damage: str
) -> None:
    index = open_()
    index.add(np.arange(20), random_unit(20))
    index.save()
    index.remove(ids_of(1))
    index.save()
    path = next((tmp_path / "index").glob(f"*.{file}"))
    if damage == "delete":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(bytes(content))
    if (file, damage) == ("json", "delete"):
        assert len(open_()) == 0
        return
    with pytest.raises(Unavailable, match=path.name):
        open_()


def test_another_dimension_is_refused(open_: Open, tmp_path: Path) -> None:
    index = open_()
    index.add(ids_of(1), random_unit(1))
    index.save()
    with pytest.raises(IndexMismatch, match=r"16 dimensions.*24"):
        open_index("exact", tmp_path / "index", 24)


def test_a_newer_format_is_refused_in_words(open_: Open, tmp_path: Path) -> None:
    index = open_()
    index.add(ids_of(1), random_unit(1))
    index.save()
    manifest = tmp_path / "index" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(IndexMismatch, match="Update atisbo"):
        open_()


def test_both_kinds_open_each_others_files(tmp_path: Path) -> None:
    vectors = random_unit(40)
    exact = open_index("exact", tmp_path, DIM)
    exact.add(np.arange(40), vectors)
    exact.save()
    faiss = open_index("faiss", tmp_path, DIM)
    assert faiss.search(vectors[:3], 5).ids.tolist() == exact.search(vectors[:3], 5).ids.tolist()
