"""The tables of raw files: where their previews lie and how large the original is."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from indexer.media.damage import Size

TIFF_STARTS = (b"II*\0", b"MM\0*")
_ORDERS = {b"II": "<", b"MM": ">"}
_MAGICS = frozenset({42, 0x55, 0x4F52, 0x5352})  # TIFF; Panasonic, Olympus (two)
_FUJI = b"FUJIFILMCCD-RAW"
_FUJI_PREVIEW = 84  # its header has the preview's place and length here
_MAX_TABLES = 64
_MAX_ENTRIES = 1024
_MAX_VALUES = 64

_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC = 0x100, 0x101, 0x103, 0x106
_STRIPS, _STRIP_LENGTHS, _SUBTABLES = 0x111, 0x117, 0x14A
_JPEG, _JPEG_LENGTH, _PANASONIC_JPEG = 0x201, 0x202, 0x2E
_WANTED = frozenset(
    (_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _STRIP_LENGTHS, _SUBTABLES)
) | {_JPEG, _JPEG_LENGTH}
_JPEG_COMPRESSIONS = frozenset({6, 7})
_SENSOR = frozenset({32803, 34892})  # photometric interpretations: colour filter array, linear raw
_FORMS = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I"}  # types of numbers that matter here

Place = tuple[int, int]
"""Offset and length in bytes."""
_Table = Mapping[int, Sequence[int]]


def layout(stream: BinaryIO) -> tuple[Size | None, Sequence[Place]]:
    """Returns the size of the largest picture that is spoken of, and previews, longest first.

    Whether a preview is one has to be looked at. Nothing is raised for what is damaged.
    """
    stream.seek(0)
    head = stream.read(_FUJI_PREVIEW + 8)
    if head.startswith(_FUJI) and len(head) == _FUJI_PREVIEW + 8:
        place = struct.unpack_from(">II", head, _FUJI_PREVIEW)
        return None, [(place[0], place[1])]
    sizes: list[Size] = []
    places: set[Place] = set()
    for table in _tables(stream, head):
        if table.get(_WIDTH) and table.get(_HEIGHT):
            sizes.append((table[_WIDTH][0], table[_HEIGHT][0]))
        places.update(_previews(table))
    longest = sorted((place for place in places if all(place)), key=lambda place: -place[1])
    return max(sizes, key=lambda size: size[0] * size[1], default=None), longest


def _previews(table: _Table) -> Iterator[Place]:
    if table.get(_JPEG) and table.get(_JPEG_LENGTH):
        yield table[_JPEG][0], table[_JPEG_LENGTH][0]
    if table.get(_PANASONIC_JPEG):
        yield table[_PANASONIC_JPEG][0], table[_PANASONIC_JPEG][1]
    is_jpeg = bool(_JPEG_COMPRESSIONS & set(table.get(_COMPRESSION, ())))
    is_sensor = bool(_SENSOR & set(table.get(_PHOTOMETRIC, ())))
    strips, lengths = table.get(_STRIPS, ()), table.get(_STRIP_LENGTHS, ())
    if is_jpeg and not is_sensor and len(strips) == len(lengths) == 1:
        yield strips[0], lengths[0]


def _tables(stream: BinaryIO, head: bytes) -> Iterator[_Table]:
    order = _ORDERS.get(head[:2])
    if order is None or len(head) < 8:
        return
    magic, first = struct.unpack_from(f"{order}HI", head, 2)
    if magic not in _MAGICS:
        return
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < _MAX_TABLES:
        at = waiting.pop()
        if at in seen or not at:
            continue
        seen.add(at)
        table, following = _table(stream, order, at)
        waiting += [*following, *table.get(_SUBTABLES, ())]
        yield table


def _table(stream: BinaryIO, order: str, at: int) -> tuple[_Table, Sequence[int]]:
    """Returns the table's numbers that matter, and where the next one is."""
    stream.seek(at)
    start = stream.read(2)
    if len(start) < 2:
        return {}, []
    (count,) = struct.unpack(f"{order}H", start)
    if count > _MAX_ENTRIES:
        return {}, []
    entries = stream.read(12 * count + 4)
    table: dict[int, Sequence[int]] = {}
    for start_of_entry in range(0, min(12 * count, len(entries) - 11), 12):
        tag, kind, values = struct.unpack_from(f"{order}HHI", entries, start_of_entry)
        inside = entries[start_of_entry + 8 : start_of_entry + 12]
        if tag == _PANASONIC_JPEG:
            table[tag] = [struct.unpack(f"{order}I", inside)[0], values]
        elif tag in _WANTED and kind in _FORMS and values <= _MAX_VALUES:
            table[tag] = _numbers(stream, f"{order}{values}{_FORMS[kind]}", inside, order)
    end = entries[12 * count :]
    return table, struct.unpack(f"{order}I", end) if len(end) == 4 else []


def _numbers(stream: BinaryIO, form: str, inside: bytes, order: str) -> Sequence[int]:
    """Returns the values of an entry, which lie in it if they fit, else where it points to."""
    length = struct.calcsize(form)
    if length > 4:
        stream.seek(struct.unpack(f"{order}I", inside)[0])
        inside = stream.read(length)
    return struct.unpack_from(form, inside) if len(inside) >= length else ()
