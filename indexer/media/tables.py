"""Tables of captions as data sets ship them: separated text, JSON lines, and JSON documents."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.errors import MediaError
from indexer.media.image import IMAGE_SUFFIXES
from indexer.media.texts import UTF16_MARKS, content, decoded, lines
from indexer.types import SourceFile

if TYPE_CHECKING:
    import _csv  # the only name that the type of csv.reader has before Python 3.13

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json"})
_JSON_LINES = frozenset({".jsonl", ".ndjson"})
_MAX_JSON_BYTES = 2_000_000_000
_SNIFFED_ROWS = 20

# Names that data sets use, most telling first: Flickr8k and 30k, Conceptual Captions, LAION and
# img2dataset, Hugging Face's image folders, COCO.
_PICTURE_COLUMNS = (
    "image",
    "image_path",
    "imagepath",
    "file_name",
    "filename",
    "image_name",
    "image_file",
    "image_id",
    "filepath",
    "file_path",
    "file",
    "img",
    "img_path",
    "photo",
    "picture",
    "path",
)
_CAPTION_COLUMNS = (
    "caption",
    "captions",
    "comment",
    "text",
    "sentence",
    "sentences",
    "description",
    "alt_text",
    "title",
    "raw",
)

Pair = tuple[str, str]
"""A picture as the table names it, and one caption."""

_TOKEN_NUMBER = re.compile(
    r"#\d+$"
)  # Flickr8k.token: "1000268201_693b08cb0e.jpg#0<TAB>A child ..."


class _Columns(NamedTuple):
    """Which columns matter: that of the pictures, those of captions (caption_1, caption_2, ...)."""

    picture: int
    captions: Sequence[int]


def is_caption_table(ends: bytes, suffix: str) -> bool:
    """Whether a file is a caption table; most .csv and .json are not.

    Args:
        ends: The first 64 kB or so; of a .json the last 64 kB too, where COCO has its captions.
        suffix: The file's suffix, lower case.
    """
    if suffix == ".json":
        return _is_json_table(ends)
    whole_lines = ends if ends.startswith(UTF16_MARKS) else ends.rpartition(b"\n")[0] or ends
    first, *rest = decoded(whole_lines).lstrip().split("\n")[: _SNIFFED_ROWS + 1]
    if suffix in _JSON_LINES:
        pairs = [pair for line in (first, *rest) for pair in _pairs_of(_parsed(line))]
        return any(map(_names_picture, (name for name, _ in pairs)))
    delimiter, columns = _layout(first, suffix)
    if columns is None:
        return False
    try:
        rows = [row for row in _rows(rest, delimiter) if len(row) > columns.picture]
    except csv.Error:
        return False
    return not rows or any(_names_picture(row[columns.picture]) for row in rows)


def pairs_in(source: SourceFile) -> Iterator[Pair]:
    """Yields each picture as the table names it, with one caption, in the order of the table.

    Rows that are damaged or lack either are passed over.

    Raises:
        MediaError: the file cannot be read, or is no caption table; says what it has instead.
    """
    match PurePosixPath(source.path).suffix.lower():
        case ".json":
            return _json_table(source)
        case ".jsonl" | ".ndjson":
            return _json_lines(source)
        case suffix:
            return _separated(source, suffix)


def _separated(source: SourceFile, suffix: str) -> Iterator[Pair]:
    rest = lines(source)
    head = next(rest, None)
    if head is None:
        raise MediaError("the file is empty")
    delimiter, columns = _layout(head, suffix)
    if columns is None:
        raise _no_table(_split(head, delimiter))
    if _has_no_header(head, delimiter):
        rest = chain([head], rest)
    rows = _rows(rest, delimiter)
    found, damage = False, None
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:  # a quote that is never closed; costs 128 kB, not the table
            damage = damage or (rows.line_num, error)
            continue
        if row is None:
            break
        name = _TOKEN_NUMBER.sub("", row[columns.picture]) if len(row) > columns.picture else ""
        for at in columns.captions if name.strip() else ():
            if at < len(row):
                found = True
                yield name, row[at]
    if damage is not None and not found:
        raise MediaError(f"line {damage[0]} is no row of a table: {damage[1]}") from damage[1]


def _rows(text: Iterable[str], delimiter: str) -> "_csv.Reader":
    # Flickr30k's results.csv is parted by | and never quoted; quotes in it are part of the text.
    if delimiter == "|":
        return csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(text, delimiter=delimiter)


def _layout(head: str, suffix: str) -> tuple[str, _Columns | None]:
    """Returns the delimiter and the columns that a table with this first line has."""
    delimiter = "\t" if suffix == ".tsv" else max(",;|\t", key=head.count)
    if _has_no_header(head, delimiter):
        return delimiter, _Columns(0, [1])
    return delimiter, _columns(_split(head, delimiter))


def _has_no_header(head: str, delimiter: str) -> bool:
    cells = _split(head, delimiter)
    return len(cells) == 2 and _names_picture(cells[0])


def _names_picture(cell: str) -> bool:
    name = _TOKEN_NUMBER.sub("", cell.strip()).replace("\\", "/")
    return PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES


def _json_lines(source: SourceFile) -> Iterator[Pair]:
    found = False
    keys: list[str] = []
    for line in lines(source):
        row = _parsed(line)
        if isinstance(row, dict):
            keys = keys or list(row)
            for pair in _pairs_of(row):
                found = True
                yield pair
    if not found:
        raise (
            MediaError("no line holds a picture and a caption")
            if _columns(keys)
            else _no_table(keys)
        )


def _parsed(line: str) -> Any:
    """Returns what the line says in JSON; None if it is not JSON, or nested without end."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _pairs_of(row: object) -> Iterator[Pair]:
    columns = _columns(list(row)) if isinstance(row, dict) else None
    if columns is None or not isinstance(row, dict):
        return
    values = list(row.values())
    name = values[columns.picture]
    for at in columns.captions if isinstance(name, str) and name.strip() else ():
        for one in values[at] if isinstance(values[at], list) else [values[at]]:
            text = one.get("raw") or one.get("caption") if isinstance(one, dict) else one
            if isinstance(text, str):
                yield name, text


def _is_json_table(ends: bytes) -> bool:
    """Whether the ends of a document have the keys of a layout that `_json_table` reads.

    COCO's boxes begin just like its captions, and settings have "images" too.
    """
    start = ends.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    pictures = (b'"file_name"', b'"filename"', b'"image"')
    captions = (b'"caption"', b'"captions"', b'"sentences"')
    if start != b"[" and not (start == b"{" and b'"images"' in ends):
        return False
    return any(key in ends for key in pictures) and any(key in ends for key in captions)


def _json_table(source: SourceFile) -> Iterator[Pair]:
    """COCO's captions, Karpathy's (`images` with `sentences`), or a list of rows; read whole."""
    if source.size_bytes > _MAX_JSON_BYTES:
        raise MediaError(f"{source.size_bytes:,} bytes are too many to read as one JSON document")
    try:
        document = json.loads(content(source))
    except (ValueError, RecursionError) as error:
        raise MediaError(f"not JSON: {error}") from error
    images = document.get("images") if isinstance(document, dict) else document
    if not isinstance(images, list):
        raise MediaError("no caption table: there is no list of images in it")
    annotations = document.get("annotations") if isinstance(document, dict) else None
    pairs = _coco(images, annotations) if isinstance(annotations, list) else _karpathy(images)
    if not pairs:
        raise MediaError("no caption table: no image in it has a caption")
    return iter(pairs)


def _coco(images: Sequence[object], annotations: Sequence[object]) -> list[Pair]:
    """Pairs of https://cocodataset.org/#format-data; ids are compared as text, 1 equals "1"."""
    names = {
        str(image.get("id")): image.get("file_name") for image in images if isinstance(image, dict)
    }
    found = [
        (names.get(str(one.get("image_id"))), one.get("caption"))
        for one in annotations
        if isinstance(one, dict)
    ]
    return [(name, text) for name, text in found if isinstance(name, str) and isinstance(text, str)]


def _karpathy(images: Sequence[object]) -> list[Pair]:
    return [pair for image in images for pair in _pairs_of(image)]


def _split(line: str, delimiter: str) -> list[str]:
    """Returns the cells of the first line; none if it is no row, as with a line break in a cell."""
    try:
        return next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return []


def _columns(names: Sequence[str]) -> _Columns | None:
    """Returns where pictures and captions are, None if there is no such pair of columns."""
    plain = [re.sub(r"[\s-]+", "_", name.strip().strip('"').lower()) for name in names]
    picture = next((plain.index(name) for name in _PICTURE_COLUMNS if name in plain), None)
    for wanted in _CAPTION_COLUMNS if picture is not None else ():
        same = re.compile(rf"{wanted}(_?\d+)?")
        if captions := [at for at, name in enumerate(plain) if same.fullmatch(name)]:
            return _Columns(picture or 0, captions)
    return None


def _no_table(header: Sequence[str]) -> MediaError:
    return MediaError(
        f"no caption table: its columns are {', '.join(header) or 'none'}; wanted are one of "
        f"{', '.join(_PICTURE_COLUMNS[:4])}, ... and one of "
        f"{', '.join(_CAPTION_COLUMNS[:3])}, ..."
    )
