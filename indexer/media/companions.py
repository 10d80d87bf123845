"""Files that belong to a picture of the same name: its raw data, the film of a Live Photo."""

import os
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from indexer.media.boxes import boxes, content
from indexer.media.raw import RAW_SUFFIXES
from indexer.types import Kind, SourceFile

FILM_SUFFIXES = frozenset({".mov", ".mp4", ".mp", ".mv"})

# What cameras and raw converters write, most like the original first.
_DEVELOPED = ".heic .heif .hif .jpg .jpeg .jpe .jfif .avif .jxl .tif .tiff .png .webp .jp2".split()
_STILLS = frozenset({".heic", ".heif", ".hif", ".jpg", ".jpeg"})  # of a Live or Motion Photo
_GOOGLE_STEM = re.compile(r"\.(mp|mv)$")  # PXL_20240101_120000000.MP.jpg

_LIVE_MS = 4_000  # Live Photos last three seconds; converted ones have lost their mark
_MARKED_LIVE_MS = 10_000
_LIVE_MARK = b"com.apple.quicktime.content.identifier"
_MAX_TABLE_BYTES = 1_000_000

Key = tuple[str, str]
"""Root and path, as `SourceFile.key`."""


def pair(
    files: Sequence[SourceFile], *, is_live: Callable[[SourceFile], bool]
) -> Mapping[Key, Key]:
    """Returns the picture that each companion belongs to.

    In one folder and under one name, in upper or lower case, a raw file belongs to the developed
    picture, and a film to the still if `is_live` says so, which is asked about such films alone:
    see `is_live_film`. No picture belongs to another one.
    """
    groups: dict[tuple[str, str, str], list[SourceFile]] = defaultdict(list)
    for file in files:
        if file.kind in {Kind.IMAGE, Kind.VIDEO, Kind.COMPANION}:
            path = PurePosixPath(file.path)
            stem = _GOOGLE_STEM.sub("", path.stem.casefold())
            groups[file.root, path.parent.as_posix(), stem].append(file)
    paired: dict[Key, Key] = {}
    for group in groups.values():
        developed = sorted(
            (file for file in group if _suffix(file) in _DEVELOPED),
            key=lambda file: (_DEVELOPED.index(_suffix(file)), file.path),
        )
        stills = [file for file in developed if _suffix(file) in _STILLS]
        for file in group:
            suffix = _suffix(file)
            if developed and suffix in RAW_SUFFIXES:
                paired[file.key] = developed[0].key
            elif stills and suffix in FILM_SUFFIXES and is_live(file):
                paired[file.key] = stills[0].key
    return paired


def is_live_film(path: Path) -> bool:
    """Whether a film beside a still of the same name is the moving part of it, by its length.

    That is up to 4 seconds, or 10 with Apple's mark of a Live Photo. Reads some tables of the
    file, none of its pictures; false where they are missing or damaged, or there is no such file.
    """
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            for box in boxes(stream, 0, size):
                if box.kind != b"moov":
                    continue
                duration_ms, marked = None, False
                for inner in boxes(stream, box.start, box.end):
                    if inner.kind == b"mvhd":
                        duration_ms = _duration_ms(content(stream, inner, 32))
                    elif inner.kind in {b"meta", b"udta"}:
                        marked = marked or _LIVE_MARK in content(stream, inner, _MAX_TABLE_BYTES)
                limit = _MARKED_LIVE_MS if marked else _LIVE_MS
                return duration_ms is not None and 0 < duration_ms <= limit
    except OSError:
        pass
    return False


def _suffix(file: SourceFile) -> str:
    return PurePosixPath(file.path).suffix.lower()


def _duration_ms(header: bytes) -> int | None:
    """Returns what a movie header says (ISO/IEC 14496-12, 8.2.2); None if it is cut off."""
    form, at = (">IQ", 20) if header[:1] == b"\1" else (">II", 12)
    if len(header) < at + struct.calcsize(form):
        return None
    scale, duration = struct.unpack_from(form, header, at)
    return 1000 * duration // scale if scale else None
