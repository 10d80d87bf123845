"""The blocks of metadata in an opened picture, wherever its format keeps them."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard, cast

from PIL import ExifTags, Image

from indexer.media import exif, iptc
from indexer.media.boxes import boxes, content
from indexer.media.damage import DAMAGE
from indexer.media.exif import Exif, Tag, Value

if TYPE_CHECKING:  # readers of formats are loaded with the first picture, not before
    from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
    from PIL.TiffImagePlugin import TiffImageFile

_TIFF_IPTC, _TIFF_PHOTOSHOP = 33723, 34377
_JP2_EXIF = b"JpgTiffExif->JP2"
_JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_JP2_IPTC = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_MAX_BOX_BYTES = 2_000_000
_PROFILE = "Raw profile type "  # ImageMagick's way to keep blocks in a PNG: as digits


def exif_of(image: Image.Image) -> Exif:
    """Returns the wanted tags of the picture, as far as they are whole."""
    if _is_tiff(image):
        return _tiff_exif(image)
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        block = _raw_profile(image, "exif") or _raw_profile(image, "APP1")
        block = block or _box(image, _JP2_EXIF)
    return exif.parsed(block)


def xmp_of(image: Image.Image) -> bytes | str:
    """Returns the picture's packet of XMP, empty where it has none."""
    for name in ("xmp", "XML:com.adobe.xmp"):
        packet = image.info.get(name)
        if isinstance(packet, bytes | str):
            return packet
    return _raw_profile(image, "xmp") or _box(image, _JP2_XMP)


def iptc_of(image: Image.Image) -> bytes:
    """Returns the picture's block of IPTC records, empty where it has none."""
    if _is_tiff(image):
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
    return iptc.among_resources(profile) or profile or _box(image, _JP2_IPTC)


def _is_tiff(image: Image.Image) -> "TypeGuard[TiffImageFile]":
    return image.format == "TIFF"


def _is_jpeg2000(image: Image.Image) -> "TypeGuard[Jpeg2KImageFile]":
    return image.format == "JPEG2000"


def _tiff_exif(image: "TiffImageFile") -> Exif:
    # Pillow has read a TIFF's own tags by itself, at places anywhere in a file of any length.
    tags = _tiff_tags(image.tag_v2)
    try:
        inner = _tiff_tags(image.getexif().get_ifd(ExifTags.IFD.Exif))
    except DAMAGE:
        inner = {}
    try:
        gps = _tiff_tags(image.getexif().get_ifd(ExifTags.IFD.GPSInfo))
    except DAMAGE:
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
        except DAMAGE:
            continue
    return found


def _opaque(image: "TiffImageFile", tag: int) -> bytes:
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


def _box(image: Image.Image, name: bytes) -> bytes:
    """Returns what a JPEG 2000 keeps under a name of 16 bytes; Pillow passes such boxes over.

    Only as long as the picture is not loaded: then Pillow lets go of the file.
    """
    if not _is_jpeg2000(image):
        return b""
    file = cast("BinaryIO | None", image.fp)
    if file is None or file.closed:
        return b""
    before = file.tell()
    try:
        for box in boxes(file, 0, file.seek(0, os.SEEK_END)):
            if box.kind == b"uuid" and content(file, box, len(name)) == name:
                return content(file, box, _MAX_BOX_BYTES)[len(name) :]
    except OSError:
        pass
    finally:
        file.seek(before)
    return b""
