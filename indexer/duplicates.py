"""Which pictures are held twice: copies byte for byte, and near ones, as groups with a keeper.

Near copies must pass two keys: vectors whose cosine reaches a threshold, and the same look, place
by place (`indexer.look`). A cosine alone says "the same kind of thing": series of portraits,
bathrooms or snow pass. `make bench-duplicates` measured it with `pocket` on 500 photos in nine
altered versions among 3,950 others (Flickr8k, Caltech-101, BSDS500, pets, groceries, houses). Found
of the versions with both keys, and pairs of different photos that pass:

    cosine   q40   half  crop 5 %  crop 10 %  brighter  mark  grey   different: by cosine, by both
    >= 0.60  100%  100%      100%        99%      100%  100%   98%            184,996  2
    >= 0.80  100%   84%      100%        99%      100%  100%   69%             38,745  2
    >= 0.90   96%   31%      100%        98%      100%  100%   32%              7,515  2
    >= 0.95   63%    4%       94%        70%       99%  100%   13%                566  1

A small open_clip network finds 99, 72, 98 (crop 10 %) and 62 % (grey) at 0.80, the others whole,
with 1 pair of 1,693. The photos are 128 to 192 pixels wide, so halves are smaller than a model's
input; quarters, thumbnails of 32 to 48 pixels, are missed (2 %). The two pairs are one drawing of a
stop sign twice, and two yin-yang signs. The look costs one crop in a hundred, so the threshold may
be low; it decides how much has to be looked at, and below 0.8 that is most of a library.

Groups do not chain: a picture leads that has the most copies, and only its own copies join it, so a
burst in which each picture resembles the next does not become one group.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.look import Looks, Sight
from indexer.near import Pairs, copies, led
from indexer.types import Ids, Item, SourceFile, Vectors

THRESHOLD = 0.8


class PictureFiles(Protocol):
    """What the catalogue tells about pictures and the files that hold them."""

    def stills(self) -> Ids:
        """Returns the ids of the pictures that are a file of their own, ascending."""
        ...

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        """Returns the items that may be shown."""
        ...

    def places(self, ids: Sequence[int]) -> Mapping[int, Sequence[SourceFile]]:
        """Returns the files that hold these pictures, exact copies included, by path."""
        ...

    def repeated(self) -> Mapping[int, Sequence[SourceFile]]:
        """Returns, by picture, all files whose content another file of the library has too."""
        ...


class StoredVectors(Protocol):
    """The vectors of the live space."""

    @property
    def ids(self) -> Ids:
        """The ids that have a vector, ascending."""
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Returns the stored rows, float32 (n, dim)."""
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a group; `score` is its picture's cosine to the group's leader, 1 for the same."""

    file: SourceFile
    score: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Group:
    """Files that hold the same picture, the best one first: most pixels, then most bytes."""

    members: Sequence[Member]

    @property
    def exact(self) -> bool:
        """Whether all files are the same byte for byte."""
        digests = {member.file.digest for member in self.members}
        return len(digests) == 1 and None not in digests

    @property
    def spare_bytes(self) -> int:
        """What the files but the first take."""
        return sum(member.file.size_bytes for member in self.members[1:])


@dataclass(frozen=True, slots=True)
class Found:
    """The groups, most spare bytes first; how many pictures were compared, and not looked at.

    `unseen` pictures have a copy by their vectors, but neither thumbnail nor file to look at.
    """

    groups: Sequence[Group]
    compared: int
    unseen: int


def find_exact(catalog: PictureFiles, *, under: Path | None = None) -> Found:
    """Returns the groups of files that are the same byte for byte; no vector is needed."""
    contents = _contents(catalog, under)
    groups = [[(item_id, 1.0) for item_id in same] for same in contents.same]
    return Found(_with_files(groups, contents, catalog, under), 0, 0)


def find(
    catalog: PictureFiles,
    index: StoredVectors,
    sight: Sight,
    *,
    threshold: float = THRESHOLD,
    under: Path | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Found:
    """Returns the groups of files that hold the same picture, exact or near.

    Args:
        catalog: The pictures and their files.
        index: Their vectors; a picture without one is passed over.
        sight: How the pictures are looked at.
        threshold: The least cosine between a group's leader and its members.
        under: Looks at pictures below this folder only.
        progress: Told the share that is done.
    """
    contents = _contents(catalog, under)
    ids = np.intersect1d(catalog.stills(), index.ids)
    if under is not None:
        items = catalog.fetch(ids.tolist())
        ours = [item.id for item in items.values() if item.location.is_relative_to(under)]
        held = np.array(list(contents.files), np.int64)
        ids = np.union1d(np.array(ours, np.int64), np.intersect1d(ids, held))
    exact = {same[0]: same for same in contents.same}
    again = [item_id for same in contents.same for item_id in same[1:]]
    ids = np.setdiff1d(ids, np.array(again, np.int64))
    looks = Looks(ids, sight)
    pairs = copies(index.vectors(ids), looks, threshold, progress)
    groups: list[list[tuple[int, float]]] = []
    for rows in led(pairs, _pixels(catalog, ids, pairs)):
        members = [(int(ids[row]), score) for row, score in rows]
        groups.append([(one, score) for i, score in members for one in exact.pop(i, [i])])
    groups += [[(item_id, 1.0) for item_id in same] for same in exact.values()]
    return Found(_with_files(groups, contents, catalog, under), len(ids), looks.unseen)


class _Contents(NamedTuple):
    """What is held more than once: files by picture, and pictures that share their content."""

    files: Mapping[int, Sequence[SourceFile]]
    same: Sequence[Sequence[int]]


def _contents(catalog: PictureFiles, under: Path | None) -> _Contents:
    files: dict[int, Sequence[SourceFile]] = {}
    same: dict[str | None, list[int]] = {}
    for item_id, places in sorted(catalog.repeated().items()):
        if ours := _below(places, under):
            files[item_id] = ours
            same.setdefault(ours[0].digest, []).append(item_id)
    return _Contents(files, list(same.values()))


def _below(files: Sequence[SourceFile], under: Path | None) -> Sequence[SourceFile]:
    return [file for file in files if under is None or file.location.is_relative_to(under)]


def _pixels(catalog: PictureFiles, ids: Ids, pairs: Pairs) -> NDArray[np.int64]:
    rows = np.union1d(pairs.first, pairs.second)
    items = catalog.fetch(ids[rows].tolist())
    pixels = np.zeros(len(ids), np.int64)
    for row in rows.tolist():
        if item := items.get(int(ids[row])):
            pixels[row] = (item.width or 0) * (item.height or 0)
    return pixels


def _with_files(
    groups: Sequence[Sequence[tuple[int, float]]],
    contents: _Contents,
    catalog: PictureFiles,
    under: Path | None,
) -> Sequence[Group]:
    ids = [item_id for group in groups for item_id, _ in group]
    items = catalog.fetch(ids)
    places = {**catalog.places([one for one in ids if one not in contents.files]), **contents.files}
    made = []
    for group in groups:
        members = [
            Member(file, score, items[item_id].width or 0, items[item_id].height or 0)
            for item_id, score in group
            if item_id in items  # else it went away while we looked
            for file in _below(places.get(item_id, ()), under)
        ]
        if len(members) > 1:
            made.append(Group(sorted(members, key=_best_first)))
    return sorted(made, key=lambda group: (-group.spare_bytes, group.members[0].file.key))


def _best_first(member: Member) -> tuple[int, int, float, tuple[str, str]]:
    file = member.file
    return (-member.width * member.height, -file.size_bytes, -member.score, file.key)
