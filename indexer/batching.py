"""Calls of many threads turned into batches, for what answers many as fast as one."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")


def _one(_: object) -> int:
    return 1


class Batches(Generic[A, R]):
    """Calls `run` from one thread at a time, with all that waited meanwhile as one batch.

    There is no thread of its own: a caller that finds nobody at work runs its call at once. What
    arrives until it is done is the next batch, and the first caller in it runs that one. So a lone
    caller waits for nobody, and nobody works longer than for the batch that holds its own call.
    """

    def __init__(
        self,
        run: Callable[[Sequence[A]], Sequence[R]],
        most: int,
        size: Callable[[A], int] = _one,
    ) -> None:
        """Makes calls go to `run`.

        Args:
            run: Returns an answer for each call, in their order; none must depend on the others.
            most: The sum of sizes in one batch at most. A call of a larger size goes alone.
            size: Returns what a call counts.
        """
        self._run = run
        self._most = most
        self._size = size
        self._lock = threading.Lock()
        self._waiting: deque[_Call[A, R]] = deque()
        self._working = False

    def ask(self, asked: A) -> R:
        """Returns what `run` answers to this; raises what it raises for the batch."""
        call: _Call[A, R] = _Call(asked)
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
        return call.answer[0]

    def _wait(self, call: "_Call[A, R]") -> None:
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

    def _lead(self, first: "_Call[A, R]") -> None:
        batch = [first]
        try:
            self._join(batch)
            answers = self._run([call.asked for call in batch])
            for call, answer in zip(batch, answers, strict=True):
                call.answer.append(answer)
        except BaseException as error:
            for call in batch:
                call.error = error
            raise
        finally:
            self._hand_over()
            for call in batch[1:]:
                call.woken.set()

    def _join(self, batch: "list[_Call[A, R]]") -> None:
        """Adds those that waited longest, as many as there is room for beside the first."""
        total = self._size(batch[0].asked)
        with self._lock:
            while self._waiting and total + self._size(self._waiting[0].asked) <= self._most:
                batch.append(self._waiting.popleft())
                total += self._size(batch[-1].asked)

    def _hand_over(self) -> None:
        """Makes the one that waited longest lead the next batch, if anybody waits."""
        with self._lock:
            if not self._waiting:
                self._working = False
                return
            call = self._waiting.popleft()
            call.leads = True
        call.woken.set()


class _Call(Generic[A, R]):
    """One call, and what became of it: `answer` holds one once there is one."""

    __slots__ = ("answer", "asked", "error", "leads", "woken")

    def __init__(self, asked: A) -> None:
        self.asked = asked
        self.woken = threading.Event()
        self.leads = False
        self.answer: list[R] = []
        self.error: BaseException | None = None
