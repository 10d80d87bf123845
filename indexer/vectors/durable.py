"""Files that are either whole or not there."""

import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import Unavailable

_READ_BYTES = 2**24


def stamp(path: Path) -> tuple[int, int] | None:
    """Returns what changes when the file is replaced, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def write_arrays(path: Path, arrays: Iterable[NDArray[Any]]) -> int:
    """Makes `path` hold the bytes of the arrays, fsynced; returns their CRC-32.

    The folder's entry is not synced: whatever names the file comes later.
    """
    crc32 = 0
    with path.open("wb") as file:
        for array in arrays:
            content = np.ascontiguousarray(array).view(np.uint8).data
            crc32 = zlib.crc32(content, crc32)
            file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return crc32


def require_checksum(path: Path, crc32: int) -> None:
    """Passes if the bytes of the file have this CRC-32.

    Raises:
        Unavailable: they have another.
        FileNotFoundError: there is no such file.
    """
    found = 0
    with path.open("rb") as file:
        while content := file.read(_READ_BYTES):
            found = zlib.crc32(content, found)
    if found != crc32:
        raise Unavailable(f"{path} is damaged: its checksum is wrong")


def write_atomically(path: Path, content: bytes) -> None:
    """Makes `path` hold `content` for good; a crash leaves the old file or the new one."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the folder's entries (new and renamed files) survive a power cut."""
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals its entries
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
