"""Pictures with blocks of metadata, made in code."""

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import ExifTags, Image
from pillow_heif import register_heif_opener

from indexer.media.metadata import read_metadata

register_heif_opener()

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    ' xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    ' xmlns:digiKam="http://www.digikam.org/ns/1.0/"'
    ' xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/">'
)
TAIL = "</rdf:RDF></x:xmpmeta>"


def packet(inside: str) -> bytes:
    """XMP with these properties, as elements."""
    return f'{HEAD}<rdf:Description rdf:about="">{inside}</rdf:Description>{TAIL}'.encode()


def languages(name: str, *texts: tuple[str, str]) -> str:
    entries = "".join(f'<rdf:li xml:lang="{lang}">{text}</rdf:li>' for lang, text in texts)
    return f"<{name}><rdf:Alt>{entries}</rdf:Alt></{name}>"


def bag(name: str, *texts: str) -> str:
    entries = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{name}><rdf:Bag>{entries}</rdf:Bag></{name}>"


def exif_with(
    main: dict[int, Any] | None = None,
    inner: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
) -> Image.Exif:
    block = Image.Exif()
    block.update(main or {})
    block.get_ifd(ExifTags.IFD.Exif).update(inner or {})
    block.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    return block


def opened(kind: str = "JPEG", **saving: Any) -> Image.Image:
    content = BytesIO()
    Image.new("RGB", (16, 16)).save(content, kind, **saving)
    return Image.open(content)


def iptc_block(*records: tuple[int, int, bytes], charset: bytes = b"") -> bytes:
    if charset:
        records = ((1, 90, charset), *records)
    return b"".join(
        struct.pack(">BBBH", 0x1C, record, number, len(value)) + value
        for record, number, value in records
    )


def with_iptc(block: bytes) -> Image.Image:
    """A JPEG with these records among Photoshop's resources."""
    content = BytesIO()
    Image.new("RGB", (16, 16)).save(content, "JPEG")
    resource = (
        b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + b"\0" * (len(block) % 2)
    )
    segment = b"Photoshop 3.0\0" + resource
    marker = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    whole = content.getvalue()
    return Image.open(BytesIO(whole[:2] + marker + whole[2:]))


def words(image: Image.Image) -> Sequence[tuple[str, str]]:
    return read_metadata(image).words


def wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"
