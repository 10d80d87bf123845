"""Sidecars of XMP: words beside a picture, `a.xmp` or `a.jpg.xmp`, as raw developers write them."""

from collections.abc import Sequence
from pathlib import Path

from indexer.errors import MediaError
from indexer.media import words, xmp
from indexer.media.words import Word

XMP_SUFFIX = ".xmp"


def sidecar_words(path: Path) -> Sequence[Word]:
    """Returns the captions in a sidecar, and where each stands: ("xmp:dc:title", "Lake").

    None at all where it holds settings of a developer alone, which is common.

    Raises:
        MediaError: it cannot be read, or is no XMP; the message is the reason.
    """
    try:
        with path.open("rb") as file:
            packet = file.read(xmp.MAX_BYTES + 1)
    except OSError as error:
        raise MediaError(f"the file cannot be read: {error.strerror}") from error
    if not packet:
        raise MediaError("the file is empty")
    try:
        return words.chosen(words.of_xmp(xmp.parsed(packet)))
    except xmp.NotXmp as error:
        raise MediaError(f"not XMP: it {error}") from error
