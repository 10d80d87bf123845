"""The texts that people search for, kept where they allow it, so that indexes are tuned by them.

queries.txt    one text a line, UTF-8, the newest last; at most 1 MB: the older half goes then
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from indexer.vectors.durable import write_atomically

log = logging.getLogger(__name__)

FILE = "queries.txt"
MOST_BYTES = 1_000_000


class AskedTexts:
    """The texts of one library; any number of processes may add to them."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Keeps them in the folder of the library."""
        self._path = folder / FILE
        self._most_bytes = most_bytes
        self._writes = True

    def remember(self, text: str) -> None:
        """Makes the text the newest; where the folder cannot be written, nothing is remembered."""
        line = " ".join(text.split())
        if not (line and self._writes):
            return
        try:
            # One short write at the end of a file is not torn by another process's.
            with self._path.open("ab", buffering=0) as file:
                file.write(f"{line}\n".encode())
                size = file.tell()
            if size > self._most_bytes:
                lines = self._path.read_bytes().splitlines(keepends=True)
                write_atomically(self._path, b"".join(lines[len(lines) // 2 :]))
        except OSError as error:
            log.warning("What is asked is not remembered: %s.", os.strerror(error.errno or 0))
            self._writes = False

    def texts(self, most: int) -> Sequence[str]:
        """Returns up to `most` different texts, the newest first.

        What was only typed on the way to the next one ("a d", "a do") is left out.
        """
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        after = [*lines[1:], ""]
        whole = [one for one, next in zip(lines, after, strict=True) if not next.startswith(one)]
        return list(dict.fromkeys(reversed(whole)))[:most]
