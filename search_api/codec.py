"""What decodes for the service: the readers' own functions, with the limits of the settings."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL.Image import Image

from indexer.media.image import IMAGE_SUFFIXES, decode, preview, thumbnail
from indexer.media.motion import embedded_film
from indexer.media.shards import member_bytes
from indexer.media.video import frame_at
from search_api.motion import Film


class MediaCodec:
    """Decodes files, moments, entries of shards and uploads; safe to use from many threads."""

    def __init__(self, *, max_pixels: int, upload_side: int) -> None:
        """`upload_side` is how large an upload's shorter side stays, if it was."""
        self._max_pixels = max_pixels
        self._upload_side = upload_side

    def preview(self, path: Path, side: int, position: int) -> bytes:
        return preview(path, side, position=position, max_pixels=self._max_pixels)

    def frame(self, path: Path, at_ms: int, side: int) -> bytes:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return preview(path, side, at_ms=at_ms, max_pixels=self._max_pixels)
        return thumbnail(frame_at(path, at_ms, side=side, max_pixels=self._max_pixels), side)

    def film(self, path: Path) -> Film | None:
        found = embedded_film(path)
        if found is None:
            return None
        offset, length = found
        try:
            with path.open("rb") as stream:
                stream.seek(offset + 8)
                brand = stream.read(4)
        except OSError:
            return None
        return Film(offset, length, "video/quicktime" if brand == b"qt  " else "video/mp4")

    def member(self, shard: Path | str, name: str) -> bytes:
        return member_bytes(shard, name)

    def shrink(self, content: bytes, side: int) -> bytes:
        image = decode(BytesIO(content), min_side=side, max_pixels=self._max_pixels)
        return thumbnail(image, side)

    def decode(self, stream: BinaryIO) -> Image:
        return decode(stream, min_side=self._upload_side, max_pixels=self._max_pixels)
