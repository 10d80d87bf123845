"""EXIF: the tags of use out of a block of bytes, each for itself.

Pillow reads such blocks too, but gives up a whole directory for one broken tag, and decodes them
all, maker's notes with them. Cameras and programs break tags often enough.
"""

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from indexer.media.texts import decoded

Value = bytes | tuple[float, ...]
"""Text and opaque tags as they are, all others as numbers: nan where a divisor is zero."""


class Tag(IntEnum):
    """The tags that tell something about a picture; numbers below 5 stand in the GPS directory."""

    GPS_LATITUDE_REF = 1
    GPS_LATITUDE = 2
    GPS_LONGITUDE_REF = 3
    GPS_LONGITUDE = 4
    IMAGE_DESCRIPTION = 0x010E
    MAKE = 0x010F
    MODEL = 0x0110
    SOFTWARE = 0x0131
    DATE_TIME = 0x0132
    EXIF_DIRECTORY = 0x8769
    GPS_DIRECTORY = 0x8825
    DATE_TIME_ORIGINAL = 0x9003
    DATE_TIME_DIGITIZED = 0x9004
    OFFSET_TIME = 0x9010
    OFFSET_TIME_ORIGINAL = 0x9011
    OFFSET_TIME_DIGITIZED = 0x9012
    USER_COMMENT = 0x9286
    SUB_SEC_TIME = 0x9290
    SUB_SEC_TIME_ORIGINAL = 0x9291
    SUB_SEC_TIME_DIGITIZED = 0x9292
    XP_TITLE = 0x9C9B
    XP_COMMENT = 0x9C9C
    XP_KEYWORDS = 0x9C9E
    XP_SUBJECT = 0x9C9F


_WANTED = frozenset(Tag)
_PREFIX = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_MAX_VALUE_BYTES = 200_000  # longer than any text a person types
_MAX_ENTRIES = 1_000

_OPAQUE = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # not in any text: a maker's own data
_TEXT = frozenset({1, 2, 7, 129})  # bytes, ASCII, undefined, and the UTF-8 of EXIF 3.0
_NUMBERS = {3: "H", 4: "I", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_RATIONALS = {5: "I", 10: "i"}


@dataclass(frozen=True, slots=True)
class Exif:
    """The wanted tags of a picture; `order` is "<" or ">", the byte order of its block."""

    order: str = "<"
    tags: Mapping[int, Value] = field(default_factory=dict)
    gps: Mapping[int, Value] = field(default_factory=dict)

    def text(self, tag: Tag) -> str:
        """Returns the tag as text, empty where it is absent or no text."""
        value = self.tags.get(tag)
        return _text(value) if isinstance(value, bytes) else ""

    def gps_text(self, tag: Tag) -> str:
        """As `text`, from the GPS directory."""
        value = self.gps.get(tag)
        return _text(value) if isinstance(value, bytes) else ""

    def wide_text(self, tag: Tag) -> str:
        """Returns one of Windows' tags, which hold UTF-16 whatever the block's order."""
        value = self.tags.get(tag)
        return value.decode("utf-16-le", "replace").rstrip("\0") if isinstance(value, bytes) else ""

    def comment(self) -> str:
        """Returns the user comment, read by the character set that its first 8 bytes name."""
        value = self.tags.get(Tag.USER_COMMENT)
        if not isinstance(value, bytes):
            return ""
        name, content = value[:8].rstrip(b"\0 ").upper(), value[8:]
        if name == b"UNICODE":
            return _utf16(content, self.order)
        content = content.strip(b"\0 ")
        if name == b"JIS":
            return _japanese(content)
        if name not in (b"ASCII", b""):
            content = value.strip(b"\0 ")  # programs that know no prefix begin with their text
        return "" if _OPAQUE.search(content) else decoded(content)

    def numbers(self, tag: Tag) -> tuple[float, ...]:
        """Returns a tag of the GPS directory as numbers, empty where it is absent or text."""
        value = self.gps.get(tag, ())
        return value if isinstance(value, tuple) else ()


def parsed(block: bytes) -> Exif:
    """Returns the wanted tags of an EXIF block; what is broken in it is left out."""
    while block.startswith(_PREFIX):
        block = block[len(_PREFIX) :]
    order = _ORDERS.get(block[:4])
    if order is None or len(block) < 8:
        return Exif()
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    tags = _directory(block, start, order)
    inner = _directory(block, _offset(tags, Tag.EXIF_DIRECTORY), order)
    gps = _directory(block, _offset(tags, Tag.GPS_DIRECTORY), order)
    return Exif(order, {**inner, **tags}, gps)


def _offset(tags: Mapping[int, Value], tag: Tag) -> int:
    value = tags.get(tag)
    number = value[0] if isinstance(value, tuple) and value else 0.0
    return int(number) if math.isfinite(number) else 0


def _directory(block: bytes, start: int, order: str) -> dict[int, Value]:
    if not 0 < start <= len(block) - 2:
        return {}
    (count,) = struct.unpack_from(f"{order}H", block, start)
    entry = struct.Struct(f"{order}HHI4s")
    start += 2
    whole = min(count, _MAX_ENTRIES, (len(block) - start) // entry.size)
    found: dict[int, Value] = {}
    for tag, kind, length, inline in entry.iter_unpack(block[start : start + whole * entry.size]):
        if tag in _WANTED and tag not in found:
            value = _value(block, kind, length, inline, order)
            if value is not None:
                found[tag] = value
    return found


def _value(block: bytes, kind: int, length: int, inline: bytes, order: str) -> Value | None:
    if kind in _TEXT:
        form, each = "", 1
    elif kind in _NUMBERS:
        form = _NUMBERS[kind]
        each = struct.calcsize(f"={form}")
    elif kind in _RATIONALS:
        form, each = _RATIONALS[kind], 8
    else:
        return None
    size = length * each
    if size > _MAX_VALUE_BYTES:
        return None
    if size > len(inline):
        (at,) = struct.unpack(f"{order}I", inline)
        raw = block[at : at + size]
    else:
        raw = inline[:size]
    if len(raw) < size:
        return None
    if not form:
        return raw
    numbers = struct.unpack(f"{order}{size // struct.calcsize(f'={form}')}{form}", raw)
    if kind in _RATIONALS:
        return tuple(
            top / bottom if bottom else math.nan
            for top, bottom in zip(numbers[::2], numbers[1::2], strict=True)
        )
    return tuple(float(number) for number in numbers)


def _text(raw: bytes) -> str:
    # What follows a zero is what the buffer held before.
    return decoded(raw.partition(b"\0")[0]).strip()


def _utf16(raw: bytes, order: str) -> str:
    """Returns what a program wrote as "Unicode": UTF-16 in either order, or plain UTF-8."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace").rstrip("\0")
    if b"\0" not in raw.rstrip(b"\0") and raw.isascii():
        return raw.rstrip(b"\0").decode("ascii")
    own, other = ("utf-16-le", "utf-16-be") if order == "<" else ("utf-16-be", "utf-16-le")
    # The standard leaves the order open, and half of the programs take the other one. The wrong
    # order turns letters and spaces into signs from all over Unicode.
    texts = [raw.decode(name, "replace").rstrip("\0") for name in (own, other)]
    return max(texts, key=_common)


def _common(text: str) -> float:
    """Returns the share of characters that nearly all texts are made of."""
    common = sum(one < "\u0250" or "\u3000" <= one < "\u3100" for one in text)
    return (common - text.count("\ufffd") - text.count("\0")) / max(1, len(text))


def _japanese(raw: bytes) -> str:
    for name in ("iso2022_jp", "shift_jis", "euc_jp"):
        try:
            return raw.decode(name)
        except UnicodeDecodeError:
            continue
    return decoded(raw)
