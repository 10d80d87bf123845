"""What an index promises whatever it is made of: codes, lists, or anything that FAISS makes."""

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.types import Modality
from indexer.vectors.budget import Budget
from indexer.vectors.faiss import FaissIndex
from indexer.vectors.gpu import open_gpu
from indexer.vectors.structure import ON_GPUS
from tests.gpus import PlayedCuvs
from tests.vectors import DIM, World, filled, opened, recall, samples, true_best

ROWS = 6000
BUDGET = Budget(min_recall=0.95)
FACTORIES = ["SQ8", "PQ24x4fs", "IVF32,Flat", "HNSW16,SQ8", "IVF32,RaBitQ"]
KINDS = ["exact", "codes", "lists", *FACTORIES, *ON_GPUS]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module", autouse=True)
def _gpus(kind: str) -> Iterator[None]:
    """Plays two GPUs for what is made for them."""
    with pytest.MonkeyPatch.context() as patch:
        if kind in ON_GPUS:
            played = partial(open_gpu, library=PlayedCuvs(gpus=2))
            patch.setattr("indexer.vectors.faiss.open_gpu", played)
        yield


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def made(kind: str, world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    index = filled(folder, world.pictures(ROWS))
    index.build(samples(world, index), BUDGET, kind=kind)
    return folder


@pytest.fixture
def index(made: Path, tmp_path: Path) -> FaissIndex:
    shutil.copytree(made, tmp_path / "index")
    return opened(tmp_path / "index")


def test_recall_is_what_the_structure_says_for_texts_and_for_pictures(
    index: FaissIndex, world: World
) -> None:
    structure = index.structure
    assert structure is not None
    assert set(structure.recall) == {Modality.TEXT, Modality.IMAGE}
    for modality, queries in (
        (Modality.TEXT, world.texts(300)),
        (Modality.IMAGE, world.pictures(300)),
    ):
        said = structure.recall[modality]
        found = recall(index.search(queries, 10).ids, true_best(index, queries, 10))
        assert said.low - 0.03 <= found <= said.high + 0.03
        assert found >= 0.93


def test_scores_are_those_of_raw_rows_and_fall(index: FaissIndex, world: World) -> None:
    queries = world.texts(20)
    found = index.search(queries, 10)
    exact = np.einsum(
        "qd,qkd->qk", queries, index.vectors(found.ids.reshape(-1)).reshape(20, 10, DIM)
    )
    assert np.abs(found.scores - exact).max() < 1e-5
    assert (np.diff(found.scores, axis=1) <= 0).all()


def test_what_comes_and_goes_after_it_was_made_shows_at_once(
    index: FaissIndex, world: World
) -> None:
    queries = world.texts(30)
    before = index.search(queries, 5).ids
    index.remove(before[:, 0])
    new = world.texts(30)
    index.add(np.arange(50_000, 50_030), new)
    found = index.search(queries, 5).ids
    assert not np.isin(found, before[:, 0]).any()
    assert index.search(new, 1).ids[:, 0].tolist() == list(range(50_000, 50_030))
    assert recall(found, true_best(index, queries, 5)) > 0.9


def test_a_reopened_index_answers_alike(index: FaissIndex, world: World, tmp_path: Path) -> None:
    queries = world.texts(20)
    again = opened(tmp_path / "index")
    assert again.structure == index.structure
    assert again.search(queries, 10).ids.tolist() == index.search(queries, 10).ids.tolist()


@pytest.mark.parametrize("share", [0.0002, 0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("read_one_by_one", [True, False], ids=["few", "many"])
def test_a_filter_gives_k_of_its_own_and_the_best_of_them(
    index: FaissIndex,
    world: World,
    share: float,
    read_one_by_one: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not read_one_by_one:
        monkeypatch.setattr("indexer.vectors.faiss.view._READ_ONE_BY_ONE_BYTES", 0)
    among = np.random.default_rng(3).choice(index.ids, int(share * ROWS), replace=False)
    queries = world.texts(40)
    found = index.search(queries, 10, among=among).ids
    there = found[found >= 0]
    assert np.isin(there, among).all()
    assert ((found >= 0).sum(axis=1) == min(10, len(among))).all()
    assert recall(found, true_best(index, queries, 10, among)) >= 0.95


def test_a_filter_that_is_asked_again_finds_what_came_and_not_what_went(
    index: FaissIndex, world: World
) -> None:
    queries = world.texts(10)
    among = np.concatenate([index.ids[::3], np.arange(50_000, 50_010)])
    among.flags.writeable = False  # as the catalogue's answers that are kept
    first = index.search(queries, 5, among=among).ids
    assert index.search(queries, 5, among=among).ids.tolist() == first.tolist()
    assert recall(first, true_best(index, queries, 5, among)) >= 0.95
    index.add(np.arange(50_000, 50_010), queries)
    index.remove(first[:, 0])
    found = index.search(queries, 5, among=among).ids
    assert found[:, 0].tolist() == list(range(50_000, 50_010))
    assert not np.isin(found, first[:, 0]).any()
    assert np.isin(found, among).all()


def test_a_filter_far_from_the_query_still_gives_k(index: FaissIndex, world: World) -> None:
    query = world.texts(1)
    worst = np.argsort(query[0] @ index.vectors(index.ids).T)[:2000]
    among = index.ids[worst]
    found = index.search(query, 50, among=among).ids[0]
    assert (found >= 0).all()
    assert recall(found[None], true_best(index, query, 50, among)) >= 0.95


def test_more_than_there_are_leaves_holes_and_finds_all(index: FaissIndex, world: World) -> None:
    found = index.search(world.texts(2), ROWS + 5).ids
    assert ((found >= 0).sum(axis=1) == ROWS).all()
    assert (found[:, ROWS:] == -1).all()


def test_doubles_come_in_order_of_id(kind: str, world: World, tmp_path: Path) -> None:
    rows = world.pictures(3000)
    rows[1000:1004] = rows[0]
    index = filled(tmp_path / "doubles", rows)
    index.build(samples(world, index), BUDGET, kind=kind)
    assert index.search(rows[:1], 5).ids[0].tolist() == [100, 1100, 1101, 1102, 1103]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_queries_that_are_no_numbers_are_refused(index: FaissIndex, bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        index.search(np.full((1, DIM), bad, np.float32), 3)


def test_readers_are_right_while_a_writer_writes_and_builds(
    kind: str, world: World, tmp_path: Path
) -> None:
    rows = world.pictures(2000)
    writer = filled(tmp_path / "index", rows)
    reader = opened(tmp_path / "index")
    asked = samples(world, writer)
    stop, found = threading.Event(), []

    def read(seed: int) -> None:
        random = np.random.default_rng(seed)
        while not stop.is_set():
            reader.refresh()
            at = int(random.integers(0, 1000))
            found.append(int(reader.search(rows[at : at + 1], 1).ids[0, 0]) == 100 + at)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for step in range(2):
        writer.build(asked, BUDGET, kind=kind)
        writer.add(np.arange(9000 + 50 * step, 9050 + 50 * step), world.texts(50))
        writer.remove(np.arange(2000 - 50 * step, 2050 - 50 * step))
        writer.save()
    stop.set()
    for thread in threads:
        thread.join()
    assert np.mean(found) > (0.95 if kind != "exact" else 0.9999)
    reader.refresh()
    assert reader.structure == writer.structure


def test_a_reader_follows_a_new_structure(index: FaissIndex, world: World, tmp_path: Path) -> None:
    reader = opened(tmp_path / "index")
    assert reader.structure == index.structure
    index.build(samples(world, index), Budget(min_recall=0.9), kind="SQ8")
    assert reader.refresh()
    assert reader.structure == index.structure
    assert not reader.refresh()


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete"])
def test_damaged_codes_are_told_and_rows_are_scanned(
    index: FaissIndex, world: World, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    structure = index.structure
    assert structure is not None
    if not structure.files:
        pytest.skip("an exact scan has no codes")
    for stored in structure.files:
        path = tmp_path / "index" / stored.file
        kept = path.read_bytes()
        if damage == "delete":
            path.unlink()
        else:
            content = bytearray(kept[:-9] if damage == "truncate" else kept)
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(bytes(content))
        again = opened(tmp_path / "index")
        with pytest.raises(Unavailable, match=stored.file):
            again.check_structure()
        queries = world.texts(5)
        assert recall(again.search(queries, 10).ids, true_best(again, queries, 10)) == 1
        assert "atisbo verify --repair" in caplog.text
        path.write_bytes(kept)


def test_what_faiss_cannot_make_is_refused_and_nothing_changes(
    world: World, tmp_path: Path
) -> None:
    index = filled(tmp_path / "index", world.pictures(200))
    with pytest.raises(ConfigError, match=r"cannot make 'IVFnonsense'.*factory string"):
        index.build(samples(world, index, 100), BUDGET, kind="IVFnonsense")
    assert index.structure is None
    assert len(index.search(world.texts(1), 3).ids) == 1


def test_a_structure_of_a_newer_atisbo_is_refused_in_words(
    index: FaissIndex, tmp_path: Path
) -> None:
    path = tmp_path / "index" / "structure.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(IndexMismatch, match="Update atisbo"):
        opened(tmp_path / "index").search(np.eye(1, DIM, dtype=np.float32), 1)
