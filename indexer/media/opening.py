"""Opening picture files: a Pillow image at hand, nothing of it decoded yet where that can wait."""

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from indexer.errors import MediaError
from indexer.media import jxl, raw
from indexer.media.boxes import content, properties
from indexer.media.colours import named_by_number
from indexer.media.damage import Size, allow, check_size, reasons
from indexer.media.signature import HEAD_BYTES, described, is_readable_picture

_FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "BMP",
    "DIB",
    "TIFF",
    "AVIF",
    "HEIF",
    "JPEG2000",
    "PPM",
)  # the rest of Pillow's (EPS, PSD, FITS, ...) stays shut: more ways in, no photos
_SUFFIX_FORMATS = {".tga": "TGA", ".pcx": "PCX"}  # no signature: would take any bytes for theirs
_CODECS = {"MPO": "jpeg", "AVIF": "av1", "HEIF": "hevc", "DIB": "bmp"}

logging.getLogger("PIL").addHandler(logging.NullHandler())  # odd tags are no news to anybody


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture file that is open.

    Attributes:
        image: As Pillow opened it, with the file's metadata; `load` was not called.
        head: The first bytes of the file.
        codec: How its pixels are coded, as in `Facts`.
        size: Of the original as stored, which is more than that of `image` if this is a preview.
        note: What the image lacks of what the file holds, for people.
    """

    image: Image.Image
    head: bytes
    codec: str
    size: Size
    note: str | None = None


@contextmanager
def stream_of(path: Path) -> Iterator[BinaryIO]:
    """Opens the file for reading.

    Raises:
        MediaError: it cannot be opened.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise MediaError("the file is gone") from error
    except IsADirectoryError as error:
        raise MediaError("it is a folder, not a file") from error
    except PermissionError as error:
        raise MediaError("no permission to read the file") from error
    except OSError as error:
        raise MediaError(f"the file cannot be opened: {error.strerror}") from error
    with stream:
        yield stream


@contextmanager
def opened(stream: BinaryIO, *, suffix: str, max_pixels: int) -> Iterator[Opened]:
    """Opens the picture in the stream, which stays open as long.

    Args:
        stream: Can seek.
        suffix: Of the file's name; "" if it has none.
        max_pixels: A larger picture is refused.

    Raises:
        MediaError: it is no picture, is damaged in its first bytes, or has too many pixels.
    """
    try:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error
    if not head:
        raise MediaError("the file is empty")
    allow(max_pixels)
    _load_codecs()
    with reasons(head, max_pixels):
        found = _found(stream, head, suffix.lower(), max_pixels)
        check_size(found.size, max_pixels)
    with found.image:
        yield found


def _found(stream: BinaryIO, head: bytes, suffix: str, max_pixels: int) -> Opened:
    if suffix in raw.RAW_SUFFIXES and raw.may_be_raw(head):
        image, size, note = raw.opened(stream, max_pixels=max_pixels)
        return Opened(image, head, "raw", size, note)
    if jxl.is_jxl(head):
        image = jxl.opened(stream, max_pixels=max_pixels)
        return Opened(image, head, "jpegxl", image.size)
    image = _by_pillow(stream, head, suffix, max_pixels)
    name = image.format or ""
    if name in {"AVIF", "HEIF"} and not image.info.get("icc_profile"):
        image.info["icc_profile"] = named_by_number(stream)
    return Opened(image, head, _CODECS.get(name, name.lower()), image.size)


def _by_pillow(stream: BinaryIO, head: bytes, suffix: str, max_pixels: int) -> Image.Image:
    formats = list(_FORMATS)
    if extra := _SUFFIX_FORMATS.get(suffix):
        formats.append(extra)
    try:
        return Image.open(stream, formats=formats)
    except UnidentifiedImageError as error:
        found = described(head)
        if found is None:
            raise MediaError("not a picture, or damaged from its first bytes on") from error
        if is_readable_picture(found):
            check_size(_told_size(stream), max_pixels)  # codecs refuse very large ones unsaid
            raise MediaError(
                f"damaged or unusual: begins like {found}, but its header cannot be read"
            ) from error
        raise MediaError(f"not a picture that atisbo reads: the file is {found}") from error


def _told_size(stream: BinaryIO) -> Size:
    """Returns the largest size that a HEIC or AVIF file speaks of; (1, 1) if it does not."""
    sizes = [content(stream, box, 12)[4:] for box in properties(stream) if box.kind == b"ispe"]
    found = [struct.unpack(">II", size) for size in sizes if len(size) == 8]
    width, height = max(found, key=lambda size: size[0] * size[1], default=(1, 1))
    return width, height


@cache
def _load_codecs() -> None:
    # Imported here because together they take about 60 ms, which `atisbo --help` need not wait.
    from PIL import (  # noqa: F401  imported for their registration with Pillow
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Jpeg2KImagePlugin,
        JpegImagePlugin,
        MpoImagePlugin,
        PcxImagePlugin,
        PngImagePlugin,
        PpmImagePlugin,
        TgaImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )
    from pillow_heif import register_heif_opener

    # One thread a picture, because many pictures are decoded side by side.
    register_heif_opener(decode_threads=1, thumbnails=False, depth_images=False, aux_images=False)
