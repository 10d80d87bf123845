"""Captions: text beside a picture, one a line, or tables of them (see `tables`)."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from indexer.errors import MediaError
from indexer.media.pictures import PictureNames
from indexer.media.tables import pairs_in
from indexer.media.texts import MAX_CAPTION, UTF16_MARKS, clean, content, decoded
from indexer.types import Kind, Sample, SourceFile

SIDECAR_SUFFIX = ".txt"
_MAX_SIDECAR_BYTES = 1_000_000


class CaptionReader:
    """Reads a sidecar or a table; each caption is a sample that names its picture."""

    kind = Kind.CAPTION

    def __init__(self, pictures: PictureNames) -> None:
        self._pictures = pictures

    def read(self, source: SourceFile) -> Iterator[Sample]:
        if PurePosixPath(source.path).suffix.lower() == SIDECAR_SUFFIX:
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
