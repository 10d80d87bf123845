"""Captions in the shards of data sets: text, JSON and columns beside a picture."""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from indexer.media.texts import MAX_CAPTION, UTF16_MARKS, clean, decoded

MAX_TEXT_BYTES = 1_000_000
"""A longer text is no caption, and JSON that is longer holds something else."""

Words = tuple[str, str]
"""Where words stand, as `Sample.origin`, and one caption."""

# Names that data sets give to captions, alone, numbered or with another word before:
# caption, TEXT, caption_0, blip_caption, alt_text.
_CAPTIONS = re.compile(
    r"(?:\w+[_ -])?(?:captions?|text|txt|prompts?|titles?|descriptions?|sentences?|comments?|alt)"
    r"(?:_?\d+)?",
    re.IGNORECASE,
)


def is_caption_name(name: str) -> bool:
    """Whether a column, key or suffix of that name holds captions."""
    return _CAPTIONS.fullmatch(name) is not None


def holds_words(extension: str) -> bool:
    """Whether an entry of a tar shard with this extension, without its first dot, may hold some."""
    last = extension.rpartition(".")[2].lower()
    return last in {"json", "cls"} or is_caption_name(last)


def words_in(raw: bytes, extension: str) -> Iterator[Words]:
    """Yields the captions in an entry of a tar shard; none where it holds no text."""
    if b"\0" in raw and not raw.startswith(UTF16_MARKS):
        return
    text, origin = decoded(raw), f"shard:{extension}"
    match extension.rpartition(".")[2].lower():
        case "json":
            yield from _json_words(text, origin)
        case "cls" if text.strip().isdigit():
            return  # the number of a class says nothing without the list of classes
        case _:
            yield from ((origin, one) for one in _captions(text.splitlines()))


def words_of(name: str, value: object) -> Iterator[Words]:
    """Yields the captions in the cell of a column of captions, or under such a key."""
    return ((f"shard:{name}", one) for one in _captions(_strings(value)))


def _json_words(text: str, origin: str) -> Iterator[Words]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict):
        for key, value in document.items():
            if is_caption_name(key):
                yield from ((f"{origin}:{key}", one) for one in _captions(_strings(value)))
    else:
        yield from ((origin, one) for one in _captions(_strings(document)))


def _strings(value: object) -> Iterator[str]:
    """Yields the strings of a cell: one, a list, or a list of records as COCO's exports have."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from chain.from_iterable(map(_strings, value))
    elif isinstance(value, dict):
        yield from chain.from_iterable(
            _strings(one) for key, one in value.items() if key == "raw" or is_caption_name(key)
        )


def _captions(texts: Iterable[str]) -> Iterator[str]:
    return (caption for text in texts if (caption := clean(text)[:MAX_CAPTION]))
