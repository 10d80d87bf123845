"""Captions in files of their own: text beside a picture, one a line; what other readers know."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from indexer.errors import MediaError
from indexer.media.pictures import PictureNames
from indexer.media.sidecar import XMP_SUFFIX, sidecar_words
from indexer.media.subtitles import SUBTITLE_SUFFIXES, SubtitleReader
from indexer.media.tables import pairs_in
from indexer.media.texts import MAX_CAPTION, UTF16_MARKS, clean, content, decoded
from indexer.types import Kind, Sample, SourceFile

_TEXT_SUFFIX = ".txt"
SIDECAR_SUFFIXES = SUBTITLE_SUFFIXES | {_TEXT_SUFFIX, XMP_SUFFIX}
"""Files that describe the one beside them, by its name."""

_MAX_SIDECAR_BYTES = 1_000_000


class CaptionReader:
    """Reads sidecars, tables and subtitles; each caption is a sample that names what it describes.

    Safe to use from many threads.
    """

    kind = Kind.CAPTION

    def __init__(self, pictures: PictureNames) -> None:
        self._pictures = pictures
        self._subtitles = SubtitleReader(lambda file: pictures.beside(file, (Kind.VIDEO,)))

    def read(self, source: SourceFile) -> Iterator[Sample]:
        suffix = PurePosixPath(source.path).suffix.lower()
        if suffix in SUBTITLE_SUFFIXES:
            yield from self._subtitles.read(source)
            return
        if suffix == XMP_SUFFIX:
            about = self._pictures.beside(source)
            for position, (origin, text) in enumerate(sidecar_words(source.location)):
                yield Sample(text, position=position, about=about, origin=origin)
            return
        if suffix == _TEXT_SUFFIX:
            about = self._pictures.beside(source)
            pairs = ((about, text) for text in _lines(source))
        else:
            pairs = ((self._pictures.find(source, name), text) for name, text in pairs_in(source))
        position = 0
        for about, text in pairs:
            if caption := clean(text)[:MAX_CAPTION]:
                yield Sample(caption, position=position, about=about)
                position += 1


def _lines(source: SourceFile) -> Iterator[str]:
    if source.size_bytes > _MAX_SIDECAR_BYTES:
        raise MediaError(
            f"{source.size_bytes:,} bytes are too many for a caption file beside a picture "
            f"(limit {_MAX_SIDECAR_BYTES:,})"
        )
    raw = content(source)
    if b"\0" in raw and not raw.startswith(UTF16_MARKS):
        raise MediaError("not text: it holds zero bytes")
    yield from decoded(raw).splitlines()
