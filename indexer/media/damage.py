"""What a picture file may ask for, and what is said of one that is damaged or asks for more."""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from indexer.errors import MediaError
from indexer.media.signature import described

MAX_PIXELS = 180_000_000

Size = tuple[int, int]
"""Width and height in pixels."""

# What Pillow and its plugins raise on damaged files, found by feeding them some.
DAMAGE = (
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
_NOT_OURS = re.compile("unsupported|not support|decoder error", re.IGNORECASE)
_OUR_WARNINGS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


@contextmanager
def reasons(head: bytes, max_pixels: int) -> Iterator[None]:
    """Turns what codecs raise on a file that begins with `head` into a reason for people.

    Raises:
        MediaError: in place of any of it.
    """
    try:
        yield
    except Image.DecompressionBombError as error:
        # A canvas or tile inside the file is larger than the file's own word for its size.
        pixels = re.search(r"(\d+) pixels", str(error))
        what = f"a canvas of {int(pixels[1]):,} pixels" if pixels else "its canvas"
        raise MediaError(too_large(what, max_pixels)) from error
    except MemoryError as error:
        raise MediaError("there is not enough memory to decode it") from error
    except DAMAGE as error:
        raise MediaError(_damage(error, head)) from error


def check_size(size: Size, max_pixels: int) -> None:
    """Lets a picture of this size pass.

    Raises:
        MediaError: it has no pixels, or too many.
    """
    width, height = size
    if width * height > max_pixels:
        raise MediaError(too_large(f"{width} x {height} pixels", max_pixels))
    if not width or not height:
        raise MediaError("the picture has no pixels")


def allow(max_pixels: int) -> None:
    """Makes Pillow's own limit no tighter than ours and keeps its remarks from users.

    Both are global in Pillow and Python. The limit only ever grows, and `warnings.catch_warnings`
    is not safe with threads, so the filter is added once and stays.
    """
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels
    if _OUR_WARNINGS not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")


def too_large(what: str, max_pixels: int) -> str:
    """Returns why a picture is refused, and the way out."""
    return (
        f"{what} is above the limit of {max_pixels / 1e6:g} megapixels. Raise it with "
        "--max-megapixels or ATISBO_MAX_MEGAPIXELS if you trust the file"
    )


def _damage(error: Exception, head: bytes) -> str:
    kind = described(head) or "a picture"
    text = str(error).strip().rstrip(".") or type(error).__name__
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"truncated: begins like {kind}, but its end is missing ({text})"
    if _NOT_OURS.search(text):
        return f"unusual or damaged: {kind} of a sort that cannot be decoded ({text})"
    return f"damaged: begins like {kind}, but cannot be decoded ({text})"
