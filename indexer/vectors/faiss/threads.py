"""Parts of one search side by side: FAISS scans for a single query on one core."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import faiss

T = TypeVar("T")
R = TypeVar("R")

_own = threading.local()


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[T], R], parts: Iterable[T]) -> Sequence[R]:
    """Returns the results of `work` on each part, in order; parts run on all cores.

    Parts of a part run one after the other: were they to wait for threads too, all could wait.
    """
    parts = list(parts)
    if len(parts) < 2 or getattr(_own, "is_worker", False):
        return on_one_thread(lambda: [work(part) for part in parts])
    return list(_pool(os.getpid()).map(work, parts))


def on_one_thread(work: Callable[[], R]) -> R:
    """Returns the result of `work`, done without threads of FAISS's own.

    These wait for one another by spinning: beside other work a search, and each of the many short
    steps of training, would take a hundred times as long.
    """
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of those that this thread starts
    try:
        return work()
    finally:
        faiss.omp_set_num_threads(before)


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """One for a process: a forked child has none of its parent's threads."""
    return ThreadPoolExecutor(cores(), "faiss", initializer=_begin)


def _begin() -> None:
    _own.is_worker = True
    faiss.omp_set_num_threads(1)
