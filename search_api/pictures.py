"""Items as bytes that a browser can show: the original, confined to its root, and previews of it.

Knows no HTTP. Decoding is handed in, so that this floor needs no codec.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import BoundedSemaphore, Lock
from typing import BinaryIO, Protocol

from PIL.Image import Image

from indexer.errors import BadQuery, MediaError, NotFound
from indexer.types import Item, Kind

SMALL_SIDE = 512
LARGE_SIDE = 2048
PREVIEW_TYPE = "image/webp"

KEPT_PREVIEW_BYTES = 64 * 2**20
"""About 200 large previews: enough to leaf to and fro, small beside a model."""

DECODERS = 2
"""Originals decoded at once: each may need a few hundred MB at the pixel limit."""

_RAW_SUFFIXES = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf "
    ".pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
CONTENT_TYPES = {
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".avifs": "image/avif",
    ".bmp": "image/bmp",
    ".dib": "image/bmp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heics": "image/heic-sequence",
    ".heif": "image/heif",
    ".heifs": "image/heif-sequence",
    ".hif": "image/heif",
    ".j2k": "image/jp2",
    ".jfif": "image/jpeg",
    ".jp2": "image/jp2",
    ".jpe": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpf": "image/jpx",
    ".jpg": "image/jpeg",
    ".jpx": "image/jpx",
    ".jxl": "image/jxl",
    ".mpo": "image/jpeg",
    ".pbm": "image/x-portable-bitmap",
    ".pcx": "image/x-pcx",
    ".pgm": "image/x-portable-graymap",
    ".png": "image/png",
    ".pnm": "image/x-portable-anymap",
    ".ppm": "image/x-portable-pixmap",
    ".tga": "image/x-tga",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    **dict.fromkeys(_RAW_SUFFIXES, "image/x-raw"),
}
"""Never a type that a browser would run or render as a document."""


class Thumbnails(Protocol):
    """The small previews made at index time."""

    def read(self, item_id: int) -> bytes | None:
        """Returns the stored WebP, or None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Original:
    """A file that may be shown; `content_type` is None for what is only fit for download."""

    path: Path
    name: str
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A WebP picture; `tag` changes whenever its bytes would."""

    data: bytes
    tag: str


class Pictures:
    """Originals and previews of items; safe to call from many threads."""

    def __init__(
        self,
        thumbnails: Thumbnails,
        *,
        preview: Callable[[Path, int], bytes],
        decode: Callable[[BinaryIO], Image],
    ) -> None:
        """`preview` makes a WebP that fits a square of the given side; `decode` reads an upload."""
        self._thumbnails = thumbnails
        self._make_preview = preview
        self._decode = decode
        self._decoders = BoundedSemaphore(DECODERS)
        self._kept = PreviewCache(KEPT_PREVIEW_BYTES)

    def original(self, item: Item) -> Original:
        """Returns the item's own file.

        Raises:
            NotFound: it is a caption, is gone, or leads out of the indexed folder.
        """
        if item.kind is Kind.CAPTION:
            raise NotFound(f"Item {item.id} is a caption: it has no media, only a text.")
        # A line end in a name must not become one in a header.
        name = re.sub(r"[\x00-\x1f\x7f]", "_", PurePosixPath(item.path).name)
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
        return Original(real, name, CONTENT_TYPES.get(PurePosixPath(item.path).suffix.lower()))

    def small(self, item: Item) -> Preview:
        """Returns the preview made at index time, or a new one where there is none.

        Raises:
            NotFound: there is neither a stored preview nor a readable original.
        """
        if item.kind is not Kind.CAPTION:
            stored = self._thumbnails.read(item.id)
            if stored is not None:
                return Preview(stored, hashlib.sha256(stored).hexdigest()[:32])
        return self._preview(item, SMALL_SIDE)

    def large(self, item: Item) -> Preview:
        """Returns a preview that fills a screen.

        Raises:
            NotFound: the original is gone or cannot be read any more.
        """
        return self._preview(item, LARGE_SIDE)

    def upload(self, stream: BinaryIO) -> Image:
        """Returns the picture in the stream: RGB and upright.

        Raises:
            BadQuery: it is no picture, is damaged, or has too many pixels.
        """
        try:
            with self._decoders:
                return self._decode(stream)
        except MediaError as error:
            raise BadQuery(f"The picture to search by cannot be read: {error}") from error

    def _preview(self, item: Item, side: int) -> Preview:
        original = self.original(item)
        try:
            stat = original.path.stat()
            state = f"{original.path}\0{stat.st_mtime_ns}\0{stat.st_size}\0{side}"
            tag = hashlib.sha256(state.encode("utf-8", "surrogateescape")).hexdigest()[:32]
            data = self._kept.get(tag)
            if data is None:
                with self._decoders:
                    # Whoever waited for the same picture finds it made.
                    data = self._kept.get(tag) or self._make_preview(original.path, side)
                self._kept.put(tag, data)
        except OSError as error:
            raise NotFound(f"{item.path} cannot be opened: {error.strerror or error}.") from error
        except MediaError as error:
            raise NotFound(f"{item.path} cannot be shown: {error}") from error
        return Preview(data, tag)


class PreviewCache:
    """The previews shown last, up to a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = Lock()
        self._size = 0
        self._previews: OrderedDict[str, bytes] = OrderedDict()

    def get(self, tag: str) -> bytes | None:
        """Returns the preview if it is kept."""
        with self._lock:
            if tag not in self._previews:
                return None
            self._previews.move_to_end(tag)
            return self._previews[tag]

    def put(self, tag: str, data: bytes) -> None:
        """Keeps the preview; the ones not asked for longest make room."""
        with self._lock:
            self._size += len(data) - len(self._previews.pop(tag, b""))
            self._previews[tag] = data
            while self._size > self._limit and len(self._previews) > 1:
                self._size -= len(self._previews.popitem(last=False)[1])
