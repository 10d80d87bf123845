"""How the threads that decode and the one that embeds work together."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Condition, Event, Semaphore
from typing import Generic, TypeVar

_PARTS_AHEAD = 2  # of one file, read but not embedded yet
_LOOK_EVERY_S = 0.2

T = TypeVar("T")


class Inbox(Generic[T]):
    """What threads hand over, in the order in which it is ready.

    A thread that reads a long file waits once so many parts of it have not been taken, so that
    neither memory grows nor others are kept from handing over theirs.
    """

    def __init__(self) -> None:
        self._ready: SimpleQueue[tuple[Stream[T], T] | Future[None]] = SimpleQueue()
        self._stopped = Event()

    def run(self, pool: Executor, read: "Callable[[Stream[T]], None]") -> None:
        """Lets a thread of the pool read, and hand over what it has, into a stream of its own."""
        pool.submit(read, Stream(self._ready, self._stopped)).add_done_callback(self._ready.put)

    def take(self) -> Iterator[T]:
        """Yields the next part; nothing where a thread came to its end, whose error is raised."""
        found = self._ready.get()
        if isinstance(found, Future):
            found.result()
            return
        stream, part = found
        stream.was_taken()
        yield part

    def stop(self) -> None:
        """Tells the threads that nothing more will be taken."""
        self._stopped.set()


class Stream(Generic[T]):
    """The parts of one file, handed from the thread that reads it to the one that embeds."""

    def __init__(
        self, ready: "SimpleQueue[tuple[Stream[T], T] | Future[None]]", stopped: Event
    ) -> None:
        self._ready = ready
        self._stopped = stopped
        self._room = Semaphore(_PARTS_AHEAD)

    def put(self, part: T) -> bool:
        """Hands the part over once there is room; False if nobody waits for it any more."""
        while not self._room.acquire(timeout=_LOOK_EVERY_S):
            if not self.is_wanted():
                return False
        self._ready.put((self, part))
        return True

    def is_wanted(self) -> bool:
        """Whether anybody waits for more; to be asked often, for a film takes long."""
        return not self._stopped.is_set()

    def was_taken(self) -> None:
        """Makes room for another part."""
        self._room.release()


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
