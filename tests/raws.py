"""Raw files written in code: TIFF tables with previews and sensor data, as cameras lay them out."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image

SHORT, LONG, RATIONAL, BYTE, ASCII, SRATIONAL = 3, 4, 5, 1, 2, 10
_FORMS = {SHORT: "H", LONG: "I", RATIONAL: "II", BYTE: "B", ASCII: "B", SRATIONAL: "ii"}


@dataclass
class Table:
    """A TIFF directory: `tags` to (type, values), the data of its strip, tables below it."""

    tags: dict[int, tuple[int, Sequence[int]]]
    strip: bytes = b""
    jpeg: bytes = b""
    below: Sequence["Table"] = field(default_factory=list)


def tiff(tables: Sequence[Table], *, order: str = "<", magic: int = 42) -> bytes:
    """Returns a file of these directories, one after the other."""
    out = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", magic, 0))

    def put(data: bytes) -> int:
        out.extend(bytes(len(out) % 2))
        out.extend(data)
        return len(out) - len(data)

    def write(table: Table, link: int) -> int:
        """Writes the directory, its place into `link`; returns where the next one's place goes."""
        tags = dict(table.tags)
        if table.strip:
            tags |= {0x111: (LONG, [put(table.strip)]), 0x117: (LONG, [len(table.strip)])}
        if table.jpeg:
            tags |= {0x201: (LONG, [put(table.jpeg)]), 0x202: (LONG, [len(table.jpeg)])}
        if table.below:
            tags[0x14A] = (LONG, [0] * len(table.below))
        places, entries = {}, b""
        for tag, (kind, values) in sorted(tags.items()):
            per = len(_FORMS[kind])
            data = struct.pack(f"{order}{_FORMS[kind] * (len(values) // per)}", *values)
            places[tag] = put(data) if len(data) > 4 else None
            inside = (
                struct.pack(f"{order}I", places[tag]) if len(data) > 4 else data.ljust(4, b"\0")
            )
            entries += struct.pack(f"{order}HHI", tag, kind, len(values) // per) + inside
        at = put(struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
        struct.pack_into(f"{order}I", out, link, at)
        slot = places.get(0x14A)
        if slot is None:
            slot = at + 2 + 12 * sorted(tags).index(0x14A) + 8 if table.below else 0
        for number, one in enumerate(table.below):
            write(one, slot + 4 * number)
        return at + 2 + len(entries)

    link = 4
    for table in tables:
        link = write(table, link)
    return bytes(out)


def jpeg(size: tuple[int, int]) -> bytes:
    """Returns a JPEG without metadata, red on the left and blue on the right."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=90)
    return encoded.getvalue()


def nef(preview: bytes, *, orientation: int = 1, order: str = ">") -> bytes:
    """Returns a file like Nikon's: a tiny thumbnail, then a preview and sensor data below."""
    thumbnail = Table(
        {
            0xFE: (LONG, [1]),
            0x100: (LONG, [16]),
            0x101: (LONG, [12]),
            0x102: (SHORT, [8, 8, 8]),
            0x103: (SHORT, [1]),
            0x106: (SHORT, [2]),
            0x10F: (ASCII, list(b"NIKON\0")),
            0x112: (SHORT, [orientation]),
            0x115: (SHORT, [3]),
        },
        strip=bytes(16 * 12 * 3),
    )
    sensor = Table(
        {
            0xFE: (LONG, [0]),
            0x100: (LONG, [6000]),
            0x101: (LONG, [4000]),
            0x103: (SHORT, [34713]),
            0x106: (SHORT, [32803]),
        },
        strip=b"\xff\xd8\xff\xc3" + bytes(5000),
    )
    thumbnail.below = [Table({0xFE: (LONG, [1]), 0x103: (SHORT, [6])}, jpeg=preview), sensor]
    return tiff([thumbnail], order=order)


def cr3(preview: bytes, *, orientation: int = 1) -> bytes:
    """Returns a file like Canon's newer ones: boxes, the metadata apart from the preview."""

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), kind) + content

    tags = {0x100: (SHORT, [6000]), 0x101: (SHORT, [4000]), 0x112: (SHORT, [orientation])}
    metadata = box(
        b"uuid", bytes(16) + box(b"CNCV", b"In code") + box(b"CMT1", tiff([Table(tags)]))
    )
    shown = box(b"PRVW", struct.pack(">I4HI", 0, 1, 1620, 1080, 1, len(preview)) + preview)
    return (
        box(b"ftyp", b"crx " + struct.pack(">I", 1) + b"crx isom")
        + box(b"moov", metadata + box(b"mvhd", bytes(100)))
        + box(b"uuid", bytes(16))
        + box(b"uuid", bytes(16) + struct.pack(">II", 0, 1) + shown)
        + box(b"mdat", bytes(10_000))
    )


def dng(size: tuple[int, int], *, orientation: int = 1) -> bytes:
    """Returns a DNG without preview: a mosaic of red on the left and blue on the right."""
    width, height = size
    mosaic = np.zeros((height, width), np.uint16)
    mosaic[0::2, 0 : width // 2 : 2] = 40_000  # red sites
    mosaic[1::2, width // 2 + 1 :: 2] = 40_000  # blue sites
    unit = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    table = Table(
        {
            0xFE: (LONG, [0]),
            0x100: (LONG, [width]),
            0x101: (LONG, [height]),
            0x102: (SHORT, [16]),
            0x103: (SHORT, [1]),
            0x106: (SHORT, [32803]),
            0x10F: (ASCII, list(b"Made\0")),
            0x110: (ASCII, list(b"In code\0")),
            0x112: (SHORT, [orientation]),
            0x115: (SHORT, [1]),
            0x116: (LONG, [height]),
            0x828D: (SHORT, [2, 2]),
            0x828E: (BYTE, [0, 1, 1, 2]),
            0xC612: (BYTE, [1, 4, 0, 0]),
            0xC614: (ASCII, list(b"Made In code\0")),
            0xC61D: (LONG, [65535]),
            0xC621: (SRATIONAL, unit),
            0xC628: (RATIONAL, [1, 1, 1, 1, 1, 1]),
            0xC65A: (SHORT, [21]),
        },
        strip=mosaic.astype("<u2").tobytes(),
    )
    return tiff([table])
