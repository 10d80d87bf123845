"""Codes and graphs that GPUs search, which are played here: what is made, found and fallen back to.

A played GPU answers by the processor's index of the same kind, within the limits of a real one.
"""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest

from indexer.types import Modality, Vectors
from indexer.vectors import gpu
from indexer.vectors.budget import Budget
from indexer.vectors.faiss import FaissIndex
from indexer.vectors.faiss.making import _parts
from indexer.vectors.faiss.placed import place
from indexer.vectors.faiss.threads import on_one_thread
from indexer.vectors.gpu import Gpu, open_gpu
from indexer.vectors.structure import Structure
from tests.gpus import PlayedCuvs, PlayedFaiss
from tests.vectors import DIM, World, filled, opened, recall, samples, true_best

PATIENT = 10_000.0
"""A latency in ms that nothing here misses, however busy the machine."""
ROWS = 6000
FEW = 2000
LITTLE = Budget(max_memory=550_000, min_recall=0.95, max_latency=PATIENT)
"""Too little for the rows, enough for codes of 24 bytes."""
ENOUGH = Budget(min_recall=0.95, max_latency=PATIENT)
KINDS = pytest.mark.parametrize("kind", ["ivfpq", "cagra"])

Playing = Callable[[PlayedFaiss], PlayedFaiss]
Copying = Callable[[str], Path]


@pytest.fixture
def world() -> World:
    return World()


def playing(patch: pytest.MonkeyPatch) -> Playing:
    """Returns what makes indexes see played GPUs, which compute in little memory."""
    patch.setattr(gpu, "TEMPORARY_BYTES", 1000)
    patch.setattr("indexer.vectors.faiss._TAIL_ROWS", 200)

    def play(library: PlayedFaiss) -> PlayedFaiss:
        def open_played(dim: int, *, most_bytes: int | None = None) -> Gpu | None:
            return open_gpu(dim, most_bytes=most_bytes, library=library)

        patch.setattr("indexer.vectors.faiss.open_gpu", open_played)
        return library

    return play


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Playing:
    return playing(monkeypatch)


@pytest.fixture
def few_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves one length of code to choose from where all are tried."""
    monkeypatch.setattr("indexer.vectors.faiss.building.CODE_BYTES", (32,))
    monkeypatch.setattr("indexer.vectors.faiss.building.GPU_CODE_BYTES", (32,))


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Returns folders of indexes of 2,000 rows, made for two GPUs, by kind."""
    folders = {}
    for kind in ("ivfpq", "cagra"):
        world, folders[kind] = World(), tmp_path_factory.mktemp(kind)
        with pytest.MonkeyPatch.context() as patch:
            playing(patch)(PlayedCuvs(gpus=2))
            made(filled(folders[kind], world.pictures(FEW)), world, kind, ENOUGH)
    return folders


@pytest.fixture
def copied(originals: dict[str, Path], world: World, tmp_path: Path) -> Copying:
    def copy(kind: str) -> Path:
        world.pictures(FEW)  # those that the copy holds are not given out again
        return Path(shutil.copytree(originals[kind], tmp_path / kind))

    return copy


def made(index: FaissIndex, world: World, kind: str | None, budget: Budget = LITTLE) -> Structure:
    return index.build(samples(world, index), budget, kind=kind)


def found(index: FaissIndex, world: World, k: int = 10) -> float:
    """Returns the share of the true best that searches for texts find, asked one by one."""
    queries = world.texts(40)
    answers = np.array([index.search(query[None], k).ids[0] for query in queries])
    return recall(answers, true_best(index, queries, k))


def by_gpus(library: PlayedFaiss, index: FaissIndex, world: World) -> bool:
    before = len(library.copies_asked)
    index.search(world.texts(1), 10)
    return len(library.copies_asked) > before


@pytest.mark.parametrize(("gpus", "memory", "temporary"), [(1, 550, 1), (2, 640, 40)])
def test_rows_beyond_the_gpus_memory_are_coded_for_them_and_why_is_told(
    gpus: int,
    memory: int,
    temporary: int,
    world: World,
    play: Playing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = play(PlayedFaiss(gpus))
    monkeypatch.setattr(gpu, "TEMPORARY_BYTES", 1000 * temporary)
    index = filled(tmp_path, world.pictures(ROWS))
    said: list[str] = []
    budget = replace(LITTLE, max_memory=1000 * memory)
    structure = index.build(samples(world, index), budget, say=said.append)
    assert structure.kind == "ivfpq"
    assert "on GPU 0" in structure.why
    assert f"more than {memory} kB" in structure.why
    assert "6,000 vectors need 0.00 GB there, 0.00 GB are allowed" in structure.why
    assert any("GPU 0" in line for line in said)
    assert set(structure.recall) == {Modality.TEXT, Modality.IMAGE}
    assert min(one.high for one in structure.recall.values()) >= 0.95
    assert by_gpus(library, index, world)
    assert found(index, world) >= 0.93
    assert len([one for one in structure.files if one.file.endswith(".codes")]) == gpus
    assert len([one for one in library.used.values() if one]) == gpus


def test_rows_that_the_gpu_holds_are_not_coded_for_it(
    world: World, play: Playing, tmp_path: Path, few_kinds: None
) -> None:
    library = play(PlayedFaiss())
    index = filled(tmp_path, world.pictures(FEW))
    structure = made(index, world, None, Budget(max_latency=1e-6, min_recall=0.9))
    assert structure.kind != "ivfpq"
    assert "GPU 0 holds all rows and is asked first" in structure.why
    assert not by_gpus(library, index, world)
    assert library.used[0] == FEW
    assert found(index, world) == 1


def test_a_gpu_with_too_little_memory_of_its_own_gets_codes_too(
    world: World,
    play: Playing,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    few_kinds: None,
) -> None:
    library = play(PlayedFaiss())
    library.room[0] = 3400
    index = filled(tmp_path, world.pictures(3500))
    said: list[str] = []
    hasty = Budget(max_latency=1e-6, min_recall=0.9)  # that nothing keeps, so all are tried
    index.build(samples(world, index), hasty, say=said.append)
    assert "and GPU 0: failed (Error in StandardGpuResources: alloc fail)" in said[0]
    assert "dimensions on GPU 0" in said[1]
    assert caplog.text.count("alloc fail") == 1


def test_memory_for_nothing_on_gpus_leaves_the_processor_and_is_said(
    world: World, play: Playing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = play(PlayedFaiss())
    index = filled(tmp_path, world.pictures(ROWS))
    structure = made(index, world, None, Budget(max_memory=300_000, max_latency=PATIENT))
    assert structure.kind not in {"ivfpq", "cagra"}
    assert "GPU 0: 6,000 vectors need" in caplog.text
    assert "Allow more with --max-memory" in caplog.text
    assert library.used[0] == 0
    assert found(index, world) >= 0.93


def test_codes_that_fit_the_processor_but_not_the_gpu_are_said_to(
    world: World,
    play: Playing,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = play(PlayedFaiss())
    monkeypatch.setattr(gpu, "TEMPORARY_BYTES", 500_000)
    index = filled(tmp_path, world.pictures(ROWS))
    structure = made(index, world, None)
    assert structure.kind == "codes"
    assert "GPU 0: codes of 6,000 vectors need 0.00 GB there" in caplog.text
    assert library.used[0] == 0


@pytest.mark.parametrize(("kind", "least"), [("ivfpq", 0.93), ("cagra", 0.97)])
def test_what_is_asked_for_is_made_and_searched_by_gpus(
    kind: str, least: float, world: World, play: Playing, tmp_path: Path
) -> None:
    library = play(PlayedCuvs(gpus=2))
    index = filled(tmp_path, world.pictures(3000))
    structure = made(index, world, kind, Budget(min_recall=0.95))
    assert (structure.kind, structure.asked) == (kind, kind)
    assert "on GPU 0, GPU 1" in structure.why
    assert by_gpus(library, index, world)
    assert found(index, world) >= least
    assert found(index, world, k=1) >= least
    many = world.texts(30)
    assert recall(index.search(many, 10).ids, true_best(index, many, 10)) >= least
    among = index.ids[::7]
    answer = index.search(many, 10, among)
    assert np.isin(answer.ids, among).all()
    assert recall(answer.ids, true_best(index, many, 10, among)) >= least
    assert not any(path.stat().st_size == 0 for path in tmp_path.iterdir())


@KINDS
def test_what_was_made_is_read_by_another_process_with_and_without_gpus(
    kind: str,
    world: World,
    play: Playing,
    copied: Copying,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = copied(kind)
    for gpus in (2, 1):
        library = play(PlayedCuvs(gpus))
        reader = opened(folder)
        assert found(reader, world) >= 0.93
        assert by_gpus(library, reader, world)
        assert reader.due() is None
    assert not caplog.records
    library = play(PlayedCuvs(gpus=0))
    reader = opened(folder)
    assert found(reader, world) >= 0.93
    assert not by_gpus(library, reader, world)
    assert caplog.text.count("made for GPUs") == 1
    assert reader.due() == "no GPU searches it here"


@KINDS
def test_rows_that_come_and_go_show_at_once(
    kind: str, world: World, play: Playing, copied: Copying
) -> None:
    library = play(PlayedCuvs(gpus=2))
    index = opened(copied(kind))
    came = world.pictures(150)
    index.add(np.arange(9000, 9150), came)
    gone = index.ids[:300]
    index.remove(gone)
    index.save()
    assert by_gpus(library, index, world)
    assert found(index, world) >= 0.93
    assert [index.search(row[None], 1).ids[0, 0] for row in came[:20]] == list(range(9000, 9020))
    assert not np.isin(index.search(world.texts(50), 20).ids, gone).any()


@pytest.mark.parametrize(("kind", "trained"), [("ivfpq", 2000), ("cagra", 2300)])
def test_many_rows_are_taken_into_codes_and_make_a_graph_anew(
    kind: str, trained: int, world: World, play: Playing, copied: Copying
) -> None:
    library = play(PlayedCuvs(gpus=2))
    index = opened(copied(kind))
    index.add(np.arange(9000, 9300), world.pictures(300))
    index.save()
    again = index.tend(samples(world, index))
    assert again is not None
    assert (again.kind, again.rows, again.trained_rows) == (kind, 2300, trained)
    assert index.tail == 0
    assert by_gpus(library, index, world)
    assert found(index, world) >= 0.9
    assert index.due() is None


@KINDS
@pytest.mark.parametrize("k", [1900, 2500])
def test_more_than_gpus_give_comes_from_the_processor(
    k: int, kind: str, world: World, play: Playing, copied: Copying
) -> None:
    play(PlayedCuvs())
    answer = opened(copied(kind)).search(world.texts(1), k)
    there = min(k, FEW)
    assert len(set(answer.ids[0, :there].tolist())) == there
    assert (answer.ids[0, there:] == -1).all()
    assert (np.diff(answer.scores[0, :there]) <= 0).all()


@KINDS
def test_gpus_give_back_what_they_held_before_they_hold_something_else(
    kind: str, world: World, play: Playing, copied: Copying
) -> None:
    library = play(PlayedCuvs(gpus=2))
    index = opened(copied(kind))
    assert found(index, world) >= 0.93
    copies = sum(library.used.values())
    made(index, world, "exact", ENOUGH)
    assert found(index, world) == 1
    assert sum(library.used.values()) == FEW
    assert not by_gpus(library, index, world)
    made(index, world, kind, ENOUGH)
    assert by_gpus(library, index, world)
    assert sum(library.used.values()) == pytest.approx(copies, rel=0.1)


FAULTS = {
    "raises": "CUDA error 700",
    "full": "std::bad_alloc",
    "scores": "of its scores are not those of the rows",
    "nan": "of its scores are not those of the rows",
    "best": "of the best rows",
    "twice": "finds a row twice",
    "holes": "of its scores are not those of the rows",
    "beyond": "of its scores are not those of the rows",
}


@KINDS
@pytest.mark.parametrize("fault", FAULTS)
def test_a_gpu_that_finds_other_rows_than_the_processor_is_not_used(
    fault: str,
    kind: str,
    world: World,
    play: Playing,
    copied: Copying,
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = play(PlayedCuvs(gpus=2))
    library.wrong_copies[1] = fault
    reader = opened(copied(kind))
    assert found(reader, world) >= 0.93
    assert not by_gpus(library, reader, world)
    assert len(caplog.records) == 1
    assert "GPU 1 does not search" in caplog.text
    assert FAULTS[fault] in caplog.text
    assert "--rebuild-vectors" in caplog.text
    assert set(library.used.values()) == {0}
    reader.add(np.arange(9000, 9010), world.pictures(10))
    assert found(reader, world) >= 0.93
    assert len(caplog.records) == 1  # not asked again at each change


@KINDS
def test_a_gpu_that_fails_while_it_is_measured_gives_another_kind(
    kind: str,
    world: World,
    play: Playing,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = play(PlayedCuvs(gpus=2))
    index = filled(tmp_path, world.pictures(FEW))

    class Failing(list[int]):
        def append(self, queries: int) -> None:
            super().append(queries)
            if len(self) > 3:  # one proves that each works; the first are measured by
                library.wrong_copies[1] = "raises"

    library.copies_asked = Failing()
    structure = made(index, world, kind, ENOUGH)
    assert (structure.kind, structure.asked) == ("exact", kind)
    assert "GPU 1 failed (CUDA error 700)" in caplog.text
    assert f"{kind} was asked for and cannot be had (GPU 0, GPU 1: failed (CUDA" in caplog.text
    assert found(index, world) == 1
    assert index.due() is None


@pytest.mark.parametrize(
    ("fault", "said"), [("raises", "CUDA error 700"), ("full", "std::bad_alloc")]
)
def test_a_gpu_that_fails_while_many_search_is_said_once_and_all_are_answered(
    fault: str,
    said: str,
    world: World,
    play: Playing,
    copied: Copying,
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = play(PlayedFaiss(gpus=2))
    index = opened(copied("ivfpq"))
    queries = world.texts(60)

    def ask(query: np.ndarray) -> np.ndarray:
        return index.search(query[None], 10).ids[0]

    with ThreadPoolExecutor(8) as pool:
        before = pool.map(ask, queries[:30])
        lots = pool.map(lambda _: index.search(queries[:10], 10).ids, range(6))
        answers = list(before)
        assert all(len(lot) == 10 for lot in lots)
        library.wrong_copies[1] = fault
        answers += pool.map(ask, queries[30:])
    assert recall(np.array(answers), true_best(index, queries, 10)) >= 0.93
    assert caplog.text.count(f"GPU 1 failed ({said})") == 1
    assert "the processor searches its codes" in caplog.text
    assert not by_gpus(library, index, world)
    assert set(library.used.values()) == {0}
    assert index.due() == "no GPU searches it here"


def test_a_build_without_graphs_says_so_and_what_has_them(
    world: World, play: Playing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    play(PlayedFaiss())
    index = filled(tmp_path, world.pictures(FEW))
    structure = made(index, world, "cagra", ENOUGH)
    assert structure.kind == "exact"
    assert "GPU 0 does not make graphs" in caplog.text
    assert "GpuIndexCagraConfig" in caplog.text
    assert "faiss-gpu-cuvs" in caplog.text
    assert "cagra was asked for and cannot be had" in caplog.text
    assert index.due() is None


def test_a_graph_made_elsewhere_is_followed_by_a_processor_where_gpus_cannot(
    world: World, play: Playing, copied: Copying, caplog: pytest.LogCaptureFixture
) -> None:
    play(PlayedFaiss())
    assert found(opened(copied("cagra")), world) >= 0.97
    assert "GPU 0 does not search graphs as it should (This index type is not" in caplog.text


def test_a_gpu_that_cannot_make_a_graph_is_named(
    world: World, play: Playing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    library = play(PlayedCuvs(gpus=2))
    library.wrong_copies[1] = "unmade"
    index = filled(tmp_path, world.pictures(FEW))
    structure = made(index, world, "cagra", ENOUGH)
    assert structure.kind == "exact"
    assert "GPU 1 does not make graphs (CUDA error 2)" in caplog.text
    assert found(index, world) == 1


@KINDS
def test_without_a_gpu_another_kind_is_made_and_that_is_said(
    kind: str,
    world: World,
    play: Playing,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    play(PlayedFaiss(gpus=0))
    index = filled(tmp_path, world.pictures(ROWS))
    structure = made(index, world, kind)
    assert structure.kind == "codes"
    assert f"{kind} was asked for and cannot be had (FAISS sees no GPU" in caplog.text
    assert found(index, world) >= 0.93


def test_what_finds_too_little_is_not_kept(
    world: World,
    play: Playing,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(PlayedFaiss())
    monkeypatch.setattr("indexer.vectors.faiss.trial.DEPTHS", (10,))
    monkeypatch.setattr("indexer.vectors.faiss.building.GPU_CODE_BYTES", (1, 2))
    index = filled(tmp_path, world.pictures(FEW))
    structure = made(index, world, "ivfpq", replace(ENOUGH, min_recall=0.999))
    assert structure.kind == "exact"
    assert "ivfpq was asked for and cannot be had (codes of" in caplog.text
    assert "recall@10" in caplog.text


def lists(rows: Vectors, count: int) -> "faiss.IndexIVFPQ":
    index = faiss.IndexIVFPQ(faiss.IndexFlatIP(DIM), DIM, count, 4, 8, faiss.METRIC_INNER_PRODUCT)
    index.pq.cp.min_points_per_centroid = 1
    index.quantizer.add(rows[:count])
    on_one_thread(lambda: index.train(rows))
    index.add(rows)
    return index


def test_many_rows_with_the_same_code_do_not_look_like_a_fault(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    library = PlayedFaiss()
    gpus = open_gpu(DIM, library=library)
    assert gpus is not None
    library.wrong_copies[0] = "ties"
    rows = np.concatenate([np.repeat(world.pictures(3), 400, axis=0), world.pictures(300)])
    assert place(gpus, [lists(rows, 8)]).works
    assert not caplog.records


def test_more_than_a_gpu_can_is_left_to_the_processor(world: World) -> None:
    gpus = open_gpu(DIM, library=PlayedCuvs())
    assert gpus is not None
    rows, query = world.pictures(2100), world.texts(1)
    placed = place(gpus, [lists(rows, 2100)])
    assert placed.search(0, query, 2048, 2048) is not None
    assert placed.search(0, query, 2049, 8) is None
    assert placed.search(0, query, 10, 2049) is None
    graph = faiss.IndexHNSWCagra(DIM, 32, faiss.METRIC_INNER_PRODUCT, faiss.Float16)
    graph.add(rows[:600])
    graph.base_level_only = True
    placed = place(gpus, [graph])
    assert placed.search(0, query, 512, 32) is not None
    assert placed.search(0, query, 513, 32) is None
    assert placed.search(0, query, 10, 513) is None


@pytest.mark.parametrize("dim", [8, 32, 48, 50, 100, 384, 512, 768, 1000, 1152])
@pytest.mark.parametrize("code_bytes", [32, 64])
def test_codes_for_gpus_have_a_length_that_they_take(dim: int, code_bytes: int) -> None:
    parts, dims = _parts(code_bytes, dim)
    assert parts in {1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64}
    assert parts <= code_bytes
    assert dims % parts == 0
    assert min(dim, 4 * code_bytes) * 0.8 <= dims <= dim
