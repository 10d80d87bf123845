"""WebDataset shards: tar files in which the entries of a sample share a key, read once through.

The key is the name up to the first dot of its last part: `photos/000.jpg`, `photos/000.txt` and
`photos/000.json` are one sample. Entries of a key stand side by side; in a tar made by hand they
may be some thousand entries apart.
"""

import re
import tarfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePosixPath
from typing import BinaryIO, Generic, TypeVar

from indexer.errors import MediaError
from indexer.media.image import IMAGE_SUFFIXES
from indexer.media.shard_pictures import MAX_PICTURE_BYTES, ShardPictures
from indexer.media.shard_words import MAX_TEXT_BYTES, Words, holds_words, words_in
from indexer.media.texts import clean
from indexer.types import Facts, Sample

_SNIFFED_ENTRIES = 256
_REMEMBERED_KEYS = 4096
_MEMBER = re.compile(r"(?s)(?P<stem>.*)@(?P<offset>\d+)(?P<suffix>\.[^./]*)")
# What tarfile raises on damaged headers besides its own errors, found by feeding it some.
_DAMAGE = (tarfile.TarError, ValueError, OverflowError, EOFError)

Value = TypeVar("Value")


class BrokenOff(Exception):
    """The archive cannot be followed any further; the message says where and why."""


class _Flat(tarfile.TarFile):
    """A tar file that can forget the entries that it came by, which a shard has many of."""

    members: list[tarfile.TarInfo]


class _Recent(Generic[Value]):
    """What was put in last, by key."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, Value] = OrderedDict()

    def put(self, key: str, value: Value) -> None:
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > _REMEMBERED_KEYS:
            self._values.popitem(last=False)

    def get(self, key: str) -> Value | None:
        return self._values.get(key)

    def pop(self, key: str) -> Value | None:
        return self._values.pop(key, None)


@dataclass(slots=True)
class _Described:
    """A picture, None where it cannot be read, and what was said of it so far."""

    position: int | None
    said: set[str] = field(default_factory=set)


def holds_pictures(stream: BinaryIO) -> bool:
    """Whether there is a picture among the first entries of the tar file; damage is no answer."""
    try:
        for number, entry in enumerate(_entries(stream)):
            if _is_picture(entry):
                return True
            if number >= _SNIFFED_ENTRIES:
                break
    except BrokenOff:
        return False
    return False


def read_tar(stream: BinaryIO, pictures: ShardPictures) -> Iterator[Sample | Facts]:
    """Yields each picture of the shard, soon its captions, and at the end what was left out.

    Positions are counted alike whether or not a picture can be decoded.

    Raises:
        MediaError: not one picture could be read.
    """
    slots = count()
    known = _Recent[_Described]()
    waiting = _Recent[list[Words]]()
    broken = None
    try:
        for entry in _entries(stream):
            folder, name = _split(entry.name)
            stem, _, extension = name.partition(".")
            key, own = folder + stem, folder + name.rpartition(".")[0]
            if _is_picture(entry):
                position = next(slots)
                sample = _sample(stream, entry, position, pictures)
                if sample is not None:
                    yield sample
                described = _Described(None if sample is None else position)
                first = known.get(key)
                if first is None or first.position is None or first is known.get(own):
                    known.put(key, described)
                known.put(own, described)
                yield from _said(described, waiting.pop(key) or [], slots)
            elif _may_hold_words(entry, extension):
                words = list(words_in(_content(stream, entry), extension))
                picture = known.get(own) or known.get(key)
                if picture is not None:
                    yield from _said(picture, words, slots)
                elif words:
                    waiting.put(key, [*(waiting.get(key) or []), *words])
    except BrokenOff as error:
        broken = str(error)
    yield pictures.facts(broken)


def tar_member(stream: BinaryIO, member: str) -> bytes:
    """Returns the bytes of an entry as `Sample.member` names it: `photos/000@1048576.jpg`.

    The number tells where the entry begins, so that a shard of any size is opened at once; where
    the shard was rewritten since, the entry is looked for by its name.

    Raises:
        MediaError: there is no such entry, or it is cut off.
    """
    found = _MEMBER.fullmatch(member)
    name = member if found is None else found["stem"] + found["suffix"]
    try:
        if found is not None and (entry := _entry_at(stream, int(found["offset"]), name)):
            return _content(stream, entry)
        stream.seek(0)
        for entry in _entries(stream):
            if clean(entry.name) in {name, member} and entry.isreg():
                return _content(stream, entry)
    except BrokenOff as error:
        raise MediaError(f"{name} cannot be read: the shard is {error}") from error
    raise MediaError(f"there is no {name} in the shard any more; index it again")


def _entries(stream: BinaryIO) -> Iterator[tarfile.TarInfo]:
    """Yields the entries from where the stream stands.

    Raises:
        BrokenOff: the archive is damaged or lacks its end.
    """
    at, name = stream.tell(), None
    try:
        archive = _Flat.open(fileobj=stream, mode="r:")  # closes nothing: the stream is not its own
        while (entry := archive.next()) is not None:
            if archive.offset <= entry.offset:
                raise BrokenOff(_where(at, name, "an entry has no end"))
            yield entry
            archive.members.clear()
            at, name = archive.offset, entry.name
        stream.seek(archive.offset)
        end = stream.read(tarfile.BLOCKSIZE)
    except _DAMAGE as error:
        raise BrokenOff(_where(at, name, str(error))) from error
    if not end:
        raise BrokenOff(_where(at, name, "the end is missing"))
    if end.strip(b"\0"):
        raise BrokenOff(_where(at, name, "what follows is no entry of a tar file"))


def _where(offset: int, name: str | None, reason: str) -> str:
    last = "" if name is None else f", {clean(name)}"
    return f"read up to byte {offset:,}{last}: the rest is damaged ({reason})"


def _entry_at(stream: BinaryIO, offset: int, name: str) -> tarfile.TarInfo | None:
    stream.seek(offset)
    try:
        entry = next(_entries(stream), None)
    except BrokenOff:
        return None
    return entry if entry is not None and clean(entry.name) == name else None


def _split(path: str) -> tuple[str, str]:
    folder, slash, name = path.rpartition("/")
    return folder + slash, name


def _is_picture(entry: tarfile.TarInfo) -> bool:
    name = PurePosixPath(entry.name)
    return (
        entry.isreg()
        and entry.size > 0
        and not name.name.startswith(".")
        and name.suffix.lower() in IMAGE_SUFFIXES
    )


def _may_hold_words(entry: tarfile.TarInfo, extension: str) -> bool:
    return entry.isreg() and 0 < entry.size <= MAX_TEXT_BYTES and holds_words(extension)


def _content(stream: BinaryIO, entry: tarfile.TarInfo) -> bytes:
    stream.seek(entry.offset_data)
    data = stream.read(entry.size)
    if len(data) < entry.size:
        raise BrokenOff(_where(entry.offset, entry.name, "its end is missing"))
    return data


def _sample(
    stream: BinaryIO, entry: tarfile.TarInfo, position: int, pictures: ShardPictures
) -> Sample | None:
    name = clean(entry.name)
    if entry.size > MAX_PICTURE_BYTES:
        pictures.refuse(name, f"{entry.size:,} bytes are too many for a picture")
        return None
    stem, dot, suffix = name.rpartition(".")
    member = f"{stem}@{entry.offset}{dot}{suffix}"
    data = _content(stream, entry)
    return pictures.sample(data, position=position, member=member, name=name)


def _said(picture: _Described, words: list[Words], slots: Iterator[int]) -> Iterator[Sample]:
    """Yields what is new of the words; img2dataset writes each caption as text and in JSON."""
    for origin, text in words:
        if text not in picture.said:
            picture.said.add(text)
            position = next(slots)
            if picture.position is not None:
                yield Sample(
                    text, position=position, about_position=picture.position, origin=origin
                )
