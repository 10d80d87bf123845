"""Motion Photos: a still whose file has a few seconds of film behind it."""

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from indexer.media.boxes import boxes

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_HEAD_BYTES = 4_000_000  # of segments looked through for XMP, which come before the picture
_VALUE = rb"\s*(?:=\s*[\"']|>)\s*"
_OFFSET = re.compile(rb"MicroVideoOffset" + _VALUE + rb"(\d{1,15})")
_SEMANTIC = re.compile(rb"Item:Semantic" + _VALUE + rb"(\w+)")
_LENGTH = re.compile(rb"Item:Length" + _VALUE + rb"(\d{1,15})")

_SAMSUNG_NAME = b"MotionPhoto_Data"
_MAX_SAMSUNG_ENTRIES = 100
_FILM_BOX = b"mpvd"

Place = tuple[int, int]
"""Offset and length in bytes."""


def embedded_film(path: Path) -> Place | None:
    """Returns where in the picture file an MP4 lies; None if there is none, or no such file.

    Reads what stands before the picture and the last few bytes, never the picture.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            return next((place for place in _places(stream, size) if _is_film(stream, place)), None)
    except OSError:
        return None


def _places(stream: BinaryIO, size: int) -> Iterator[Place]:
    """Yields where the file says that its film is, in one of the ways of its maker."""
    stream.seek(0)
    head = stream.read(12)
    if head.startswith(b"\xff\xd8"):
        for xmp in _packets(stream):
            yield from _google(xmp, size)
    elif head[4:8] == b"ftyp":
        for box in boxes(stream, 0, size):
            if box.kind == _FILM_BOX:
                yield box.start, box.end - box.start
    yield from _samsung(stream, size)


def _packets(stream: BinaryIO) -> Iterator[bytes]:
    """Yields the XMP packets of a JPEG file."""
    at = 2
    while at < _MAX_HEAD_BYTES:
        stream.seek(at)
        header = stream.read(4)
        if len(header) < 4 or header[0] != 0xFF or header[1] in {0xD9, 0xDA}:
            return
        (length,) = struct.unpack_from(">H", header, 2)
        if header[1] == 0xE1:
            segment = stream.read(max(0, length - 2))
            if segment.startswith(_XMP):
                yield segment[len(_XMP) :]
        at += 2 + max(2, length)


def _google(xmp: bytes, size: int) -> Iterator[Place]:
    """Yields the film's place by Google's MotionPhoto (a list of what follows) and MicroVideo."""
    lengths: list[int] = []
    film: int | None = None
    for item in xmp.split(b"<rdf:li")[1:]:
        if semantic := _SEMANTIC.search(item):
            if semantic[1] == b"MotionPhoto":
                film = len(lengths)
            length = _LENGTH.search(item)
            lengths.append(int(length[1]) if length else 0)
    if film is not None:
        yield size - sum(lengths[film:]), lengths[film]
    if offset := _OFFSET.search(xmp):
        yield size - int(offset[1]), int(offset[1])


def _samsung(stream: BinaryIO, size: int) -> Iterator[Place]:
    """Yields the film's place by the table at the end of Samsung's files."""
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    if len(tail) < 8 or not tail.endswith(b"SEFT"):
        return
    (length,) = struct.unpack_from("<I", tail)
    table_at = size - 8 - length
    if table_at < 0 or length > 12 + 12 * _MAX_SAMSUNG_ENTRIES:
        return
    stream.seek(table_at)
    table = stream.read(length)
    if len(table) < 12 or not table.startswith(b"SEFH"):
        return
    for entry in range(12, len(table) - 11, 12):
        back, length = struct.unpack_from("<II", table, entry + 4)
        at = table_at - back
        if at < 0:
            continue
        stream.seek(at)
        header = stream.read(8 + len(_SAMSUNG_NAME))
        if header[8:] == _SAMSUNG_NAME:
            yield at + len(header), length - len(header)


def _is_film(stream: BinaryIO, place: Place) -> bool:
    offset, length = place
    if offset <= 0 or length < 8:
        return False
    stream.seek(offset)
    return stream.read(8)[4:] == b"ftyp"
