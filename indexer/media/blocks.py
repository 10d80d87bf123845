"""The blocks of metadata in an opened picture, wherever its format keeps them."""

import struct
from collections.abc import Mapping
from typing import Any

from PIL import ExifTags, Image, TiffImagePlugin

from indexer.media import exif, iptc
from indexer.media.exif import Exif, Tag, Value

_TIFF_IPTC, _TIFF_PHOTOSHOP = 33723, 34377
_PROFILE = "Raw profile type "  # ImageMagick's way to keep blocks in a PNG: as digits

# What Pillow raises where a TIFF file's directories are damaged.
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
)


def exif_of(image: Image.Image) -> Exif:
    """Returns the wanted tags of the picture, as far as they are whole."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return _tiff_exif(image)
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        block = _raw_profile(image, "exif") or _raw_profile(image, "APP1")
    return exif.parsed(block)


def xmp_of(image: Image.Image) -> bytes | str:
    """Returns the picture's packet of XMP, empty where it has none."""
    for name in ("xmp", "XML:com.adobe.xmp"):
        packet = image.info.get(name)
        if isinstance(packet, bytes | str):
            return packet
    return _raw_profile(image, "xmp")


def iptc_of(image: Image.Image) -> bytes:
    """Returns the picture's block of IPTC records, empty where it has none."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        block = _opaque(image, _TIFF_IPTC)
        return block or iptc.among_resources(_opaque(image, _TIFF_PHOTOSHOP))
    resources = image.info.get("photoshop")  # of a JPEG
    if isinstance(resources, Mapping):
        records = resources.get(iptc.RESOURCE)
        return records if isinstance(records, bytes) else b""
    others = image.info.get("metadata")  # of HEIF
    for one in others if isinstance(others, list) else ():
        if isinstance(one, Mapping) and one.get("type") == "iptc":
            records = one.get("data")
            return records if isinstance(records, bytes) else b""
    profile = _raw_profile(image, "iptc")
    return iptc.among_resources(profile) or profile


def _tiff_exif(image: TiffImagePlugin.TiffImageFile) -> Exif:
    # Pillow has read a TIFF's own tags by itself, at places anywhere in a file of any length.
    tags = _tiff_tags(image.tag_v2)
    try:
        inner = _tiff_tags(image.getexif().get_ifd(ExifTags.IFD.Exif))
    except _DAMAGE:
        inner = {}
    try:
        gps = _tiff_tags(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except _DAMAGE:
        gps = {}
    order = ">" if image.tag_v2.prefix == b"MM" else "<"
    return Exif(order, {**inner, **tags}, gps)


def _tiff_tags(directory: Mapping[int, Any]) -> dict[int, Value]:
    found: dict[int, Value] = {}
    for tag in Tag:
        try:
            value = directory.get(tag)
            if isinstance(value, str):
                found[tag] = value.encode("latin-1", "replace")  # as which Pillow has read it
            elif isinstance(value, bytes):
                found[tag] = value
            elif value is not None:
                parts = value if isinstance(value, tuple) else (value,)
                found[tag] = tuple(float(part) for part in parts)
        except _DAMAGE:
            continue
    return found


def _opaque(image: TiffImagePlugin.TiffImageFile, tag: int) -> bytes:
    """Returns the bytes of a tag, whatever it is declared to be.

    Photoshop calls its records numbers of 32 bits, of which Pillow's own way in gives the first.
    """
    value = getattr(image.tag_v2, "_tagdata", {}).get(tag)
    return value if isinstance(value, bytes) else b""


def _raw_profile(image: Image.Image, name: str) -> bytes:
    text = image.info.get(_PROFILE + name)
    if not isinstance(text, str):
        return b""
    lines = text.split("\n")
    try:
        return bytes.fromhex("".join(lines[3:]))  # an empty line, the name, the length
    except ValueError:
        return b""
