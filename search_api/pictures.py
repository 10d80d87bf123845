"""Items as bytes that a browser can show: the original, confined to its root, and previews of it.

Knows no HTTP. Decoding is handed in, so that this floor knows no format but that of previews.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import BoundedSemaphore
from typing import BinaryIO, Protocol

from PIL.Image import Image

from indexer.errors import BadQuery, MediaError, NotFound
from indexer.types import Item, Modality, is_url
from search_api.content_types import content_type
from search_api.preview_cache import PreviewCache
from search_api.storyboard import strip

SMALL_SIDE = 512
LARGE_SIDE = 2048
PREVIEW_TYPE = "image/webp"

_BEGINS = re.compile(r"@\d+(?=\.[^./]*$|$)")

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
class Original:
    """A file that may be shown, or an entry of one; `content_type` is None for mere downloads.

    `tag` changes whenever an entry's bytes would; None for a file.
    """

    content: Path | bytes
    name: str
    content_type: str | None
    tag: str | None = None


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
        place = self._located(item)
        # A line end in a name must not become one in a header.
        name = re.sub(r"[\x00-\x1f\x7f]", "_", PurePosixPath(shown_member(item) or item.path).name)
        if item.member is None and isinstance(place, Path):
            return Original(place, name, content_type(item.path))
        with _readable(item):
            content = self._codec.member(place, item.member or "")
            return Original(content, name, content_type(item.member or ""), _state(place, item))

    def small(self, item: Item) -> Preview:
        """Returns the preview made at index time, or a new one where there is none.

        Raises:
            NotFound: there is neither a stored preview nor a readable original.
        """
        if item.modality is not Modality.TEXT:
            stored = self._thumbnails.read(item.id)
            if stored is not None:
                return Preview(stored, _digest(stored))
        return self._preview(item, SMALL_SIDE)

    def large(self, item: Item) -> Preview:
        """Returns a preview that fills a screen.

        Raises:
            NotFound: the original is gone or cannot be read any more.
        """
        return self._preview(item, LARGE_SIDE)

    def storyboard(self, moments: Sequence[Item]) -> Preview:
        """Returns the small previews of a film's moments side by side, grey where one is lost."""
        small = [self._small_or_none(moment) for moment in moments]
        tag = _digest("\0".join(one.tag if one else "" for one in small).encode())
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

    def _located(self, item: Item) -> Path | str:
        """Returns where the item's file really lies; of a shard in a store its URL."""
        if item.modality is Modality.TEXT:
            raise NotFound(f"Item {item.id} is a caption: it has no media, only a text.")
        if is_url(item.root) and item.member is not None:
            return item.address
        try:
            real = item.location.resolve(strict=True)
            # Indexed once does not mean harmless for ever: the file may since have become a link
            # to anything that this process can read.
            if not real.is_relative_to(Path(item.root).resolve(strict=True)):
                raise NotFound(f"{item.path} leads out of its indexed folder: it is not shown.")
            if not real.is_file():
                raise NotFound(f"{item.path} is no file any more: index its folder again.")
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
            raise NotFound(f"{item.path} is gone from disk: index its folder again.") from error
        return real

    def _small_or_none(self, item: Item) -> Preview | None:
        try:
            return self.small(item)
        except NotFound:
            return None

    def _preview(self, item: Item, side: int) -> Preview:
        place = self._located(item)
        with _readable(item):
            tag = _digest(f"{_state(place, item)}\0{side}".encode())
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


@contextmanager
def _readable(item: Item) -> Iterator[None]:
    """Turns what is wrong with a file into an answer to whoever asked for it."""
    try:
        yield
    except OSError as error:
        raise NotFound(f"{item.path} cannot be opened: {error.strerror or error}.") from error
    except MediaError as error:
        raise NotFound(f"{item.path} cannot be shown: {error}") from error


def shown_member(item: Item) -> str | None:
    """Returns the name of a shard's entry without where in the shard it begins."""
    return None if item.member is None else _BEGINS.sub("", item.member)


def _state(place: Path | str, item: Item) -> str:
    """Returns what tells one state of the item's file, and one part of the file, from another.

    A store is not asked: what changes there gets another id when it is indexed again.
    """
    part = f"{item.position}\0{item.span and item.span.best_ms}\0{item.member}"
    if isinstance(place, Path):
        stat = place.stat()
        now = f"{stat.st_mtime_ns}\0{stat.st_size}"
    else:
        now = str(item.id)
    state = f"{place}\0{now}\0{part}"
    return _digest(state.encode("utf-8", "surrogateescape"))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
