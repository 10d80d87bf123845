"""Parquet shards: bytes of pictures in one column, captions in others, a picture to a row.

What img2dataset writes (`jpg`, `caption`), what Hugging Face's data sets are (`image` with `bytes`
and `path`), and tables alike; a row may hold several pictures. Read by batches of rows, and only
the columns that matter.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Any, BinaryIO

from indexer.errors import MediaError
from indexer.media.shard_pictures import MAX_PICTURE_BYTES, ShardPictures
from indexer.media.shard_words import Words, is_caption_name, words_of
from indexer.media.signature import HEAD_BYTES, described, is_readable_picture
from indexer.types import Facts, Sample

if TYPE_CHECKING:
    from pyarrow import DataType
    from pyarrow.parquet import ParquetFile

_BUFFER_BYTES = 2**22  # read of a column at once: a column chunk of a gigabyte is not held whole
_BATCH_BYTES = 2**24
_BATCH_ROWS = 256
_SNIFFED_ROWS = 64
_MEMBER = re.compile(r"row:(\d+)(?::(\d+))?(?:\.\w+)?")
_PICTURES = re.compile(
    r"(?:image|img|picture|photo|jpe?g|png|webp)s?(?:_?(?:bytes|data|\d+))?", re.IGNORECASE
)
_SUFFIXES = {
    "a JPEG picture": ".jpg",
    "a PNG picture": ".png",
    "a GIF picture": ".gif",
    "a BMP picture": ".bmp",
    "a TIFF picture": ".tif",
    "a JPEG 2000 picture": ".jp2",
    "a WebP picture": ".webp",
    "an AVIF picture": ".avif",
    "a HEIC picture": ".heic",
}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Which columns hold pictures, and which captions."""

    pictures: Sequence[str]
    captions: Sequence[str]


def holds_pictures(stream: BinaryIO) -> bool:
    """Whether the first rows of the parquet file hold a picture; damage is no answer."""
    try:
        with closing(_opened(stream)) as file:
            named = _columns(file).pictures
            return any(_shows_pictures(file, name) for name in named)
    except MediaError:
        return False


def read_parquet(stream: BinaryIO, pictures: ShardPictures) -> Iterator[Sample | Facts]:
    """Yields each picture of the shard, then its captions, and at the end what was left out.

    Rows without a picture, as img2dataset leaves where a download failed, are passed over.
    Positions are counted alike whether or not a picture can be decoded.

    Raises:
        MediaError: not one picture could be read.
    """
    with closing(_opened(stream)) as file:
        columns = _columns(file)
        if not columns.pictures:
            raise MediaError(
                f"there is no picture in it: its columns are {', '.join(file.schema_arrow.names)}"
            )
        slots, lost = count(), list[str]()
        for number, row in _rows(file, [*columns.pictures, *columns.captions], lost):
            first = None
            held = _pictures_of(row, columns.pictures)
            for place, data in enumerate(held):
                if data is not None:
                    position = next(slots)
                    sample = _sample(data, position, number, place, pictures)
                    if sample is not None:
                        first = position if first is None else first
                        yield sample
            if any(data is not None for data in held):
                yield from _captions(row, columns.captions, first, slots)
        yield pictures.facts("; ".join(lost) or None)


def parquet_member(stream: BinaryIO, member: str) -> bytes:
    """Returns the bytes of a picture as `Sample.member` names it: `row:123.jpg`, `row:123:1.jpg`.

    Raises:
        MediaError: there is no such row, or it holds no picture there.
    """
    found = _MEMBER.fullmatch(member)
    if found is None:
        raise MediaError(f"{member} names no row of a parquet file")
    row, place = int(found[1]), int(found[2] or 0)
    with closing(_opened(stream)) as file:
        columns = _columns(file).pictures
        group = 0
        while group < file.num_row_groups and row >= file.metadata.row_group(group).num_rows:
            row -= file.metadata.row_group(group).num_rows
            group += 1
        if columns and group < file.num_row_groups:
            try:
                some = next(islice(_group(file, group, columns), row, None), {})
            except _damage() as error:
                raise MediaError(_reason(error)) from error
            held = _pictures_of(some, columns)
            if place < len(held) and (data := held[place]) is not None:
                return data
    raise MediaError(f"there is no picture {member} in the shard any more; index it again")


def _opened(stream: BinaryIO) -> "ParquetFile":
    from pyarrow.parquet import (
        ParquetFile,
    )  # takes 0.1 s, which folders without shards need not wait

    try:
        file = ParquetFile(stream, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        file.schema_arrow  # noqa: B018 - it is made when it is first asked for, and may fail
    except _damage() as error:
        raise MediaError(f"no parquet file, or damaged: {_reason(error)}") from error
    return file


def _damage() -> tuple[type[Exception], ...]:
    """Returns what pyarrow raises on damaged files, found by feeding it some."""
    from pyarrow import ArrowException

    return (ArrowException, OSError, ValueError, OverflowError)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _columns(file: "ParquetFile") -> _Columns:
    """Returns the columns that matter: pictures by name, or else by what they begin with."""
    schema = file.schema_arrow
    types = dict(zip(schema.names, schema.types, strict=True))
    able = [name for name, kind in types.items() if _may_hold_pictures(kind)]
    pictures = [name for name in able if _PICTURES.fullmatch(name)]
    return _Columns(
        pictures or [name for name in able if _shows_pictures(file, name)],
        [name for name, kind in types.items() if is_caption_name(name) and _is_text(kind)],
    )


def _may_hold_pictures(kind: "DataType") -> bool:
    """Whether it is bytes, a record with `bytes`, or a list of either."""
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        return _may_hold_pictures(kind.value_type)
    if types.is_struct(kind):
        return any(one.name == "bytes" and _may_hold_pictures(one.type) for one in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _is_text(kind: "DataType") -> bool:
    from pyarrow import types

    if types.is_list(kind) or types.is_large_list(kind):
        return _is_text(kind.value_type)
    if types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_struct(kind))


def _shows_pictures(file: "ParquetFile", column: str) -> bool:
    for _, row in islice(_rows(file, [column], []), _SNIFFED_ROWS):
        for data in _pictures_of(row, [column]):
            if data is not None:
                return is_readable_picture(described(data[:HEAD_BYTES]) or "")
    return False


def _rows(
    file: "ParquetFile", columns: Sequence[str], lost: list[str]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yields the rows with their numbers; a damaged group ends early and is put down in `lost`."""
    start = 0
    for group in range(file.num_row_groups):
        number, end = start, start + file.metadata.row_group(group).num_rows
        try:
            for row in _group(file, group, columns):
                yield number, row
                number += 1
        except _damage() as error:
            lost.append(f"rows {number:,} to {end - 1:,} could not be read ({_reason(error)})")
        start = end


def _group(file: "ParquetFile", group: int, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    facts = file.metadata.row_group(group)
    row_bytes = facts.total_byte_size // max(1, facts.num_rows)
    rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(1, row_bytes)))
    batches = file.iter_batches(rows, row_groups=[group], columns=list(columns), use_threads=False)
    return chain.from_iterable(batch.to_pylist() for batch in batches)


def _pictures_of(row: Mapping[str, Any], columns: Sequence[str]) -> list[bytes | None]:
    """Returns the pictures of a row in the order of its columns, None where one is missing."""
    return list(chain.from_iterable(_bytes_in(row.get(name)) for name in columns))


def _bytes_in(cell: object) -> Iterator[bytes | None]:
    if isinstance(cell, list):
        yield from chain.from_iterable(map(_bytes_in, cell))
    elif isinstance(cell, dict):
        yield cell.get("bytes") or None
    else:
        yield cell if isinstance(cell, bytes) and cell else None


def _sample(
    data: bytes, position: int, row: int, place: int, pictures: ShardPictures
) -> Sample | None:
    name = f"row {row:,}"
    if len(data) > MAX_PICTURE_BYTES:
        pictures.refuse(name, f"{len(data):,} bytes are too many for a picture")
        return None
    suffix = _SUFFIXES.get(described(data[:HEAD_BYTES]) or "", "")
    member = f"row:{row}:{place}{suffix}" if place else f"row:{row}{suffix}"
    return pictures.sample(data, position=position, member=member, name=name)


def _captions(
    row: Mapping[str, Any], columns: Sequence[str], about: int | None, slots: Iterator[int]
) -> Iterator[Sample]:
    words: list[Words] = [one for name in columns for one in words_of(name, row.get(name))]
    said: set[str] = set()
    for origin, text in words:
        if text not in said:
            said.add(text)
            position = next(slots)
            if about is not None:
                yield Sample(text, position=position, about_position=about, origin=origin)
