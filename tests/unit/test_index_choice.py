"""What an index is made of follows from its budget, its rows and what it is measured to find."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from indexer.errors import ConfigError
from indexer.types import Modality
from indexer.vectors.budget import Budget, budget_of, latency, memory, recall
from indexer.vectors.durable import write_arrays, write_atomically
from indexer.vectors.faiss.maps import learned
from indexer.vectors.samples import strangers
from indexer.vectors.structure import OWN_SUFFIXES, told
from tests.vectors import DIM, World, filled, opened, samples, true_best
from tests.vectors import recall as share_found

T = TypeVar("T")

PATIENT = 10_000.0
"""A latency in ms that nothing here misses, however busy the machine."""


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes few rows count as many."""
    monkeypatch.setattr("indexer.vectors.faiss._SMALL_BYTES", 0)
    monkeypatch.setattr("indexer.vectors.faiss._TAIL_ROWS", 200)


def test_a_scan_that_keeps_the_budget_is_kept(world: World, tmp_path: Path) -> None:
    index = filled(tmp_path, world.pictures(3000))
    made = index.build(samples(world, index), Budget(max_latency=PATIENT))
    assert made.kind == "exact"
    assert "within the budget" in made.why
    assert not made.files


def test_less_memory_than_rows_need_gives_codes_and_says_why(world: World, tmp_path: Path) -> None:
    index = filled(tmp_path, world.pictures(6000))
    budget = Budget(max_memory=6000 * 80, min_recall=0.95, max_latency=PATIENT)
    said: list[str] = []
    made = index.build(samples(world, index), budget, say=said.append)
    assert made.kind == "codes"
    assert made.memory_bytes <= 6000 * 80
    assert "more than 480 kB" in made.why
    assert min(one.low for one in made.recall.values()) >= 0.93
    assert "recall@10" in said[-1]
    assert "for text queries" in told(made)


def test_a_budget_that_nothing_keeps_gives_the_nearest_and_says_so(
    world: World, tmp_path: Path
) -> None:
    index = filled(tmp_path, world.pictures(3000))
    made = index.build(samples(world, index), Budget(max_latency=1e-6, min_recall=0.9))
    assert "nothing keeps all" in made.why
    assert min(one.high for one in made.recall.values()) >= 0.9


def test_recall_goes_before_memory(world: World, tmp_path: Path) -> None:
    index = filled(tmp_path, world.pictures(1200))
    budget = Budget(max_memory=1, min_recall=1.0, max_latency=PATIENT)
    made = index.build(samples(world, index), budget)
    queries = world.texts(50)
    found = share_found(index.search(queries, 10).ids, true_best(index, queries, 10))
    assert found > 0.99
    assert "more than 1 B" in made.why


def test_more_depth_is_chosen_for_more_recall(world: World, tmp_path: Path) -> None:
    index = filled(tmp_path, world.pictures(6000))
    asked = samples(world, index)
    depths = [
        index.build(asked, Budget(min_recall=least), kind="codes").depth(10)
        for least in (0.5, 0.99)
    ]
    assert depths[0] < depths[1]


def test_without_texts_recall_is_told_for_pictures_alone(world: World, tmp_path: Path) -> None:
    index = filled(tmp_path, world.pictures(3000))
    asked = {**samples(world, index), Modality.TEXT: strangers(world.texts(0))}
    made = index.build(asked, Budget(min_recall=0.9), kind="codes")
    assert set(made.recall) == {Modality.IMAGE}


def test_an_empty_index_keeps_its_budget_for_later(world: World, tmp_path: Path) -> None:
    index = opened(tmp_path)
    empty = {Modality.IMAGE: strangers(world.pictures(0))}
    made = index.build(empty, Budget(max_latency=3.0))
    assert made.kind == "exact"
    assert opened(tmp_path).structure == made
    assert (index.search(world.texts(1), 3).ids == -1).all()


def test_a_library_that_did_not_change_is_left_alone(
    world: World, tmp_path: Path, small_parts: None
) -> None:
    index = filled(tmp_path, world.pictures(3000))
    asked = samples(world, index)
    index.build(asked, Budget(min_recall=0.9), kind="codes")
    assert index.due() is None
    assert index.tend(asked) is None


def test_rows_that_came_are_taken_into_the_codes_without_learning_anew(
    world: World, tmp_path: Path, small_parts: None
) -> None:
    index = filled(tmp_path, world.pictures(3000))
    made = index.build(samples(world, index), Budget(min_recall=0.9), kind="codes")
    index.add(np.arange(9000, 9300), world.pictures(300))
    index.save()
    assert index.tail == 300
    again = index.tend(samples(world, index))
    assert again is not None
    assert (again.trained_rows, again.rows, index.tail) == (3000, 3300, 0)
    assert {one.file for one in again.files}.isdisjoint(one.file for one in made.files)
    queries = world.texts(60)
    assert share_found(index.search(queries, 10).ids, true_best(index, queries, 10)) > 0.9
    assert opened(tmp_path).tail == 0
    codes = sorted(path.name for path in tmp_path.glob("*.codes"))
    assert codes == sorted(one.file for one in again.files if one.file.endswith(".codes"))


def test_rows_of_another_kind_make_it_learn_anew(
    world: World, tmp_path: Path, small_parts: None
) -> None:
    alike = world.pictures(1) + 0.01 * world.pictures(3000)
    index = filled(tmp_path, alike / np.linalg.norm(alike, axis=1, keepdims=True))
    index.build(samples(world, index), Budget(min_recall=0.9), kind="codes")
    index.add(np.arange(9000, 11_500), world.pictures(2500))
    index.save()
    said: list[str] = []
    again = index.tend(samples(world, index), say=said.append)
    assert again is not None
    assert again.trained_rows == 5500
    assert any("no longer serves" in line for line in said)


def test_rows_that_outgrow_what_was_learned_make_it_learn_anew(
    world: World, tmp_path: Path, small_parts: None
) -> None:
    index = filled(tmp_path, world.pictures(1500))
    index.build(samples(world, index), Budget(min_recall=0.9), kind="codes")
    index.add(np.arange(9000, 11_000), world.pictures(2000))
    index.save()
    assert index.due() == "1,500 rows became 3,500"
    again = index.tend(samples(world, index))
    assert again is not None
    assert (again.trained_rows, again.asked) == (3500, "codes")


def test_many_removals_make_it_anew(world: World, tmp_path: Path, small_parts: None) -> None:
    index = filled(tmp_path, world.pictures(3000))
    index.build(samples(world, index), Budget(min_recall=0.9), kind="codes")
    index.remove(index.ids[:1000])
    index.save()
    assert index.due() == "1,000 of its rows are gone"
    again = index.tend(samples(world, index))
    assert again is not None
    assert again.rows == 2000


def test_another_budget_is_a_reason_and_the_same_is_none(
    world: World, tmp_path: Path, small_parts: None
) -> None:
    index = filled(tmp_path, world.pictures(2000))
    budget = Budget(max_latency=PATIENT)
    assert index.due(budget) == "another budget"
    index.tend(samples(world, index), budget)
    assert index.due(budget) is None
    assert index.due() is None
    assert index.due(Budget(max_memory=1, max_latency=PATIENT)) == "another budget"


def test_rows_beyond_the_memory_are_a_reason(world: World, tmp_path: Path) -> None:
    index = filled(tmp_path, world.pictures(1000))
    budget = Budget(max_memory=200_000, max_latency=PATIENT, min_recall=0.9)
    index.build(samples(world, index), budget)
    assert index.due() is None
    index.add(np.arange(9000, 12_000), world.pictures(3000))
    assert index.due() == "4,000 rows need more memory than allowed"


def test_maps_keep_scores_of_the_queries_they_learned_from(world: World) -> None:
    rows, texts = world.pictures(4000), world.texts(4000)
    error = {}
    for name, asked in (("texts", [texts]), ("rows", [rows])):
        maps = learned(rows, asked, 6)
        queries = world.texts(200)
        exact = queries @ rows.T
        mapped = maps.queries(queries) @ maps.rows(rows).T
        offset = (exact - mapped).mean(axis=1, keepdims=True)
        error[name] = float(np.square(exact - mapped - offset).mean())
    assert error["texts"] < error["rows"]


def test_maps_to_all_dimensions_lose_nothing(world: World) -> None:
    rows, queries = world.pictures(2000), world.texts(50)
    maps = learned(rows, [world.texts(2000)], DIM).balanced(DIM // 2)
    exact, mapped = queries @ rows.T, maps.queries(queries) @ maps.rows(rows).T
    offset = exact[:, :1] - mapped[:, :1]
    assert np.abs(exact - mapped - offset).max() < 1e-3


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2_000_000_000), ("512 MiB", 2**29), ("800000", 800_000), ("1.5g", 1_500_000_000)],
)
def test_amounts_of_memory_are_read(text: str, size: int) -> None:
    assert memory(text) == size


@pytest.mark.parametrize(("text", "ms"), [("20ms", 20), ("0.5 s", 500), ("7", 7), ("900us", 0.9)])
def test_times_are_read(text: str, ms: float) -> None:
    assert latency(text) == pytest.approx(ms)


@pytest.mark.parametrize(("text", "share"), [("0.95", 0.95), ("95%", 0.95), ("1", 1.0)])
def test_recalls_are_read(text: str, share: float) -> None:
    assert recall(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "0", "much", "-3GB", "2 XB", "nan"])
def test_what_says_no_budget_is_refused_with_an_example(text: str) -> None:
    for read, example in ((memory, "2GB"), (latency, "20ms"), (recall, "0.95")):
        with pytest.raises(ConfigError, match=rf"{example}"):
            read(text)


def test_words_that_are_left_out_mean_the_usual() -> None:
    assert budget_of(None, None, None) is None
    assert budget_of(None, None, "3ms") == Budget(max_latency=3.0)


@pytest.mark.parametrize("step", range(5))
def test_a_disk_that_fills_while_it_is_made_leaves_the_one_before(
    world: World, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = filled(tmp_path, world.pictures(1500))
    asked = samples(world, index)
    before = index.build(asked, Budget(min_recall=0.9), kind="codes")
    left = [step]

    def write(path: Path, arrays: object) -> int:
        return _or_full(left, write_arrays, path, arrays)

    def replace(path: Path, content: bytes) -> None:
        _or_full(left, write_atomically, path, content)

    with monkeypatch.context() as patched:
        patched.setattr("indexer.vectors.faiss.stored_body.write_arrays", write)
        patched.setattr("indexer.vectors.structure.write_atomically", replace)
        if step < 4:  # ids, maps, codes, structure.json
            with pytest.raises(OSError, match="No space"):
                index.build(asked, Budget(min_recall=0.9), kind="lists")
        else:
            before = index.build(asked, Budget(min_recall=0.9), kind="lists")
    again = opened(tmp_path)
    assert again.structure == before
    again.check_structure()
    queries = world.texts(30)
    for one in (index, again):
        assert share_found(one.search(queries, 10).ids, true_best(one, queries, 10)) > 0.85
    made = index.build(asked, Budget(min_recall=0.9), kind="codes")
    kept = {path.name for path in tmp_path.iterdir() if path.suffix in OWN_SUFFIXES}
    assert kept == {one.file for one in made.files}


def _or_full(left: list[int], write: Callable[..., T], *arguments: object) -> T:
    """Writes as often as `left` says; then the disk is full."""
    left[0] -= 1
    if left[0] < 0:
        raise OSError(errno.ENOSPC, "No space left on device")
    return write(*arguments)
