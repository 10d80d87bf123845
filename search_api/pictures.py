"""Items as bytes that a browser can show: the original, confined to its root, and previews of it.

Knows no HTTP. Decoding is handed in, so that this floor knows no format but that of previews.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import BoundedSemaphore
from typing import BinaryIO, Protocol

from PIL.Image import Image

from indexer.errors import BadQuery, MediaError, NotFound
from indexer.types import Item, Modality, Place
from search_api.content_types import content_type
from search_api.motion import Film, motion, moves
from search_api.originals import (
    Original,
    digest,
    file_name,
    located,
    readable,
    shown_member,
    state,
)
from search_api.preview_cache import PreviewCache
from search_api.storyboard import strip

SMALL_SIDE = 512
LARGE_SIDE = 2048
PREVIEW_TYPE = "image/webp"

KEPT_PREVIEW_BYTES = 64 * 2**20
"""About 200 large previews: enough to leaf to and fro, small beside a model."""

DECODERS = 2
"""Originals decoded at once: each may need a few hundred MB at the pixel limit."""


class Thumbnails(Protocol):
    """The small previews made at index time."""

    def read(self, item_id: int) -> bytes | None:
        """Returns the stored WebP, or None where there is none."""
        ...


class Codec(Protocol):
    """What decodes: files, moments of films, entries of shards, uploads. Previews are WebP."""

    def preview(self, path: Path, side: int, position: int) -> bytes:
        """Returns a preview of a page of the picture file that fits a square of that side.

        Raises:
            MediaError: the file cannot be read.
        """
        ...

    def frame(self, path: Path, at_ms: int, side: int) -> bytes:
        """Returns a preview, as above, of what the film shows at that time.

        Raises:
            MediaError: the file cannot be read there.
        """
        ...

    def film(self, path: Path) -> Film | None:
        """Returns where in the picture file its film lies; None if it has none or is gone."""
        ...

    def member(self, shard: Path | str, name: str) -> bytes:
        """Returns the entry of that name, as it is, of the shard of that path or URL.

        Raises:
            MediaError: the shard cannot be read or has no such entry.
        """
        ...

    def shrink(self, content: bytes, side: int) -> bytes:
        """Returns a preview, as above, of a picture in memory.

        Raises:
            MediaError: it is no picture or damaged.
        """
        ...

    def decode(self, stream: BinaryIO) -> Image:
        """Returns the picture in the stream: RGB and upright.

        Raises:
            MediaError: it is no picture, is damaged, or has too many pixels.
        """
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """A WebP picture; `tag` changes whenever its bytes would."""

    data: bytes
    tag: str


class Pictures:
    """Originals and previews of items; safe to call from many threads."""

    def __init__(self, thumbnails: Thumbnails, codec: Codec) -> None:
        self._thumbnails = thumbnails
        self._codec = codec
        self._decoders = BoundedSemaphore(DECODERS)
        self._kept = PreviewCache(KEPT_PREVIEW_BYTES)

    def original(self, item: Item) -> Original:
        """Returns the item's own file, or its entry of a shard.

        Raises:
            NotFound: it is a caption, is gone, or leads out of the indexed folder.
        """
        place = located(item)
        name = file_name(shown_member(item) or item.path)
        if item.member is None and isinstance(place, Path):
            return Original(place, name, content_type(item.path))
        with readable(item):
            content = self._codec.member(place, item.member or "")
            return Original(content, name, content_type(item.member or ""), state(place, item))

    def moves(self, item: Item, companions: Sequence[Place]) -> bool:
        """Whether the picture has a moving part, as far as is told without decoding it."""
        return moves(item, companions, self._codec.film)

    def motion(self, item: Item, companions: Sequence[Place]) -> Original:
        """Returns the film that is the picture's moving part, one of these or in its own file.

        Raises:
            NotFound: it has none, or that is gone, or leads out of the indexed folder.
        """
        return motion(item, companions, self._codec.film)

    def small(self, item: Item) -> Preview:
        """Returns the preview made at index time, or a new one where there is none.

        Raises:
            NotFound: there is neither a stored preview nor a readable original.
        """
        if item.modality is not Modality.TEXT:
            stored = self._thumbnails.read(item.id)
            if stored is not None:
                return Preview(stored, digest(stored))
        return self._preview(item, SMALL_SIDE)

    def large(self, item: Item) -> Preview:
        """Returns a preview that fills a screen.

        Raises:
            NotFound: the original is gone or cannot be read any more.
        """
        return self._preview(item, LARGE_SIDE)

    def look(self, item: Item) -> Image:
        """Returns the large preview, decoded.

        Raises:
            NotFound: the original is gone or cannot be read any more.
        """
        return self.upload(BytesIO(self.large(item).data))

    def storyboard(self, moments: Sequence[Item]) -> Preview:
        """Returns the small previews of a film's moments side by side, grey where one is lost."""
        small = [self._small_or_none(moment) for moment in moments]
        tag = digest("\0".join(one.tag if one else "" for one in small).encode())
        data = self._kept.get(tag)
        if data is None:
            data = strip([one.data if one else None for one in small])
            self._kept.put(tag, data)
        return Preview(data, tag)

    def upload(self, stream: BinaryIO) -> Image:
        """Returns the picture in the stream: RGB and upright.

        Raises:
            BadQuery: it is no picture, is damaged, or has too many pixels.
        """
        try:
            with self._decoders:
                return self._codec.decode(stream)
        except MediaError as error:
            raise BadQuery(f"The picture to search by cannot be read: {error}") from error

    def _small_or_none(self, item: Item) -> Preview | None:
        try:
            return self.small(item)
        except NotFound:
            return None

    def _preview(self, item: Item, side: int) -> Preview:
        place = located(item)
        with readable(item):
            tag = digest(f"{state(place, item)}\0{side}".encode())
            data = self._kept.get(tag)
            if data is None:
                with self._decoders:
                    # Whoever waited for the same picture finds it made.
                    data = self._kept.get(tag) or self._made(place, item, side)
                self._kept.put(tag, data)
        return Preview(data, tag)

    def _made(self, place: Path | str, item: Item, side: int) -> bytes:
        if item.member is not None:
            return self._codec.shrink(self._codec.member(place, item.member), side)
        path = Path(place)
        if item.span is not None:
            return self._codec.frame(path, item.span.best_ms, side)
        return self._codec.preview(path, side, item.position)
