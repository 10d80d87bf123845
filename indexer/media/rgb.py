"""Any picture as RGB in the sRGB colour space, which is what models were trained on."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_FULL_SCALES = (255, 1023, 4095, 16383, 65535)  # 8, 10, 12, 14 and 16 bits
_DEEP = frozenset({"I", "F"})  # and every "I;..."
_KEPT = frozenset({"L", "LA", "RGB", "RGBA", "CMYK", "LAB"})
_ICC_MODES = {
    "RGB": "RGB ",
    "CMYK": "CMYK",
    "L": "GRAY",
}  # our mode -> colour space named in a profile
_KEPT_TRANSFORMS = 64  # a photo collection has a handful of profiles; one transform is about 100 kB


def workable(image: Image.Image) -> Image.Image:
    """Returns the picture in a mode that can be reduced without loss of meaning.

    That is L, LA, RGB, RGBA, CMYK or LAB: palettes are resolved, deep grey is scaled to 8 bits.
    """
    if image.mode in _DEEP or image.mode.startswith("I;"):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode == "La":
        return image.convert("LA")
    if image.has_transparency_data:
        return image if image.mode in {"LA", "RGBA"} else image.convert("RGBA")
    if image.mode in _KEPT:
        return image
    return image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Returns a workable picture as RGB: transparent parts white, wide-gamut colours as sRGB.

    A profile that is broken, or made for other colours than the picture has, is left aside.
    """
    if image.mode in {"LA", "RGBA"}:
        image = _on_white(image)  # before colours are changed: white is white in all of them
    if image.mode == "LAB":
        return _apply(_from_lab(), image)
    if profile and image.mode in _ICC_MODES:
        transform = _transform(profile, image.mode)
        if transform is not None:
            return _apply(transform, image)
    return image.convert("RGB")


def _eight_bits(deep: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Returns the grey values as uint8, same shape, scaled so that shades survive.

    Files do not say which value is white: 12 bits often lie in 16. The smallest usual full scale
    that holds the brightest pixel is taken; floats up to 1 are taken as 0 to 1; values outside all
    of them (heights, temperatures) are stretched from lowest to highest.
    """
    values = np.nan_to_num(deep.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if np.issubdtype(deep.dtype, np.floating) and low >= 0 and high <= 1:
        full = 1.0
    else:
        fitting = (scale for scale in _FULL_SCALES if low >= 0 and high <= scale)
        full = next(fitting, 0.0)
    if not full:
        values -= low
        full = high - low
    values *= 255 / full
    return np.asarray(np.rint(values, out=values), dtype=np.uint8)


def _on_white(image: Image.Image) -> Image.Image:
    """Returns the picture laid on white: what a browser page or a print would show."""
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _apply(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    converted = Image.new("RGB", image.size)
    transform.apply(image, converted)
    return converted


@lru_cache(maxsize=_KEPT_TRANSFORMS)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Returns the way from this profile to sRGB; None where there is none or none is needed."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space != _ICC_MODES[mode]:
            return None
        if mode == "RGB" and _is_srgb(source):
            return None
        return ImageCms.ImageCmsTransform(source, _srgb(), mode, "RGB")
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    name = profile.profile.profile_description or ""
    return name.lower().startswith(("srgb", "c2"))  # c2: the tiny sRGB that Facebook writes


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=1)
def _from_lab() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.ImageCmsTransform(lab, _srgb(), "LAB", "RGB")
