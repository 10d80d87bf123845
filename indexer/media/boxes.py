"""The boxes that MP4, QuickTime, HEIC and JPEG XL files are made of (ISO/IEC 14496-12, 4.2)."""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MAX_BOXES = 1_000


class Box(NamedTuple):
    """A box of this kind whose content lies from byte `start` to before byte `end`."""

    kind: bytes
    start: int
    end: int


def boxes(stream: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Yields the boxes between two places in the stream; stops at the first damaged one.

    A box that claims more than there is ends with what there is.
    """
    for _ in range(_MAX_BOXES):
        stream.seek(start)
        header = stream.read(16)
        if start + 8 > end or len(header) < 8:
            return
        length, kind = struct.unpack_from(">I4s", header)
        used = 8
        if length == 1 and len(header) == 16:
            (length,), used = struct.unpack_from(">Q", header, 8), 16
        elif not length:  # up to the end
            length = end - start
        if length < used:
            return
        yield Box(kind, start + used, min(start + length, end))
        start += length


def properties(stream: BinaryIO) -> Iterator[Box]:
    """Yields what a HEIC or AVIF file says of its pictures (ISO/IEC 23008-12, 9.3)."""
    for meta in boxes(stream, 0, stream.seek(0, os.SEEK_END)):
        for inner in boxes(stream, meta.start + 4, meta.end) if meta.kind == b"meta" else ():
            for box in boxes(stream, inner.start, inner.end) if inner.kind == b"iprp" else ():
                if box.kind == b"ipco":
                    yield from boxes(stream, box.start, box.end)


def content(stream: BinaryIO, box: Box, at_most: int) -> bytes:
    """Returns the first bytes of what is in the box."""
    stream.seek(box.start)
    return stream.read(max(0, min(at_most, box.end - box.start)))
