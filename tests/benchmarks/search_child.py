"""One step of the benchmark, in a process of its own, so that no index is in another one's way.

python search_child.py ANSWER.json STEP CASE [KIND FOLDER [ARGUMENT]]
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from search_data import AMONG_SHARES, ASKED_IN, AT, Case
from search_kinds import Kind, OnDevice, Ours, Searcher
from search_peers import Autofaiss, Usearch

from indexer.types import Ids

_SAME_SCORE = 2e-6  # what two ways of adding up one score differ by
_WARM_UP_S, _BYTES_WARMED_PER_S = 2.0, 5e8
_TIMED_S, _CROWD_S = 60.0, 5.0
CROWD = 64
_READ_TIMES = 9
_FEW = 20


def kind_of(name: str) -> Kind:
    """Returns the kind: ours:KIND, ours:chosen, gpu, autofaiss:BYTES or usearch."""
    family, _, setting = name.partition(":")
    match family:
        case "ours":
            return Ours(setting)
        case "gpu":
            return OnDevice()
        case "autofaiss":
            return Autofaiss(int(setting))
        case _:
            return Usearch()


def build(case: Case, kind: Kind, folder: Path) -> dict[str, Any]:
    """Makes the index; returns the time, the bytes, and what it is made of."""
    folder.mkdir(parents=True)
    kind.imports()
    started = time.perf_counter()
    written = (case.folder / "rows_s").exists()
    made = kind.build(case, folder)
    seconds = time.perf_counter() - started
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        "made_of": made.made_of,
        "needed_bytes": made.needed_bytes,
        "build_s": seconds + (made.before_s if written else 0.0),
        "bytes": sum(path.stat().st_size for path in files),
    }


def first(case: Case, kind: Kind, folder: Path) -> dict[str, Any]:
    """Returns the moment of the first answer."""
    query = np.load(case.folder / "text.npy", mmap_mode="r")[:1]
    found = kind.open(folder).search(np.asarray(query), AT)
    assert found.shape == (1, AT)
    return {"answered_at": time.time()}


def memory(case: Case, kind: Kind, folder: Path) -> dict[str, float]:
    """Returns what a process grows by that opens the index and searches it a few times."""
    kind.imports()
    asked = _Asked(case)
    before = _memory_mb()
    index = kind.open(folder)
    for number in range(_FEW):
        asked.warm(index, number)
    return {name: size - before[name] for name, size in _memory_mb().items()}


def measure(case: Case, kind: Kind, folder: Path, how: str) -> dict[str, Any] | None:
    """Returns what searches cost and find.

    Args:
        case: What is asked, and the truth.
        kind: What made the index.
        folder: Where it is.
        how: "" as it is; a share of the true neighbours of texts, with the least effort that finds
            that many, or the best (None if it finds them as it is).
    """
    kind.imports()
    asked = _Asked(case)
    before = _memory_mb()
    index = kind.open(folder)
    effort = ""
    if how:
        effort = _least_effort(index, asked, float(how))
        case.let_go()
        if not effort or effort == index.efforts[0]:
            return None
        index.strive(effort)
    _warm_up(index, asked)
    took, found = _one_by_one(index, asked)
    grown = {name: size - before[name] for name, size in _memory_mb().items()}
    return {
        "effort": effort,
        **grown,
        "recall": {one: asked.shares(one, rows) for one, rows in found.items()},
        "p50_ms": float(np.median(took)) * 1e3,
        "p99_ms": float(np.quantile(took, 0.99)) * 1e3,
        "qps": len(took) / float(np.sum(took)),
        "qps_crowd": _crowd(index, asked),
    }


def filtered(case: Case, kind: Kind, folder: Path) -> list[dict[str, Any]]:
    """Returns, for each share of the ids, what searches among them cost and find."""
    kind.imports()
    asked = _Asked(case)
    index = kind.open(folder)
    _warm_up(index, asked)
    rows: list[dict[str, Any]] = []
    for share in range(len(AMONG_SHARES)):
        recall: dict[str, list[float]] = {}
        took: dict[str, list[float]] = {"first": [], "again": []}
        for asked_in in ASKED_IN:
            found = []
            for row in range(len(case.tenth_among(asked_in, share))):
                among = case.among(share, row).copy()
                among.flags.writeable = False
                for times in took.values():  # the same array twice, as a page of results does
                    started = time.perf_counter()
                    ids = asked.ask(index, asked_in, row, among)
                    times.append(time.perf_counter() - started)
                found.append(ids)
            recall[asked_in] = asked.shares_among(asked_in, np.array(found), share)
        rows.append({
            "share": AMONG_SHARES[share],
            "recall": recall,
            **{f"{name}_ms": float(np.median(times)) * 1e3 for name, times in took.items()},
        })  # fmt: skip
    return rows


class _Asked:
    """The queries in the order in which they are asked, modalities in turn."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._own = {one: case.own(one) for one in ASKED_IN}
        self._queries = case.queries
        self._others = case.learn()[0]
        fewest = min(map(len, self._queries.values()))
        self.turns = [(one, row) for row in range(fewest) for one in ASKED_IN]

    @property
    def bytes(self) -> int:
        """Returns how much the raw rows take."""
        return 2 * self._case.base.size

    def ask(self, index: Searcher, asked_in: str, row: int, among: Ids | None = None) -> Ids:
        """Returns what the query finds, the row that it is set aside; -1 for none."""
        is_row = int(self._own[asked_in][row] >= 0)
        found = index.search(self._queries[asked_in][row : row + 1], AT + is_row, among)[0]
        return found[found != self._own[asked_in][row]][:AT] if is_row else found

    def warm(self, index: Searcher, number: int) -> None:
        """Asks with another text, of which no answer is looked at."""
        row = number % len(self._others)
        index.search(self._others[row : row + 1], AT)

    def text_recall(self, index: Searcher) -> float:
        """Returns what is found of the true neighbours of texts, asked all at once."""
        return float(np.mean(self.shares("text", index.search(self._queries["text"], AT))))

    def shares(self, asked_in: str, found: Ids) -> list[float]:
        """Returns which share of ten is as good as the true ten, for each of the first queries."""
        return self._shares(asked_in, found, self._case.tenth(asked_in), AT)

    def shares_among(self, asked_in: str, found: Ids, share: int) -> list[float]:
        """Returns the same among the ids that the queries may find, or all where they are few."""
        there = min(AT, len(self._case.among(share, 0)))
        return self._shares(asked_in, found, self._case.tenth_among(asked_in, share), there)

    def _shares(
        self, asked_in: str, found: Ids, tenth: NDArray[np.float32], there: int
    ) -> list[float]:
        shares = []
        for row, ids in enumerate(found):
            distinct = np.unique(ids[ids >= 0])
            scores = self._case.base[distinct].astype(np.float32) @ self._queries[asked_in][row]
            shares.append(min(there, int((scores >= tenth[row] - _SAME_SCORE).sum())) / there)
        return shares


def _least_effort(index: Searcher, asked: _Asked, least: float) -> str:
    best, best_recall = "", -1.0
    for effort in index.efforts:
        index.strive(effort)
        recall = asked.text_recall(index)
        if recall > best_recall + 1e-3:
            best, best_recall = effort, recall
        if recall >= least:
            break
    return best


def _warm_up(index: Searcher, asked: _Asked) -> None:
    """Asks until all is loaded that is loaded late, and all threads run."""
    until = time.perf_counter() + max(_WARM_UP_S, asked.bytes / _BYTES_WARMED_PER_S)
    for number in count():
        asked.warm(index, number)
        if time.perf_counter() > until:
            return


def _one_by_one(index: Searcher, asked: _Asked) -> tuple[list[float], dict[str, Ids]]:
    """Returns the seconds of each search, one after the other, and the ids found."""
    took: list[float] = []
    found: dict[str, list[Ids]] = {one: [] for one in ASKED_IN}
    until = time.perf_counter() + _TIMED_S
    for asked_in, row in asked.turns:
        started = time.perf_counter()
        ids = asked.ask(index, asked_in, row)
        took.append(time.perf_counter() - started)
        found[asked_in].append(ids)
        if started > until:
            break
    return took, {one: np.array(rows, np.int64).reshape(-1, AT) for one, rows in found.items()}


def _crowd(index: Searcher, asked: _Asked) -> float:
    """Returns searches a second while 64 threads ask, each one query after the other."""
    numbers, ready = count(), threading.Barrier(CROWD + 1)
    ends: list[float] = []

    def ask() -> int:
        index.alone()
        ready.wait()
        done = 0
        while time.perf_counter() < ends[0]:
            asked.ask(index, *asked.turns[next(numbers) % len(asked.turns)])
            done += 1
        return done

    with ThreadPoolExecutor(CROWD) as pool:
        asking = [pool.submit(ask) for _ in range(CROWD)]
        started = time.perf_counter()
        ends.append(started + _CROWD_S)
        ready.wait()
        done = sum(one.result() for one in asking)
    return done / (time.perf_counter() - started)


def _memory_mb() -> dict[str, float]:
    """Returns what the process has of its own in memory, and of mapped files; nan where unknown."""
    names = {"RssAnon": "own_mb", "RssFile": "mapped_mb"}
    told = dict.fromkeys(names.values(), float("nan"))
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        name, _, value = line.partition(":")
        if name in names:
            told[names[name]] = int(value.split()[0]) * 1024 / 1e6
    return told


def floor(case: Case) -> dict[str, Any]:
    """Returns the best time of reading all raw rows from memory on all cores, and the speed."""
    words = case.base.reshape(-1).view(np.uint64)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = np.array_split(words, cores or 1)
    read: Callable[[NDArray[np.uint64]], Any] = np.bitwise_or.reduce
    best = float("inf")
    with ThreadPoolExecutor(len(parts)) as pool:
        for _ in range(_READ_TIMES):
            started = time.perf_counter()
            list(pool.map(read, parts))
            best = min(best, time.perf_counter() - started)
    return {"ms": best * 1e3, "gb_per_s": words.nbytes / best / 1e9, "threads": len(parts)}


def main(answer: str, step: str, folder: str, *rest: str) -> None:
    """Does the step and writes what it returns."""
    case = Case(Path(folder))
    told: Any
    if step == "floor":
        told = floor(case)
    else:
        kind, place = kind_of(rest[0]), Path(rest[1])
        match step:
            case "build":
                told = build(case, kind, place)
            case "first":
                told = first(case, kind, place)
            case "memory":
                told = memory(case, kind, place)
            case "filtered":
                told = filtered(case, kind, place)
            case _:
                told = measure(case, kind, place, rest[2])
    Path(answer).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
