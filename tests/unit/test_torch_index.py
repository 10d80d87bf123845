"""Search by torch: what the contract does not see, on the processor."""

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from indexer.errors import ConfigError, Unavailable
from indexer.types import Ids, Vectors
from indexer.vectors import open_index, torch_rows
from indexer.vectors import torch as torch_index
from indexer.vectors.torch_rows import Rows, Scorer, open_scorer

DIM = 16
CPU = torch.device("cpu")


def random_unit(count: int, seed: int = 0, dim: int = DIM) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def coarse(count: int, seed: int = 0) -> Vectors:
    """Unit rows whose scores are multiples of 1/8, exact in any order of summing: many tie."""
    return np.random.default_rng(seed).choice([-0.25, 0.25], (count, 16)).astype(np.float32)


def held(rows: Rows) -> np.ndarray:
    return np.concatenate([tile.numpy() for _, tile in rows.tiles(7)] or [np.empty((0, DIM))])


def fill(rows: Rows, vectors: np.ndarray) -> None:
    rows.reserve(len(vectors))
    rows.append(torch.from_numpy(vectors))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes blocks of 100 rows and tiles of a few, so that little data fills many of both."""
    monkeypatch.setattr(torch_rows, "_SMALLEST_BLOCK", 8)
    monkeypatch.setattr(torch_rows, "SCORE_BYTES", 1024)
    monkeypatch.setattr(
        torch_index, "Rows", lambda dim, device: Rows(dim, device, block_bytes=100 * 2 * dim)
    )


@pytest.mark.usefixtures("small")
def test_rows_come_back_in_order_however_they_were_added_and_dropped() -> None:
    random = np.random.default_rng(1)
    rows, expected = Rows(DIM, CPU, block_bytes=2 * DIM * 10), np.empty((0, DIM), np.float16)
    for turn in range(60):
        new = random_unit(int(random.integers(0, 35)), seed=turn).astype(np.float16)
        fill(rows, new)
        expected = np.concatenate([expected, new])
        if turn % 3 == 2:
            stay = random.random(len(expected)) < 0.6
            rows.keep(torch.from_numpy(stay))
            expected = expected[stay]
        assert len(rows) == len(expected)
        assert np.array_equal(held(rows), expected)
    rows.keep(torch.zeros(len(rows), dtype=torch.bool))
    assert len(rows) == 0
    assert not list(rows.tiles(5))


def test_full_blocks_stay_where_they_are_when_rows_are_added() -> None:
    rows = Rows(DIM, CPU, block_bytes=2 * DIM * 2048)
    fill(rows, random_unit(2048).astype(np.float16))
    place = next(rows.tiles(10))[1].data_ptr()
    for seed in range(5):
        fill(rows, random_unit(1500, seed=seed).astype(np.float16))
    assert next(rows.tiles(10))[1].data_ptr() == place


def test_a_device_with_too_little_memory_is_named_with_what_it_has_and_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, vectors = open_index("torch:cpu", tmp_path, DIM), random_unit(50)
    index.add(np.arange(20), vectors[:20])
    index.search(vectors[:1], 1)
    index.remove(np.arange(5))
    index.add(np.arange(20, 2000), random_unit(1980, seed=3))
    monkeypatch.setattr(torch_rows, "free_bytes", lambda device: 120_000_000)
    with pytest.raises(
        Unavailable, match=r"cpu has 0.12 GB free, but 0.81 GB .* 2,000 vectors of 16"
    ):
        index.search(vectors[:1], 1)
    monkeypatch.setattr(torch_rows, "free_bytes", lambda device: None)
    found = index.search(vectors[:1], 2000).ids[0]
    assert sorted(found[found >= 0]) == list(range(5, 2000))


def test_a_device_that_fails_says_so_in_our_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, vectors = open_index("torch:cpu", tmp_path, DIM), random_unit(3)
    index.add(np.arange(3), vectors)
    index.search(vectors, 1)

    def fail(*args: object, **kwargs: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(torch, "topk", fail)
        error: RuntimeError = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        with pytest.raises(Unavailable, match="cpu ran out of memory"):
            index.search(vectors, 1)
        error = RuntimeError("CUDA error: unspecified launch failure\nand more")
        with pytest.raises(Unavailable, match=r"cpu failed \(CUDA error: .* failure\)"):
            index.search(vectors, 1, among=np.arange(2))
    assert index.search(vectors, 1).ids[:, 0].tolist() == [0, 1, 2]


@pytest.mark.usefixtures("small")
def test_any_order_of_adding_removing_and_filtering_gives_what_exact_gives(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    index = open_index("torch:cpu", tmp_path / "torch", DIM)
    exact = open_index("exact", tmp_path / "exact", DIM)
    alive: Ids = np.empty(0, np.int64)
    unused = random.permutation(3000)
    for turn in range(25):
        new, unused = np.split(unused, [int(random.integers(1, 90))])
        vectors = coarse(len(new), seed=turn)
        gone = random.choice(alive, int(len(alive) * random.choice([0, 0.05, 0.4])), replace=False)
        for one in (index, exact):
            one.add(new, vectors)
            one.remove(gone)
        alive = np.concatenate([np.setdiff1d(alive, gone), new])
        queries = coarse(4, seed=1000 + turn)
        some = random.permutation(3000)[: int(random.choice([5, 300, 2500]))]
        for among in (None, some):
            for k in (1, 7, 400):
                found, right = index.search(queries, k, among), exact.search(queries, k, among)
                assert np.allclose(found.scores, right.scores, atol=2e-3)
                assert np.array_equal(found.ids[0], right.ids[0])  # where ties are
                assert np.array_equal(found.ids, right.ids)


@pytest.mark.usefixtures("small")
def test_of_rows_that_tie_at_the_cut_the_lowest_ids_are_found(tmp_path: Path) -> None:
    index, row = open_index("torch:cpu", tmp_path, DIM), coarse(1)
    ids = np.random.default_rng(4).permutation(500)
    for some in np.split(ids, 10):  # not in order of id, over several blocks and tiles
        index.add(some, np.repeat(row, len(some), axis=0))
        index.search(row, 1)
    assert index.search(row, 5).ids[0].tolist() == [0, 1, 2, 3, 4]
    index.remove(np.array([1, 3]))
    assert index.search(row, 5).ids[0].tolist() == [0, 2, 4, 5, 6]
    assert index.search(row, 3, among=np.arange(100, 400)).ids[0].tolist() == [100, 101, 102]


def test_the_scores_of_a_tile_never_take_more_than_their_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = open_index("torch:cpu", tmp_path, DIM)
    index.add(np.arange(20_000), random_unit(20_000))
    sizes: list[int] = []

    def product(queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        found = torch_rows.SINGLES.product(queries, rows)
        sizes.append(4 * found.numel())
        return found

    monkeypatch.setattr(torch_rows, "SCORE_BYTES", 2**22)
    monkeypatch.setitem(
        torch_rows._SCORERS, "cpu", (Scorer(product, torch_rows.SINGLES.tile_rows),)
    )
    for count in (1, 64, 3000):
        index.search(random_unit(count), 3)
    assert 2**21 < max(sizes) <= 2**22


def test_dead_rows_stay_until_they_are_a_quarter(tmp_path: Path) -> None:
    index, vectors = open_index("torch:cpu", tmp_path, DIM), random_unit(100)
    assert isinstance(index, torch_index.TorchIndex)
    index.add(np.arange(100), vectors)
    index.search(vectors[:1], 1)
    for removed, rows in ((20, 100), (25, 100), (26, 74), (30, 74)):
        index.remove(np.arange(removed))
        found = index.search(vectors[:1], 100).ids[0]
        assert sorted(found[found >= 0]) == list(range(removed, 100))
        assert len(index._rows) == rows


def test_dead_rows_that_cannot_be_dropped_for_want_of_memory_stay_unfound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, vectors = open_index("torch:cpu", tmp_path, DIM), random_unit(100)
    index.add(np.arange(100), vectors)
    index.search(vectors[:1], 1)

    def refuse(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(Rows, "keep", refuse)
        index.remove(np.arange(60))
        index.add(np.arange(100, 110), random_unit(10, seed=1))
        found = index.search(vectors[:1], 200).ids[0]
    assert sorted(found[found >= 0]) == list(range(60, 110))
    index.remove(np.array([60]))
    found = index.search(vectors[:1], 200).ids[0]
    assert sorted(found[found >= 0]) == list(range(61, 110))


def test_many_threads_get_what_they_would_get_alone(tmp_path: Path) -> None:
    index, vectors = open_index("torch:cpu", tmp_path, DIM), random_unit(3000)
    index.add(np.arange(3000), vectors)

    def ask(number: int) -> bool:
        among = np.arange(number, 3000) if number % 5 == 0 else None
        found = index.search(vectors[number : number + 2], 1 + number % 4, among)
        return found.ids[:, 0].tolist() == [number, number + 1]

    with ThreadPoolExecutor(24) as pool:
        assert all(pool.map(ask, range(400)))


def test_queries_split_in_two_halves_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    multiply = torch.mm
    monkeypatch.setattr(  # only a GPU multiplies float16 into float32
        torch, "mm", lambda a, b, out_dtype: multiply(a.to(out_dtype), b.to(out_dtype))
    )
    queries, rows = random_unit(5, dim=512), random_unit(300, seed=1, dim=512).astype(np.float16)
    found = torch_rows.HALVES.product(torch.from_numpy(queries), torch.from_numpy(rows))
    expected = queries.astype(np.float64) @ rows.astype(np.float64).T
    assert found.shape == (5, 300)
    assert np.abs(found.numpy() - expected).max() < 1e-6
    assert np.abs(queries.astype(np.float16) @ rows.astype(np.float64).T - expected).max() > 1e-5


def broken(queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return torch_rows.SINGLES.product(queries, rows) + 0.01


def missing(queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    raise TypeError("mm() got an unexpected keyword argument 'out_dtype'")


@pytest.mark.parametrize("product", [broken, missing])
def test_a_way_to_multiply_that_a_device_gets_wrong_is_not_used(
    product: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Scorer(product, torch_rows.HALVES.tile_rows)  # type: ignore[arg-type] # one raises
    monkeypatch.setitem(torch_rows._SCORERS, "cpu", (bad, torch_rows.SINGLES))
    assert open_scorer(CPU, DIM) is torch_rows.SINGLES
    monkeypatch.setitem(torch_rows._SCORERS, "cpu", (bad, bad))
    with pytest.raises(ConfigError, match=r"cpu does not multiply .*(0\.01|out_dtype).*faiss"):
        open_scorer(CPU, DIM)


@pytest.mark.parametrize("kind", ["torch:nonsense", "torch:meta", "torch:cuda:99", "torch:cpu:x"])
def test_a_device_that_is_not_here_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"index {kind} cannot be used here .*or faiss"):
        open_index(kind, tmp_path, DIM)


def test_without_a_gpu_the_processor_is_used_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    torch_index.open_device.cache_clear()
    with caplog.at_level(logging.WARNING):
        index = open_index("torch", tmp_path, DIM)
        open_index("torch", tmp_path, DIM)
    torch_index.open_device.cache_clear()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no GPU" in caplog.text
    index.add(np.arange(3), random_unit(3))
    assert index.search(random_unit(3), 1).ids[:, 0].tolist() == [0, 1, 2]


def test_an_unknown_kind_names_the_ones_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Use faiss, torch or exact"):
        open_index("torches", tmp_path, DIM)


def test_the_other_kinds_do_not_load_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from indexer.vectors import open_index\n"
        "for kind in ('faiss', 'exact'): open_index(kind, Path(sys.argv[1]), 8)\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
