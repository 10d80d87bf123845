"""How the threads that decode and the one that embeds work together."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, Event, Semaphore
from typing import Generic, TypeVar

_PARTS_AHEAD = 2  # of one file, read but not embedded yet
_LOOK_EVERY_S = 0.2

T = TypeVar("T")


class Stream(Generic[T]):
    """The parts of one file, handed from the thread that reads to the one that embeds."""

    def __init__(self, stopped: Event) -> None:
        self._parts: SimpleQueue[T | None] = SimpleQueue()
        self._room = Semaphore(_PARTS_AHEAD)
        self._stopped = stopped

    def put(self, part: T) -> bool:
        """Hands the part over once there is room; False if nobody waits for it any more."""
        while not self._room.acquire(timeout=_LOOK_EVERY_S):
            if self._stopped.is_set():
                return False
        self._parts.put(part)
        return True

    def end(self, _: object = None) -> None:
        """Tells that no more will come."""
        self._parts.put(None)

    def __iter__(self) -> Iterator[T]:
        while (part := self._parts.get()) is not None:
            self._room.release()
            yield part


class Turns:
    """Decoding and embedding by turns, so that they never fight for the same cores.

    Many decoders at once, or one forward pass, which then has all cores and is begun as soon as the
    pictures at hand are decoded.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._decoding = 0
        self._embedding = False

    @contextmanager
    def decoding(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._embedding)
            self._decoding += 1
        try:
            yield
        finally:
            with self._changed:
                self._decoding -= 1
                self._changed.notify_all()

    @contextmanager
    def embedding(self) -> Iterator[None]:
        with self._changed:
            self._embedding = True
            self._changed.wait_for(lambda: not self._decoding)
        try:
            yield
        finally:
            with self._changed:
                self._embedding = False
                self._changed.notify_all()
