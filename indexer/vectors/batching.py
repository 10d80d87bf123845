"""Searches of many threads turned into batches, for what answers many queries as fast as one."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from indexer.types import Matches, Vectors


class Batcher:
    """Calls `run` from one thread at a time, with all queries that waited meanwhile as one batch.

    There is no thread of its own: a caller that finds nobody at work runs its queries at once. What
    arrives until it is done is the next batch, and the first caller in it runs that one. So a lone
    caller waits for nobody, and nobody works longer than for the batch that holds its own queries.
    """

    def __init__(self, run: Callable[[Vectors, int], Matches], most: int = 64) -> None:
        """Makes searches go to `run`.

        Args:
            run: Takes float32 (n, dim) and k, returns (n, k) matches, best first; each row of them
                must not depend on the other queries, its first ones not on k.
            most: Query rows in one batch at most. A call that has more goes alone.
        """
        self._run = run
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Call] = deque()
        self._working = False

    def search(self, queries: Vectors, k: int) -> Matches:
        """Returns what `run` returns for these queries; raises what it raises for their batch."""
        call = _Call(queries, k)
        with self._lock:
            if idle := not self._working:
                self._working = True
            else:
                self._waiting.append(call)
        if not idle:
            self._wait(call)
        if call.leads or idle:
            self._lead(call)
        if call.error is not None:
            raise call.error
        assert call.matches is not None
        return call.matches

    def _wait(self, call: "_Call") -> None:
        try:
            call.woken.wait()
        except BaseException:  # an interrupt: nobody may wait for one that has gone
            with self._lock:
                if call in self._waiting:
                    self._waiting.remove(call)
                leads = call.leads
            if leads:
                self._hand_over()
            raise

    def _lead(self, first: "_Call") -> None:
        batch = [first]
        try:
            self._join(batch)
            self._answer(batch)
        except BaseException as error:
            for call in batch:
                call.error = error
            raise
        finally:
            self._hand_over()
            for call in batch[1:]:
                call.woken.set()

    def _join(self, batch: "list[_Call]") -> None:
        """Adds those that waited longest, as many as there is room for beside the first."""
        rows = len(batch[0].queries)
        with self._lock:
            while self._waiting and rows + len(self._waiting[0].queries) <= self._most:
                batch.append(self._waiting.popleft())
                rows += len(batch[-1].queries)

    def _answer(self, batch: Sequence["_Call"]) -> None:
        if len(batch) == 1:
            batch[0].matches = self._run(batch[0].queries, batch[0].k)
            return
        matches = self._run(
            np.concatenate([call.queries for call in batch]), max(call.k for call in batch)
        )
        start = 0
        for call in batch:
            part = (slice(start, start + len(call.queries)), slice(call.k))
            # copied, or one caller's few rows would keep the whole batch in memory
            call.matches = Matches(matches.ids[part].copy(), matches.scores[part].copy())
            start += len(call.queries)

    def _hand_over(self) -> None:
        """Makes the one that waited longest lead the next batch, if anybody waits."""
        with self._lock:
            if not self._waiting:
                self._working = False
                return
            call = self._waiting.popleft()
            call.leads = True
        call.woken.set()


class _Call:
    """One search, and what became of it."""

    __slots__ = ("error", "k", "leads", "matches", "queries", "woken")

    def __init__(self, queries: Vectors, k: int) -> None:
        self.queries = queries
        self.k = k
        self.woken = threading.Event()
        self.leads = False
        self.matches: Matches | None = None
        self.error: BaseException | None = None
