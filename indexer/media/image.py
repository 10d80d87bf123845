"""Pictures: from a file to upright RGB, no larger than is of use.

A photo of 12 megapixels ends as a model input of some 224 pixels and a thumbnail of 512, so JPEG
is decoded at 1/2, 1/4 or 1/8 where that is enough (libjpeg scales in the frequency domain), and
everything else is averaged down before colours are converted.
"""

import logging
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from indexer.errors import MediaError
from indexer.media.rgb import to_srgb, workable
from indexer.media.signature import HEAD_BYTES, described, is_readable_picture
from indexer.types import Kind, Sample, SourceFile

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .gif .bmp .dib .tif .tiff .avif .avifs .heic "
    ".heics .heif .heifs .hif .jp2 .j2k .jpx .jpf .ppm .pgm .pbm .pnm .tga .pcx".split()
)
THUMBNAIL_SIDE = 512
MAX_PIXELS = 180_000_000

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
_SCALED_DECODING = frozenset({"JPEG", "MPO"})
_WEBP_QUALITY, _WEBP_METHOD = 80, 0  # method 0 is a third faster than 1 for a twentieth more bytes

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = frozenset({5, 6, 7, 8})

# What Pillow and pillow-heif raise on damaged files, found by feeding them some.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_OUR_WARNINGS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)

logging.getLogger("PIL").addHandler(logging.NullHandler())  # odd tags are no news to anybody

Size = tuple[int, int]
Reduction = Callable[[Size], float]
"""How many times smaller than a picture of this size the result may be."""


class ImageReader:
    """Reads a picture file: one sample, upright, RGB, shorter side at least `min_side` if it was.

    Safe to use from many threads.
    """

    kind = Kind.IMAGE

    def __init__(self, min_side: int, max_pixels: int = MAX_PIXELS) -> None:
        self._min_side = min_side
        self._max_pixels = max_pixels

    def read(self, source: SourceFile) -> Iterator[Sample]:
        with _stream(source.location) as stream:
            image, (width, height) = _decoded(
                stream,
                reduction=lambda size: min(size) / self._min_side,
                max_pixels=self._max_pixels,
                suffix=PurePosixPath(source.path).suffix,
            )
        yield Sample(image, width=width, height=height)


def decode(
    stream: BinaryIO, *, min_side: int = THUMBNAIL_SIDE, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Returns the picture in the stream: RGB, upright, shorter side at least `min_side` if it was.

    Raises:
        MediaError: it is no picture, is damaged, or has too many pixels.
    """
    image, _ = _decoded(
        stream, reduction=lambda size: min(size) / min_side, max_pixels=max_pixels, suffix=""
    )
    return image


def thumbnail(image: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """Returns the RGB picture as WebP that fits a square of `side` pixels; never enlarged."""
    scale = side / max(image.size)
    if scale < 1:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        # A gap of 1 averages whole pixels first: four times faster than 2, and a thumbnail shows
        # no difference.
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=1.0)
    encoded = BytesIO()
    image.save(encoded, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return encoded.getvalue()


def preview(path: Path, side: int, *, max_pixels: int = MAX_PIXELS) -> bytes:
    """Returns the picture file as WebP that fits a square of `side` pixels; never enlarged.

    Raises:
        MediaError: the file cannot be read.
    """
    with _stream(path) as stream:
        image, _ = _decoded(
            stream,
            reduction=lambda size: max(size) / side,
            max_pixels=max_pixels,
            suffix=path.suffix,
        )
    return thumbnail(image, side)


@contextmanager
def _stream(path: Path) -> Iterator[BinaryIO]:
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


def _decoded(
    stream: BinaryIO, *, reduction: Reduction, max_pixels: int, suffix: str
) -> tuple[Image.Image, Size]:
    """Returns the picture, RGB, upright and reduced, and the upright original's size."""
    try:
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error
    if not head:
        raise MediaError("the file is empty")
    _allow(max_pixels)
    try:
        with _opened(stream, head, suffix) as image:
            _check_size(image.size, max_pixels)
            return _upright_rgb(image, reduction)
    except Image.DecompressionBombError as error:
        # A canvas or tile inside the file is larger than the file's own word for its size.
        pixels = re.search(r"(\d+) pixels", str(error))
        what = f"a canvas of {int(pixels[1]):,} pixels" if pixels else "its canvas"
        raise MediaError(_too_large(what, max_pixels)) from error
    except MemoryError as error:
        raise MediaError("there is not enough memory to decode it") from error
    except _DAMAGE as error:
        raise MediaError(_damage(error, head)) from error


def _opened(stream: BinaryIO, head: bytes, suffix: str) -> Image.Image:
    _load_codecs()
    formats = list(_FORMATS)
    if extra := _SUFFIX_FORMATS.get(suffix.lower()):
        formats.append(extra)
    try:
        return Image.open(stream, formats=formats)
    except UnidentifiedImageError as error:
        found = described(head)
        if found is None:
            raise MediaError("not a picture, or damaged from its first bytes on") from error
        if is_readable_picture(found):
            raise MediaError(
                f"damaged or unusual: begins like {found}, but its header cannot be read"
            ) from error
        raise MediaError(f"not a picture that atisbo reads: the file is {found}") from error


def _upright_rgb(image: Image.Image, reduction: Reduction) -> tuple[Image.Image, Size]:
    width, height = image.size
    if image.format in _SCALED_DECODING and (factor := int(reduction(image.size))) > 1:
        image.draft(None, (width // factor, height // factor))
    profile = image.info.get("icc_profile")
    image.load()
    orientation = _orientation(image)  # after loading, because Pillow turns TIFF by itself
    small = workable(image)
    if (factor := int(reduction(small.size))) > 1:
        small = small.reduce(factor)
    rgb = to_srgb(small, profile if isinstance(profile, bytes) else None)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if orientation in _ON_THEIR_SIDE:
        width, height = height, width
    return _bare(rgb), (width, height)


def _bare(rgb: Image.Image) -> Image.Image:
    """Returns the picture without the file's metadata, which later steps might act on again."""
    rgb.info.clear()
    return rgb


def _orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation, 1 (upright) where it is absent or its block is broken."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DAMAGE:
        return 1
    return value if isinstance(value, int) else 1


def _check_size(size: Size, max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise MediaError(_too_large(f"{width} x {height} pixels", max_pixels))
    if not width or not height:
        raise MediaError("the picture has no pixels")


def _too_large(what: str, max_pixels: int) -> str:
    return (
        f"{what} is above the limit of {max_pixels / 1e6:g} megapixels. Raise it with "
        "--max-megapixels or ATISBO_MAX_MEGAPIXELS if you trust the file"
    )


def _damage(error: Exception, head: bytes) -> str:
    kind = described(head) or "a picture"
    text = str(error).strip().rstrip(".") or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"truncated: begins like {kind}, but its end is missing ({text})"
    return f"damaged: begins like {kind}, but cannot be decoded ({text})"


def _allow(max_pixels: int) -> None:
    """Makes Pillow's own limit no tighter than ours and keeps its remarks from users.

    Both are global in Pillow and Python. The limit only ever grows, and `warnings.catch_warnings`
    is not safe with threads, so the filter is added once and stays.
    """
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels
    if _OUR_WARNINGS not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")


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
