"""Captions: text beside a picture, one a line, and the tables in which data sets ship them."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from indexer.errors import MediaError
from indexer.media.pictures import PictureNames
from indexer.types import Kind, Modality, Sample, SourceFile

SIDECAR_SUFFIX = ".txt"
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json"})
MAX_CAPTION = 10_000
_MAX_SIDECAR_BYTES = 1_000_000
_MAX_JSON_BYTES = 2_000_000_000
_SNIFFED_BYTES = 65_536

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


class CaptionReader:
    """Reads a sidecar or a table; each caption is a sample that names its picture."""

    kind = Kind.CAPTION
    modality = Modality.TEXT

    def __init__(self, pictures: PictureNames) -> None:
        self._pictures = pictures

    def read(self, source: SourceFile) -> Iterator[Sample]:
        if PurePosixPath(source.path).suffix.lower() == SIDECAR_SUFFIX:
            about = self._pictures.beside(source)
            pairs = ((about, text) for text in _lines(source))
        else:
            pairs = ((self._pictures.find(source, name), text) for name, text in _table(source))
        position = 0
        for about, text in pairs:
            if caption := " ".join(text.split()):
                yield Sample(caption[:MAX_CAPTION], position=position, about=about)
                position += 1


def is_caption_table(head: bytes, suffix: str) -> bool:
    """Whether a file that begins like this is a caption table; most .csv and .json are not.

    Args:
        head: The first 64 kB or so.
        suffix: The file's suffix, lower case.
    """
    text = head[:_SNIFFED_BYTES].decode("utf-8-sig", "replace")
    if suffix == ".json":
        squeezed = "".join(text[:4096].split())
        return squeezed.startswith("{") and any(
            word in text for word in ('"annotations"', '"images"', '"captions"')
        )
    first = text.lstrip().partition("\n")[0]
    if suffix in {".jsonl", ".ndjson"}:
        try:
            row = json.loads(first)
        except ValueError:
            return False
        return isinstance(row, dict) and None not in _columns(list(row))
    return None not in _columns(_split(first, _delimiter(first, suffix)))


def _lines(source: SourceFile) -> Iterator[str]:
    if source.size_bytes > _MAX_SIDECAR_BYTES:
        raise MediaError(
            f"{source.size_bytes:,} bytes are too many for a caption file beside a picture "
            f"(limit {_MAX_SIDECAR_BYTES:,})"
        )
    content = _bytes(source)
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MediaError("not text: it holds zero bytes")
    yield from _decoded(content).splitlines()


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _bytes(source: SourceFile) -> bytes:
    try:
        return source.location.read_bytes()
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error


def _table(source: SourceFile) -> Iterator[Pair]:
    match PurePosixPath(source.path).suffix.lower():
        case ".json":
            return _json_table(source)
        case ".jsonl" | ".ndjson":
            return _json_lines(source)
        case suffix:
            return _separated(source, suffix)


def _separated(source: SourceFile, suffix: str) -> Iterator[Pair]:
    lines = _text_lines(source)
    head = next(lines, None)
    if head is None:
        raise MediaError("the file is empty")
    delimiter = _delimiter(head, suffix)
    picture, caption = _wanted(_split(head, delimiter))
    # Flickr30k's results.csv is parted by | and never quoted; quotes in it are part of the text.
    rows = (
        csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        if delimiter == "|"
        else csv.reader(lines, delimiter=delimiter)
    )
    try:
        for row in rows:
            if len(row) > max(picture, caption) and row[picture].strip():
                yield row[picture], row[caption]
    except csv.Error as error:
        raise MediaError(f"line {rows.line_num + 1} is no row of a table: {error}") from error


def _json_lines(source: SourceFile) -> Iterator[Pair]:
    found = False
    keys: list[str] = []
    for line in _text_lines(source):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            keys = keys or list(row)
            for pair in _pairs_of(row):
                found = True
                yield pair
    if not found:
        _wanted(keys)
        raise MediaError("no line holds a picture and a caption")


def _pairs_of(row: Mapping[str, Any]) -> Iterator[Pair]:
    picture, caption = _columns(list(row))
    if picture is None or caption is None:
        return
    values = list(row.values())
    name, captions = values[picture], values[caption]
    for one in captions if isinstance(captions, list) else [captions]:
        text = one.get("raw") or one.get("caption") if isinstance(one, dict) else one
        if isinstance(name, str) and name.strip() and isinstance(text, str):
            yield name, text


def _json_table(source: SourceFile) -> Iterator[Pair]:
    """COCO's caption file, or Karpathy's (`images` with `sentences`); read whole."""
    if source.size_bytes > _MAX_JSON_BYTES:
        raise MediaError(f"{source.size_bytes:,} bytes are too many to read as one JSON document")
    try:
        document = json.loads(_bytes(source))
    except ValueError as error:
        raise MediaError(f"not JSON: {error}") from error
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise MediaError("no caption table: there is no list of images in it")
    annotations = document.get("annotations")
    pairs = _coco(images, annotations) if isinstance(annotations, list) else _karpathy(images)
    if not pairs:
        raise MediaError("no caption table: no image in it has a caption")
    return iter(pairs)


def _coco(images: Sequence[Mapping[str, Any]], annotations: Sequence[Any]) -> list[Pair]:
    names = {image.get("id"): image.get("file_name") for image in images}
    found = [
        (names.get(one.get("image_id")), one.get("caption"))
        for one in annotations
        if isinstance(one, dict)
    ]
    return [(name, text) for name, text in found if isinstance(name, str) and isinstance(text, str)]


def _karpathy(images: Sequence[Mapping[str, Any]]) -> list[Pair]:
    return [pair for image in images for pair in _pairs_of(image)]


def _text_lines(source: SourceFile) -> Iterator[str]:
    """Yields the lines of a table, one at a time."""
    try:
        with source.location.open("rb") as file:
            head = file.read(4)
        encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
        with source.location.open(encoding=encoding, errors="replace", newline="") as text:
            for line in text:
                if "\0" in line:
                    raise MediaError("not text: it holds zero bytes")
                yield line
    except UnicodeError as error:
        raise MediaError(f"not text: {error}") from error
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error


def _delimiter(header: str, suffix: str) -> str:
    if suffix == ".tsv":
        return "\t"
    return max(",;|\t", key=header.count)


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line.strip("\r\n")], delimiter=delimiter), [])


def _columns(names: Sequence[str]) -> tuple[int | None, int | None]:
    """Returns the numbers of the picture column and the caption column, None where absent."""
    plain = [name.strip().strip('"').lower().replace(" ", "_").replace("-", "_") for name in names]
    picture = next((plain.index(name) for name in _PICTURE_COLUMNS if name in plain), None)
    caption = next((plain.index(name) for name in _CAPTION_COLUMNS if name in plain), None)
    return picture, caption


def _wanted(header: Sequence[str]) -> tuple[int, int]:
    picture, caption = _columns(header)
    if picture is None or caption is None:
        raise MediaError(
            f"no caption table: its columns are {', '.join(header) or 'none'}; wanted are one of "
            f"{', '.join(_PICTURE_COLUMNS[:4])}, ... and one of "
            f"{', '.join(_CAPTION_COLUMNS[:3])}, ..."
        )
    return picture, caption
