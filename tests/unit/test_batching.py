"""Searches of many threads become batches, and each gets what it would have got alone."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from indexer.types import Matches, Vectors
from indexer.vectors.batching import Batcher
from indexer.vectors.exact import top_k
from tests.waiting import LONG, wait_for

DIM = 8
ROWS = np.random.default_rng(0).normal(size=(200, DIM)).astype(np.float32)


def scan(queries: Vectors, k: int) -> Matches:
    # one product for each query: a product of many may round otherwise in the last bit
    scores = np.stack([ROWS @ query for query in queries]) if len(queries) else np.empty((0, 200))
    return top_k(scores.astype(np.float32), np.arange(len(ROWS)), k)


def queries_of(count: int, seed: int = 1) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)


def same(found: Matches, expected: Matches) -> bool:
    return np.array_equal(found.ids, expected.ids) and np.array_equal(found.scores, expected.scores)


class Gate:
    """A search that notes the rows and k of each run, and waits for `open` before it answers."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, int]] = []
        self.threads: list[int] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def run(self, queries: Vectors, k: int) -> Matches:
        self.runs.append((len(queries), k))
        self.threads.append(threading.get_ident())
        self.entered.release()
        assert self.open.acquire(timeout=LONG)
        return scan(queries, k)


class Crowd:
    """Threads that search at once; `ask` returns when the call waits or is being run."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._pool = ThreadPoolExecutor(32)

    def ask(self, queries: Vectors, k: int = 3) -> Future[Matches]:
        before = len(self._batcher._waiting)
        asked = self._pool.submit(self._batcher.search, queries, k)
        wait_for(lambda: len(self._batcher._waiting) > before)
        return asked

    def first(self, gate: Gate, queries: Vectors, k: int = 3) -> Future[Matches]:
        asked = self._pool.submit(self._batcher.search, queries, k)
        assert gate.entered.acquire(timeout=LONG)
        return asked


def test_a_lone_caller_gets_what_a_search_gives() -> None:
    batcher, queries = Batcher(scan), queries_of(3)
    for k in (1, 5, 300):
        assert same(batcher.search(queries, k), scan(queries, k))
    assert batcher.search(queries_of(0), 4).ids.shape == (0, 4)


def test_what_waits_becomes_one_batch_and_each_gets_its_own_part() -> None:
    gate = Gate()
    batcher = Batcher(gate.run)
    crowd, queries = Crowd(batcher), queries_of(9)
    asked = [crowd.first(gate, queries[:1])]
    asked += [crowd.ask(queries[at : at + 1], k=at) for at in range(1, 6)]
    asked.append(crowd.ask(queries[6:9], k=4))
    assert gate.runs == [(1, 3)]
    for _ in range(2):
        gate.open.release()
    expected = [scan(queries[:1], 3)]
    expected += [scan(queries[at : at + 1], at) for at in range(1, 6)]
    expected.append(scan(queries[6:9], 4))
    for one, right in zip(asked, expected, strict=True):
        assert same(one.result(LONG), right)
    assert gate.runs == [(1, 3), (8, 5)]


def test_a_batch_holds_no_more_rows_than_allowed_and_keeps_the_order_of_arrival() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, most=4)
    crowd = Crowd(batcher)
    asked = [crowd.first(gate, queries_of(1))]
    asked += [crowd.ask(queries_of(count)) for count in (2, 1, 3, 9, 1, 1)]
    for _ in range(5):
        gate.open.release()
    for one in asked:
        one.result(LONG)
    assert [rows for rows, _ in gate.runs] == [1, 3, 3, 9, 2]


def test_whoever_runs_a_batch_leaves_with_it() -> None:
    gate = Gate()
    batcher = Batcher(gate.run)
    crowd = Crowd(batcher)
    first = crowd.first(gate, queries_of(1))
    second = crowd.ask(queries_of(1))
    gate.open.release()
    assert gate.entered.acquire(timeout=LONG)  # the second batch is being run
    crowd.ask(queries_of(1))
    assert first.result(LONG).ids.shape == (1, 3)
    assert not second.done()
    gate.open.release(2)
    assert second.result(LONG).ids.shape == (1, 3)
    wait_for(lambda: len(gate.runs) == 3)
    assert len(set(gate.threads[:2])) == 2


def test_an_exception_reaches_every_caller_of_its_batch_and_no_other() -> None:
    gate = Gate()

    def run(queries: Vectors, k: int) -> Matches:
        found = gate.run(queries, k)
        if len(queries) == 3:
            raise MemoryError("three are too many")
        return found

    batcher = Batcher(run, most=3)
    crowd, queries = Crowd(batcher), queries_of(6)
    first = crowd.first(gate, queries[:1])
    failing = [crowd.ask(queries[at : at + 1]) for at in (1, 2, 3)]
    last = crowd.ask(queries[4:5])
    gate.open.release(3)
    assert same(first.result(LONG), scan(queries[:1], 3))
    for one in failing:
        with pytest.raises(MemoryError, match="three are too many"):
            one.result(LONG)
    assert same(last.result(LONG), scan(queries[4:5], 3))
    gate.open.release()
    assert same(batcher.search(queries[5:], 3), scan(queries[5:], 3))


def test_a_lone_caller_that_fails_leaves_the_way_free() -> None:
    def run(queries: Vectors, k: int) -> Matches:
        if k == 1:
            raise ValueError("k of 1")
        return scan(queries, k)

    batcher = Batcher(run)
    with pytest.raises(ValueError, match="k of 1"):
        batcher.search(queries_of(1), 1)
    assert same(batcher.search(queries_of(1), 2), scan(queries_of(1), 2))


@pytest.mark.parametrize("leads", [False, True])
def test_a_waiting_caller_that_is_interrupted_leaves_no_hole(
    leads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    batcher = Batcher(gate.run)
    crowd = Crowd(batcher)
    first = crowd.first(gate, queries_of(1))
    wait = threading.Event.wait
    interrupted = threading.Event()

    def interrupt(event: threading.Event, timeout: float | None = None) -> bool:
        if threading.current_thread().name != "interrupted":
            return wait(event, timeout)
        if leads:
            wait(event, LONG)
        else:
            wait(interrupted, LONG)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Event, "wait", interrupt)
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            batcher.search(queries_of(1), 3)
        except KeyboardInterrupt as error:
            caught.append(error)

    asker = threading.Thread(target=ask, name="interrupted")
    asker.start()
    wait_for(lambda: len(batcher._waiting) == 1)
    interrupted.set()
    if not leads:
        asker.join(LONG)
        assert not batcher._waiting
    after = crowd.ask(queries_of(1))
    gate.open.release(2)
    assert first.result(LONG).ids.shape == after.result(LONG).ids.shape == (1, 3)
    asker.join(LONG)
    assert len(caught) == 1
    gate.open.release()
    assert batcher.search(queries_of(1), 3).ids.shape == (1, 3)


def test_hundreds_of_threads_get_what_they_would_get_alone() -> None:
    busy = threading.Lock()
    runs: list[int] = []

    def run(queries: Vectors, k: int) -> Matches:
        assert busy.acquire(blocking=False), "two runs at once"
        try:
            runs.append(len(queries))
            return scan(queries, k)
        finally:
            busy.release()

    batcher = Batcher(run, most=16)
    start = threading.Barrier(300)
    wrong: list[int] = []

    def ask(number: int) -> None:
        start.wait(LONG)
        for turn in range(5):
            queries = queries_of(1 + (number + turn) % 4, seed=number * 5 + turn)
            k = 1 + number % 7
            if not same(batcher.search(queries, k), scan(queries, k)):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,), daemon=True) for number in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert not any(thread.is_alive() for thread in threads)
    assert not wrong
    assert sum(runs) == sum(1 + (n + t) % 4 for n in range(300) for t in range(5))
    assert max(runs) <= 16
