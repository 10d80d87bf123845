"""A picture as people see it: upright, RGB, and no larger than is of use."""

from collections.abc import Callable

from PIL import ExifTags, Image

from indexer.media.colours import of_camera
from indexer.media.damage import DAMAGE, Size
from indexer.media.rgb import to_srgb, workable

_SCALED_DECODING = _CAMERA_FORMATS = frozenset({"JPEG", "MPO"})
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

Reduction = Callable[[Size], float]
"""How many times smaller than a picture of this size the result may be."""


def upright_rgb(
    image: Image.Image, reduction: Reduction, size: Size | None = None
) -> tuple[Image.Image, Size]:
    """Returns the image, or its frame at hand, as RGB, upright and reduced, without metadata.

    Also returns the upright original's size, made from `size` where that is not the image's own.
    What codecs raise passes through.
    """
    width, height = size or image.size
    if image.format in _SCALED_DECODING and (factor := int(reduction(image.size))) > 1:
        image.draft(None, (image.width // factor, image.height // factor))
    profile = image.info.get("icc_profile")
    image.load()
    if not profile and image.format in _CAMERA_FORMATS:
        profile = of_camera(image)
    orientation = _orientation(image)  # after loading, because Pillow turns TIFF by itself
    small = workable(image)
    if (factor := int(reduction(small.size))) > 1:
        small = small.reduce(factor)
    rgb = to_srgb(small, profile if isinstance(profile, bytes) else None)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if orientation in _ON_THEIR_SIDE:
        width, height = height, width
    rgb.info.clear()  # later steps might act on it again
    return rgb, (width, height)


def upright_size(image: Image.Image, size: Size) -> Size:
    """Returns that size of the picture as it is upright; decodes no pixels."""
    return size[::-1] if _orientation(image) in _ON_THEIR_SIDE else size


def _orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation, 1 (upright) where it is absent or its block is broken."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except DAMAGE:
        return 1
    return value if isinstance(value, int) else 1
