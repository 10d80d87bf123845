"""What GPUs are asked for, and what happens where they refuse. FAISS's GPUs are played here."""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import pytest

from indexer.types import Vectors
from indexer.vectors import gpu, gpu_device
from indexer.vectors.gpu import Gpu, Half, open_gpu
from indexer.vectors.gpu_trial import TRIAL, ending
from tests.gpus import PlayedFaiss

DIM = 16


@pytest.fixture(autouse=True)
def _spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends few rows at once, so that a few hundred lie on all GPUs."""
    monkeypatch.setattr(gpu, "_SENT_AT_ONCE", 10)


def random_unit(count: int, seed: int = 0) -> Vectors:
    rows = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def half(count: int, seed: int = 0) -> Half:
    return random_unit(count, seed).astype(np.float16)


def opened(library: PlayedFaiss, most_bytes: int | None = None) -> Gpu:
    found = open_gpu(DIM, most_bytes=most_bytes, library=library)
    assert found is not None
    library.queries.clear()
    return found


def nearest(rows: Half, queries: Vectors, k: int, but: tuple[int, ...] = ()) -> np.ndarray:
    scores = queries @ rows.astype(np.float32).T
    scores[:, list(but)] = -np.inf
    return np.sort(scores, axis=1)[:, ::-1][:, :k]


def same_as_exact(found: Gpu, rows: Half, but: tuple[int, ...] = ()) -> bool:
    queries = random_unit(5, seed=99)
    matches = found.search(queries, 10)
    assert matches is not None
    assert not np.isin(matches.ids, but).any()
    scores = np.take_along_axis(queries @ rows.astype(np.float32).T, matches.ids, axis=1)
    return bool(
        np.abs(matches.scores - scores).max() < 2e-3
        and np.abs(matches.scores - nearest(rows, queries, 10, but)).max() < 2e-3
    )


def test_the_installed_faiss_without_a_gpu_gives_none_and_says_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    if getattr(faiss, "get_num_gpus", int)():
        pytest.skip("FAISS sees a GPU here")
    assert open_gpu(DIM) is None
    assert open_gpu(DIM, library=object()) is None  # a build that lacks all of it
    assert open_gpu(DIM, library=PlayedFaiss(gpus=0)) is None
    assert not caplog.records


@pytest.mark.parametrize("gpus", [1, 3])
def test_gpus_that_search_right_are_used(gpus: int, caplog: pytest.LogCaptureFixture) -> None:
    library = PlayedFaiss(gpus)
    found = opened(library)
    assert str(found) == ", ".join(f"GPU {number}" for number in range(gpus))
    rows = half(500)
    assert found.search(random_unit(1), 1) is None  # nothing is held yet
    assert found.hold(iter([rows[:100], rows[100:101], rows[101:]]), 500)
    assert len(found) == 500
    assert same_as_exact(found, rows)
    assert found.add(half(70, seed=1))
    assert same_as_exact(found, np.concatenate([rows, half(70, seed=1)]))
    assert found.hold([half(40, seed=2)], 40)
    assert same_as_exact(found, half(40, seed=2))
    assert sum(library.used.values()) == 40
    assert not caplog.records


def test_rows_are_spread_over_all_gpus_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    library = PlayedFaiss(2)
    monkeypatch.setattr(gpu_device, "_BLOCK_BYTES", 2 * DIM * 120)
    found, rows = opened(library), half(1000)
    assert found.hold([rows], 1000)
    assert library.used == {0: 500, 1: 500}
    assert same_as_exact(found, rows)
    assert len(library.queries) == 10  # five blocks on each


FAULTS = {
    "raises": "CUDA error 700",
    "full": "std::bad_alloc",
    "scores": "a score is off by 0.01",
    "nan": "a score is off by nan",
    "best": "misses rows that are better",
    "twice": "finds a row twice",
    "holes": "finds fewer rows",
    "beyond": "a score is off by",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_gpu_that_fails_its_test_is_named_and_the_processor_searches(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    library = PlayedFaiss()
    library.wrong[0] = fault
    with caplog.at_level(logging.WARNING):
        assert open_gpu(DIM, library=library) is None
    assert len(caplog.records) == 1
    assert "GPU 0 does not search as it should" in caplog.text
    assert FAULTS[fault] in caplog.text
    assert "on the processor" in caplog.text


def test_of_several_gpus_the_one_that_fails_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    library = PlayedFaiss(3)
    library.wrong[1] = "scores"
    found, rows = opened(library), half(300)
    assert str(found) == "GPU 0, GPU 2"
    assert "GPU 1 does not" in caplog.text
    assert "searching without it" in caplog.text
    assert found.hold([rows], 300)
    assert same_as_exact(found, rows)
    assert library.used[1] == 0


ABORTS = "import os, sys; print('at x.cu:1; details: CUDA error 209 no kernel', file=sys.stderr)"


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        (f"{ABORTS}; sys.stderr.flush(); os.abort()", "CUDA error 209 no kernel"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
    ],
)
def test_gpus_that_would_end_the_process_are_left_alone(
    program: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    library = PlayedFaiss()
    assert open_gpu(DIM, library=library, trial=(sys.executable, "-c", program)) is None
    assert library.queries == []
    assert len(caplog.records) == 1
    assert f"GPUs end a process that tries them ({fault})" in caplog.text
    assert "CUDA_VISIBLE_DEVICES" in caplog.text


@pytest.mark.parametrize(
    "trial", [(sys.executable, "-c", "raise SystemExit(3)"), ("/nowhere/python",)]
)
def test_a_trial_that_cannot_be_made_says_nothing_against_gpus(
    trial: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    assert open_gpu(DIM, library=PlayedFaiss(), trial=trial) is not None
    assert not caplog.records


def test_a_trial_that_does_not_end_is_ended_and_counts_as_a_fault() -> None:
    forever = (sys.executable, "-c", "import time; time.sleep(1000)")
    assert ending(forever, timeout_s=0.2) == "no answer within 0.2 s"


def test_the_usual_trial_ends_by_itself_here() -> None:
    assert ending(TRIAL) == ""
    done = subprocess.run(TRIAL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_rows_that_are_dropped_are_never_found_again() -> None:
    found, rows = opened(PlayedFaiss()), half(3000)
    assert found.hold([rows], 3000)
    best = found.search(rows[7:8].astype(np.float32), 30)
    assert best is not None
    assert best.ids[0, 0] == 7
    gone = best.ids[0, :20]
    assert found.drop(gone)
    assert len(found) == 2980
    after = found.search(rows[7:8].astype(np.float32), 10)
    assert after is not None
    assert after.ids[0].tolist() == best.ids[0, 20:].tolist()
    assert same_as_exact(found, rows, but=tuple(gone.tolist()))
    assert not found.drop(np.arange(1500))  # too many: hold what is left
    assert found.hold([rows[1500:]], 1500)
    assert same_as_exact(found, rows[1500:])


def test_what_a_gpu_cannot_answer_is_left_to_the_processor() -> None:
    found = opened(PlayedFaiss())
    assert found.hold([half(3000)], 3000)
    query = random_unit(1)
    assert found.search(query, 2049) is None
    full = found.search(query, 2048)
    assert full is not None
    assert len(set(full.ids[0].tolist())) == 2048
    found.drop(np.array([3]))
    assert found.search(query, 2048) is None


def test_fewer_rows_than_k_leave_holes_at_the_end() -> None:
    found = opened(PlayedFaiss(2))
    assert found.hold([half(4)], 4)
    found.drop(np.array([2]))
    matches = found.search(random_unit(1), 6)
    assert matches is not None
    assert sorted(matches.ids[0, :3].tolist()) == [0, 1, 3]
    assert matches.ids[0, 3:].tolist() == [-1, -1, -1]
    assert np.isneginf(matches.scores[0, 3:]).all()


def test_equal_scores_come_in_order_of_position() -> None:
    found = opened(PlayedFaiss(2))
    assert found.hold([np.repeat(half(1), 45, axis=0)], 45)
    matches = found.search(random_unit(1), 45)
    assert matches is not None
    assert matches.ids[0].tolist() == list(range(45))


def test_rows_beyond_the_budget_are_refused_before_any_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = PlayedFaiss()
    room = gpu_device.TEMPORARY_BYTES + 2 * DIM * 100
    found = opened(library, most_bytes=room)

    def blocks() -> Iterator[Half]:
        raise AssertionError("asked for")
        yield half(1)

    assert not found.hold(blocks(), 101)
    assert "GPU 0: 101 vectors need 0.54 GB there, 0.54 GB are allowed" in caplog.text
    assert found.search(random_unit(1), 1) is None
    assert found.hold([half(100)], 100)
    assert same_as_exact(found, half(100))
    assert not found.add(half(1))
    assert found.search(random_unit(1), 1) is None
    assert library.used == {0: 0}


def test_a_gpu_that_runs_out_of_memory_gives_all_back(caplog: pytest.LogCaptureFixture) -> None:
    library = PlayedFaiss()
    found = opened(library)
    library.room[0] = 150
    assert not found.hold([half(100), half(100)], 200)
    assert "GPU 0 failed (Error in StandardGpuResources: alloc fail): searching on" in caplog.text
    assert library.used == {0: 0}
    assert found.search(random_unit(1), 1) is None
    assert found.hold([half(100)], 100)
    assert not found.add(half(100))
    assert found.search(random_unit(1), 1) is None
    assert not found.add(half(1))  # what it held is gone, so adding would make it incomplete


def test_rows_that_cannot_be_read_leave_nothing_half_held() -> None:
    library = PlayedFaiss()
    found = opened(library)

    def blocks() -> Iterator[Half]:
        yield half(50)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        found.hold(blocks(), 100)
    assert found.search(random_unit(1), 1) is None
    assert library.used == {0: 0}


def test_a_gpu_that_fails_in_the_midst_of_searching_is_announced_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = PlayedFaiss(2)
    found = opened(library)
    assert found.hold([half(100)], 100)
    library.wrong[1] = "raises"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: found.search(random_unit(1), 3), range(50)))
    assert answers == [None] * 50
    assert caplog.text.count("GPU 0, GPU 1 failed (CUDA error 700)") == 1


def test_searches_and_changes_of_many_threads_never_meet_on_a_device() -> None:
    library = PlayedFaiss(2)
    found, rows = opened(library), half(400)
    assert found.hold([rows], 400)
    done = threading.Event()

    def change() -> None:
        for seed in range(40):
            assert found.add(half(5, seed=seed))
        done.set()

    def ask(number: int) -> bool:
        matches = found.search(rows[number : number + 1].astype(np.float32), 1 + number % 5)
        return matches is not None and matches.ids[0, 0] == number

    with ThreadPoolExecutor(17) as pool:
        changed = pool.submit(change)
        assert all(pool.map(ask, range(400)))
        changed.result()
    assert done.is_set()
    assert len(found) == 600


def test_nothing_held_is_found_as_nothing() -> None:
    found = opened(PlayedFaiss(2))
    assert found.hold([], 0)
    matches = found.search(random_unit(2), 3)
    assert matches is not None
    assert matches.ids.tolist() == [[-1] * 3] * 2
