"""Which pictures are held twice: copies byte for byte, and near ones, as groups with a keeper.

Near copies must pass two keys: vectors whose cosine reaches a threshold, and the same look, place
by place (`indexer.look`). A cosine alone says "the same kind of thing": series of portraits,
bathrooms or snow pass. `make bench-duplicates` measured it with `pocket` on 500 photos in nine
altered versions among 3,950 others (Flickr8k, Caltech-101, BSDS500, pets, groceries, houses). Found
of the versions with both keys, and pairs of different photos that pass:

    cosine       q40  crop 5 %  crop 10 %  brighter  mark  grey    different: by cosine, by both
    >= 0.60     100%      100%        99%      100%  100%   98%             184,996  2
    >= 0.80     100%      100%        99%      100%  100%   69%              38,745  2
    >= 0.90      96%      100%        98%      100%  100%   32%               7,515  2
    >= 0.95      63%       94%        70%       99%  100%   13%                 566  1

The look costs one copy in a hundred and leaves two pairs of 38,745, so the threshold may be low; it
decides how much is looked at, and below 0.8 that is most of a library.

Groups do not chain: a picture leads that has the most copies, and only its own copies join it, so a
burst in which each picture resembles the next does not become one group.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.look import Looks, Sight
from indexer.types import Ids, Item, Modality, SourceFile, Vectors

THRESHOLD = 0.8
LOOK_AT_LEAST = 0.75
_ROWS = 1024
_COLUMNS = 8192  # one tile of cosines is 32 MB


class PictureFiles(Protocol):
    """What the catalogue tells about pictures and the files that hold them."""

    def ids(self, modality: Modality) -> Ids:
        """Returns the ids of all items of that modality, ascending."""
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


class Pairs(NamedTuple):
    """Pictures that are copies: row numbers, first below second, and float32 cosines."""

    first: NDArray[np.int32]
    second: NDArray[np.int32]
    cosines: NDArray[np.float32]


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
    ids = np.intersect1d(catalog.ids(Modality.IMAGE), index.ids)
    if under is not None:
        items = catalog.fetch(ids.tolist())
        ours = [item.id for item in items.values() if item.location.is_relative_to(under)]
        held = np.array(list(contents.files), np.int64)
        ids = np.union1d(np.array(ours, np.int64), np.intersect1d(ids, held))
    exact = {same[0]: same for same in contents.same}
    again = [item_id for same in contents.same for item_id in same[1:]]
    ids = np.setdiff1d(ids, np.array(again, np.int64))
    looks = Looks(ids, sight)
    pairs = _pairs(index.vectors(ids), looks, threshold, progress)
    groups: list[list[tuple[int, float]]] = []
    for led in _led(pairs, _pixels(catalog, ids, pairs)):
        members = [(int(ids[row]), score) for row, score in led]
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


def _pairs(
    vectors: Vectors,
    looks: Looks,
    threshold: float,
    progress: Callable[[float], None],
) -> Pairs:
    """Returns all pairs of rows that pass both keys.

    Cosines are computed tile by tile, and what fails is dropped at once, so memory grows with the
    rows (vectors and looks) and with the copies there are (12 bytes a pair), not with all pairs.
    """
    # Stored vectors are rounded; of unit length again, equal ones have a cosine of 1.
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = [Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))]
    total, done = max(1, len(vectors) ** 2), 0
    for rows, columns in _tiles(len(vectors)):
        cosines = vectors[rows] @ vectors[columns].T
        passed = cosines >= threshold - 1e-6
        if rows.stop > columns.start:  # the diagonal runs through: each pair once
            above = np.arange(columns.start, columns.stop)
            passed &= np.arange(rows.start, rows.stop)[:, None] < above
        if passed.any():
            for part, axis in ((rows, 1), (columns, 0)):
                looks.load(np.flatnonzero(passed.any(axis)) + part.start)
            passed &= looks.may_be_alike(rows, columns)
            first, second = np.nonzero(passed)
            kept = cosines[first, second]
            first, second = first + rows.start, second + columns.start
            alike = looks.alike(first, second) >= LOOK_AT_LEAST
            found.append(
                Pairs(
                    first[alike].astype(np.int32),
                    second[alike].astype(np.int32),
                    np.minimum(kept[alike], 1.0),
                )
            )
        done += 2 * cosines.size
        progress(min(done / total, 1.0))
    return Pairs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _tiles(count: int) -> Iterator[tuple[slice, slice]]:
    """Yields rows and columns that cover each pair of rows once or, at the diagonal, twice."""
    for start in range(0, count, _ROWS):
        rows = slice(start, min(start + _ROWS, count))
        for left in range(start, count, _COLUMNS):
            yield rows, slice(left, min(left + _COLUMNS, count))


def _pixels(catalog: PictureFiles, ids: Ids, pairs: Pairs) -> NDArray[np.int64]:
    rows = np.union1d(pairs.first, pairs.second)
    items = catalog.fetch(ids[rows].tolist())
    pixels = np.zeros(len(ids), np.int64)
    for row in rows.tolist():
        if item := items.get(int(ids[row])):
            pixels[row] = (item.width or 0) * (item.height or 0)
    return pixels


def _led(pairs: Pairs, pixels: NDArray[np.int64]) -> Iterator[list[tuple[int, float]]]:
    """Yields groups of (row, cosine to the leader), the leader first."""
    source = np.concatenate([pairs.first, pairs.second])
    target = np.concatenate([pairs.second, pairs.first])
    cosines = np.concatenate([pairs.cosines, pairs.cosines])
    order = np.argsort(source, kind="stable")
    target, cosines = target[order], cosines[order]
    copies = np.bincount(source, minlength=len(pixels))
    ends = np.cumsum(copies)
    free = copies > 0
    rows = np.arange(len(pixels))
    for leader in np.lexsort((rows, -pixels, -copies))[: np.count_nonzero(copies)].tolist():
        if not free[leader]:
            continue
        near = slice(ends[leader] - copies[leader], ends[leader])
        joining = free[target[near]]
        members = target[near][joining]
        free[leader] = False
        free[members] = False
        if len(members):
            scores = cosines[near][joining]
            yield [(leader, 1.0), *zip(members.tolist(), scores.tolist(), strict=True)]


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
