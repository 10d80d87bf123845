"""Cameras' raw files: the preview inside, or else the sensor's own data.

Cameras put a finished JPEG beside the sensor's data. In most raw files, which are TIFF inside, it
is found here without any package; for the rest, and where it is too small, LibRaw is asked, which
comes with the extra `atisbo[raw]`.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from PIL import Image

from indexer.errors import MediaError
from indexer.media import rawcr3
from indexer.media.damage import DAMAGE, Size, check_size
from indexer.media.rawtiff import TIFF_STARTS, layout
from indexer.media.signature import described, is_readable_picture

RAW_SUFFIXES = frozenset(
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf "
    ".pef .raf .raw .rw2 .rwl .sr2 .srf .srw .x3f".split()
)
_ENOUGH_SIDE = 512  # a preview whose shorter side has as much serves model and thumbnail
_LEAST_SIDE = 120
_HEAD_BYTES = 262_144  # cameras write EXIF first
_MAX_PREVIEW_BYTES = 150_000_000
_HELP = "pip install 'atisbo[raw]'"
_ORIENTATION = 0x0112
_FLIPS = {3: 3, 5: 8, 6: 6}  # LibRaw's word for how to turn it -> that of EXIF

Found = tuple[Image.Image, Size, str | None]
"""The picture, the size of the original as stored, and a note."""


def may_be_raw(head: bytes) -> bool:
    """Whether a file that begins so and is named like a raw file may be one."""
    found = described(head)
    return found is None or "TIFF" in found or "raw" in found or not is_readable_picture(found)


def opened(stream: BinaryIO, *, max_pixels: int) -> Found:
    """Returns the preview in the raw file if it is large enough, else its sensor's picture.

    Raises:
        MediaError: there is neither, or only a package that is not installed could tell.
    """
    own = _own_preview(stream)
    if own and min(own[0].size) >= _ENOUGH_SIDE:
        return own
    try:
        found = _by_libraw(stream, max_pixels)
    except ImportError:
        found = None
        reason = f"it needs an extra package: {_HELP}"
    except MediaError as error:
        found = None
        reason = str(error)
    if found:
        return found
    if own:
        image, size, _ = own
        shown = f"{image.width} x {image.height}"
        return image, size, f"read from the preview of {shown} pixels inside: {reason}"
    raise MediaError(f"a raw file whose picture cannot be read: {reason}")


def _own_preview(stream: BinaryIO) -> Found | None:
    """Returns the largest JPEG that the file's own tables point to; None if there is none."""
    told = _metadata(stream)
    size, _ = layout(BytesIO(told)) if rawcr3.is_cr3(_head(stream)) else layout(stream)
    for data in _previews(stream):
        image = _jpeg(data)
        if image is None or min(image.size) < _LEAST_SIDE:
            continue
        _add_metadata(image, told)  # orientation among it
        larger = size is not None and size[0] * size[1] > image.width * image.height
        return image, size if size and larger else image.size, None
    return None


def _previews(stream: BinaryIO) -> Iterator[bytes]:
    """Yields what may be a JPEG, largest first."""
    if rawcr3.is_cr3(_head(stream)):
        if data := rawcr3.preview(stream):
            yield data
        return
    for offset, length in layout(stream)[1]:
        stream.seek(offset)
        yield stream.read(min(length, _MAX_PREVIEW_BYTES))


def _metadata(stream: BinaryIO) -> bytes:
    """Returns the raw file's own EXIF as a TIFF; empty if it has none that Pillow reads."""
    if rawcr3.is_cr3(_head(stream)):
        return rawcr3.metadata(stream) or b""
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    return head if head.startswith(TIFF_STARTS) else b""


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(12)


def _jpeg(data: bytes) -> Image.Image | None:
    """Returns the JPEG; None if it is none, or one of sensor data, which cameras code so too."""
    if _frame_kind(data) not in {0xC0, 0xC1, 0xC2}:
        return None
    try:
        image = Image.open(BytesIO(data), formats=["JPEG"])
    except DAMAGE:
        return None
    return image if image.mode in {"L", "RGB"} else None


def _frame_kind(data: bytes) -> int | None:
    """Returns the marker of the JPEG's first frame: 0xC0 to 0xC2 is a picture, 0xC3 lossless."""
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return marker
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _by_libraw(stream: BinaryIO, max_pixels: int) -> Found:
    """Returns LibRaw's preview, or the sensor's data at half size if that is too small.

    Raises:
        ImportError: rawpy is not installed.
        MediaError: the file is none that LibRaw reads, is damaged, or has too many pixels.
    """
    import rawpy

    told = _metadata(stream)
    stream.seek(0)
    try:
        with rawpy.imread(stream) as file:
            size = (file.sizes.width, file.sizes.height)
            check_size(size, max_pixels)
            flip = _FLIPS.get(file.sizes.flip, 1)
            try:
                preview = file.extract_thumb()
            except rawpy.LibRawError:
                image = None
            else:
                data = preview.data
                image = _jpeg(data) if isinstance(data, bytes) else Image.fromarray(data)
            if image is not None and min(image.size) >= _ENOUGH_SIDE:
                if "exif" not in image.info:
                    _add_metadata(image, told)
                    image.getexif()[_ORIENTATION] = flip
                return image, size, None
            pixels = file.postprocess(half_size=True, use_camera_wb=True, user_flip=0)
    except rawpy.LibRawError as error:
        raise MediaError(f"LibRaw cannot read it ({_text(error)})") from error
    developed = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    _add_metadata(developed, told)
    developed.getexif()[_ORIENTATION] = flip
    return developed, size, None


def _add_metadata(image: Image.Image, told: bytes) -> None:
    if told and "exif" not in image.info:
        image.info["exif"] = b"Exif\0\0" + told


def _text(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
