"""JPEG XL, through the plugin of the extra `atisbo[jxl]`."""

import os
from functools import cache
from typing import BinaryIO

from PIL import Image

from indexer.errors import MediaError
from indexer.media.boxes import boxes, content
from indexer.media.damage import DAMAGE, Size, check_size

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # ISO/IEC 18181-1, A.3
_SIDE_BITS = (9, 13, 18, 30)
_CODESTREAM_BOXES = {b"jxlc": 0, b"jxlp": 4}  # a part of it begins with its number
_HEADER_BYTES = 32


def is_jxl(head: bytes) -> bool:
    """Whether a file that begins so is JPEG XL."""
    return head.startswith((_CODESTREAM, _CONTAINER))


def opened(stream: BinaryIO, *, max_pixels: int) -> Image.Image:
    """Returns the picture, decoded: the plugin knows no other way.

    Raises:
        MediaError: the plugin is not installed, the header is damaged, or it has too many pixels.
    """
    size = _size(stream)
    if size is None:
        raise MediaError("damaged: begins like a JPEG XL picture, but its header cannot be read")
    check_size(size, max_pixels)  # first of all, because opening decodes
    if not _load_codec():
        raise MediaError(
            "a JPEG XL picture, which needs an extra package: pip install 'atisbo[jxl]'"
        )
    stream.seek(0)
    try:
        image = Image.open(stream, formats=["JXL"])
    except DAMAGE as error:
        # The plugin's own words are about how libjxl was built.
        raise MediaError("damaged: begins like a JPEG XL picture, but cannot be decoded") from error
    if not getattr(image, "jpeg", False):
        # The codec turned it upright already; only a JPEG that it restores is as the camera lay.
        image.getexif()[0x0112] = 1
    return image


@cache
def _load_codec() -> bool:
    try:
        from pillow_jxl import JpegXLImagePlugin
    except ImportError:
        return False
    JpegXLImagePlugin.DECODE_THREADS = 0  # many pictures are decoded side by side
    return True


def _size(stream: BinaryIO) -> Size | None:
    """Returns width and height as the codestream's header gives them; None if it has none."""
    stream.seek(0)
    start = stream.read(_HEADER_BYTES)
    if start.startswith(_CONTAINER):
        start = b""
        for box in boxes(stream, 0, stream.seek(0, os.SEEK_END)):
            if box.kind in _CODESTREAM_BOXES:
                start = content(stream, box, _HEADER_BYTES)[_CODESTREAM_BOXES[box.kind] :]
                break
    return _size_header(start[2:]) if start.startswith(_CODESTREAM) else None


def _size_header(data: bytes) -> Size:
    bits = int.from_bytes(data[:12].ljust(12, b"\0"), "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def side(small: int) -> int:
        return 8 * (take(5) + 1) if small else take(_SIDE_BITS[take(2)]) + 1

    small = take(1)
    height = side(small)
    ratio = take(3)
    if not ratio:
        return side(small), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height
