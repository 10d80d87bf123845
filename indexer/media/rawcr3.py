"""Canon's CR3 files: boxes, with a preview and tables of metadata among them.

As https://github.com/lclevy/canon_cr3 describes them.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from indexer.media.boxes import Box, boxes, content

_UUID_BYTES = 16
_PREVIEW_HEADER = 8  # between the UUID and the box of the preview
_MAX_BYTES = 20_000_000


def is_cr3(head: bytes) -> bool:
    """Whether a file that begins so is a CR3."""
    return head[4:12] == b"ftypcrx "


def preview(stream: BinaryIO) -> bytes | None:
    """Returns the JPEG of 1620 x 1080 pixels or so; None if it is not where it should be."""
    for box in _uuids(stream, 0, stream.seek(0, os.SEEK_END)):
        for inner in boxes(stream, box.start + _UUID_BYTES + _PREVIEW_HEADER, box.end):
            if inner.kind != b"PRVW":
                break
            data = content(stream, inner, _MAX_BYTES)
            at = data.find(b"\xff\xd8\xff", 0, 64)
            return data[at:] if at >= 0 else None
    return None


def metadata(stream: BinaryIO) -> bytes | None:
    """Returns the first table of metadata, a TIFF: maker, size, orientation; None without it."""
    for box in boxes(stream, 0, stream.seek(0, os.SEEK_END)):
        for uuid in _uuids(stream, box.start, box.end) if box.kind == b"moov" else ():
            for inner in boxes(stream, uuid.start + _UUID_BYTES, uuid.end):
                if inner.kind == b"CMT1":
                    return content(stream, inner, _MAX_BYTES)
    return None


def _uuids(stream: BinaryIO, start: int, end: int) -> Iterator[Box]:
    return (box for box in boxes(stream, start, end) if box.kind == b"uuid")
