"""Previews that are shown again soon, in memory."""

from collections import OrderedDict
from threading import Lock


class PreviewCache:
    """The previews shown last, up to a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = Lock()
        self._size = 0
        self._previews: OrderedDict[str, bytes] = OrderedDict()

    def get(self, tag: str) -> bytes | None:
        """Returns the preview if it is kept."""
        with self._lock:
            if tag not in self._previews:
                return None
            self._previews.move_to_end(tag)
            return self._previews[tag]

    def put(self, tag: str, data: bytes) -> None:
        """Keeps the preview; the ones not asked for longest make room."""
        with self._lock:
            self._size += len(data) - len(self._previews.pop(tag, b""))
            self._previews[tag] = data
            while self._size > self._limit and len(self._previews) > 1:
                self._size -= len(self._previews.popitem(last=False)[1])
