"""A film at a glance: small pictures of its moments side by side, in one."""

from collections.abc import Sequence
from io import BytesIO
from typing import TypeVar

from PIL import (
    Image,
    ImageOps,
    WebPImagePlugin,  # noqa: F401  imported for its registration with Pillow
)

TILE_HEIGHT = 160
MOST_TILES = 50

_WIDEST = 320  # 50 of these are 16,000 pixels; WebP ends at 16,383
_NARROWEST = 60
_USUAL = 16 / 9
_EMPTY = (128, 128, 128)
_QUALITY = 75

_T = TypeVar("_T")


def evenly(things: Sequence[_T], most: int) -> list[_T]:
    """Returns at most that many of them, in order: the i-th of n stands at i * len(things) // n."""
    count = min(most, len(things))
    return [things[index * len(things) // count] for index in range(count)]


def strip(previews: Sequence[bytes | None]) -> bytes:
    """Returns one WebP of tiles of one width, 160 pixels high; grey where a preview is missing."""
    tiles = [_opened(preview) for preview in previews]
    ratio = next((tile.width / tile.height for tile in tiles if tile is not None), _USUAL)
    width = min(_WIDEST, max(_NARROWEST, round(TILE_HEIGHT * ratio)))
    whole = Image.new("RGB", (width * len(tiles), TILE_HEIGHT), _EMPTY)
    for index, tile in enumerate(tiles):
        if tile is not None:
            whole.paste(ImageOps.fit(tile, (width, TILE_HEIGHT)), (index * width, 0))
    encoded = BytesIO()
    whole.save(encoded, "WEBP", quality=_QUALITY, method=0)
    return encoded.getvalue()


def _opened(preview: bytes | None) -> Image.Image | None:
    if preview is None:
        return None
    with Image.open(BytesIO(preview), formats=["WEBP"]) as tile:
        return tile.convert("RGB")
