"""Files of text: decoded, whole or line by line, and made fit to be stored."""

import re
from collections.abc import Iterator
from io import TextIOWrapper

from indexer.errors import MediaError
from indexer.types import SourceFile

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")

MAX_CAPTION = 10_000
"""Longer captions are cut, in characters."""

# Control characters and halves of surrogate pairs, which JSON can spell ("\ud800"): PostgreSQL
# stores neither, UTF-8 cannot spell the latter.
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


def clean(text: str) -> str:
    """Returns the text on one line, without what databases and terminals choke on."""
    return " ".join(_UNSTORABLE.sub(" ", text).split())


def is_storable(text: str) -> bool:
    """Whether the text can go into a database and a file name as it is."""
    return not _UNSTORABLE.search(text)


def decoded(content: bytes) -> str:
    """Returns UTF-8 or marked UTF-16 as text; what is neither is taken for western Windows."""
    if content.startswith(UTF16_MARKS):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def content(source: SourceFile) -> bytes:
    """Returns all bytes of the file.

    Raises:
        MediaError: it cannot be read.
    """
    try:
        return source.location.read_bytes()
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error


def lines(source: SourceFile) -> Iterator[str]:
    """Yields the lines of the file, one at a time, with their ends.

    Raises:
        MediaError: it cannot be read, or is no text.
    """
    try:
        with source.location.open("rb") as file:
            marked = file.read(2) in UTF16_MARKS
            file.seek(0)
            # Line by line, so that one Windows letter does not spoil a UTF-8 file, nor the reverse.
            found = (
                TextIOWrapper(file, "utf-16", "replace", newline="")
                if marked
                else map(decoded, file)
            )
            for line in found:
                if "\0" in line:
                    raise MediaError("not text: it holds zero bytes")
                yield line
    except UnicodeError as error:
        raise MediaError(f"not text: {error}") from error
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error
