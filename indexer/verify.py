"""Whether files, rows and vectors of a library agree, and what can be mended without a model.

Rows are the truth about what is shown. A vector without a row is dropped; a row without a vector is
forgotten with its file, so that the next run embeds it again; a taught space is filled again from
its base. Damaged vectors are set aside, never deleted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.calibration import drop_fitted, read_fitted
from indexer.errors import ConfigError, Unavailable
from indexer.media.remote import list_shards
from indexer.spaces import Space, open_family, open_vectors, read_adapter, space_folder, spaces
from indexer.thumbnails import Thumbnails
from indexer.types import CatalogWriter, Ids, Modality, SourceFile, is_url
from indexer.vectors.stored import StoredIndex
from indexer.vectors.structure import drop_structure, read_structure
from indexer.vectors.tuned import TunedIndex

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, in words, and what is to be done, or was done, about it."""

    fact: str
    remedy: str
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What was compared, by name, and what was found wrong."""

    counts: dict[str, int]
    findings: Sequence[Finding]


def verify(folder: Path, catalog: CatalogWriter, *, repair: bool = False) -> Checked:
    """Returns what is wrong with the library in `folder`; checksums of all vectors are tested.

    Args:
        folder: The library.
        catalog: Its catalogue. What a run that was stopped left hidden is nothing wrong: the next
            one, or a repair, clears it away.
        repair: Mends what needs no model. Needs the lock, see `indexer.library.writing`.
    """
    thumbnails = Thumbnails(folder / "thumbnails")
    if repair:
        _forget_previews(catalog.hidden(), thumbnails)
        catalog.heal()
    hidden = catalog.hidden()
    counts: dict[str, int] = {}
    findings = list(_files(catalog, counts))
    known = spaces(folder)
    family = next(space.base or space.name for space in known if space.live)
    lost: list[Ids] = []
    gone: Ids = np.empty(0, np.int64)
    for space in known:
        findings += _relevance(folder, space, repair=repair)
    for modality in Modality:
        rows = catalog.ids(modality)
        counts[f"{modality} rows"] = len(rows)
        for space in known:
            index = _opened(folder, space, modality, findings, repair=repair)
            counts[f"{modality} vectors of {space.name}"] = 0 if index is None else len(index)
            findings += _codes(folder, space, modality, repair=repair)
            if family not in (space.name, space.base):
                continue  # another model's: kept to go back to, and completed when that is done
            stored = np.empty(0, np.int64) if index is None else index.ids
            strays = np.setdiff1d(stored, np.union1d(rows, hidden))
            if repair:
                _forget_previews(strays, thumbnails)
            findings += _strays(space, modality, index, strays, repair=repair)
            missing = np.setdiff1d(rows, stored)
            if space.base is None:
                lost.append(missing)
            if len(missing) and (space.base is not None or not repair):
                findings.append(_lacking(space, modality, missing, repair=repair))
    if repair and len(every := np.concatenate(lost)):
        finding, gone = _forget(catalog, every, thumbnails)
        findings.append(finding)
    if repair:
        _align(folder, known, gone)
    return Checked(counts, findings)


def _files(catalog: CatalogWriter, counts: dict[str, int]) -> Iterator[Finding]:
    remedy = "run atisbo index on its folder"
    for root in catalog.roots():
        files = catalog.stored(root)
        counts[f"files of {root}"] = len(files)
        gone, changed = [], []
        if is_url(root):
            yield from _in_store(root, files)
            continue
        for file in files:
            try:
                stat = file.location.stat()
            except OSError:
                gone.append(file.path)
                continue
            if (stat.st_size, stat.st_mtime_ns) != (file.size_bytes, file.mtime_ns):
                changed.append(file.path)
        if gone:
            yield Finding(f"{len(gone):,} files of {root} are gone: {_some(gone)}", remedy)
        if changed:
            yield Finding(f"{len(changed):,} files of {root} changed: {_some(changed)}", remedy)


def _in_store(root: str, stored: Sequence[SourceFile]) -> Iterator[Finding]:
    try:
        present = {file.path: file for file in list_shards(root)}
    except (ConfigError, Unavailable) as error:
        yield Finding(f"the shards of {root} were not looked at", str(error))
        return
    gone = [file.path for file in stored if file.path not in present]
    changed = [file.path for file in stored if present.get(file.path, file) != file]
    remedy = f"run atisbo index {root}"
    if gone:
        yield Finding(f"{len(gone):,} shards of {root} are gone: {_some(gone)}", remedy)
    if changed:
        yield Finding(f"{len(changed):,} shards of {root} changed: {_some(changed)}", remedy)


def _opened(
    folder: Path, space: Space, modality: Modality, findings: list[Finding], *, repair: bool
) -> StoredIndex | None:
    """Returns the index; None where it is damaged, which is put on record."""
    try:
        if space.base is not None:
            read_adapter(folder, space)
        index = open_vectors(folder, space, modality, "exact")
        index.check()
        return index
    except Unavailable as error:
        place = folder / "spaces" / space.name / modality
        remedy = "atisbo verify --repair sets them aside"
        if repair and place.exists():
            place.rename(_aside(place))
            remedy = "set aside"
            findings.append(Finding(str(error), remedy, mended=True))
            return open_vectors(folder, space, modality, "exact")
        findings.append(Finding(str(error), remedy))
        return None


def _codes(folder: Path, space: Space, modality: Modality, *, repair: bool) -> Iterator[Finding]:
    """Yields what is wrong with the codes that stand for rows; rows are looked at elsewhere."""
    place = folder / "spaces" / space.name / modality
    try:
        made = read_structure(place)
        if made is not None and made.files:  # only then is FAISS needed
            index = open_vectors(folder, space, modality, "faiss")
            if isinstance(index, TunedIndex):
                index.check_structure()
    except Unavailable as error:
        remedy = "dropped, to be made anew" if repair else "atisbo verify --repair"
        if repair:
            drop_structure(place)
        yield Finding(str(error), remedy, mended=repair)


def _relevance(folder: Path, space: Space, *, repair: bool) -> Iterator[Finding]:
    """Yields what is wrong with what tells the worth of the space's scores."""
    place = space_folder(folder, space)
    try:
        read_fitted(place, space.fingerprint)
    except Unavailable as error:
        if repair:
            drop_fitted(place)
        remedy = "dropped; atisbo calibrate makes it anew" if repair else "atisbo verify --repair"
        yield Finding(str(error), remedy, mended=repair)


def _forget_previews(ids: Ids, thumbnails: Thumbnails) -> None:
    for item_id in ids.tolist():
        thumbnails.remove(item_id)


def _aside(place: Path) -> Path:
    number = 1
    while (aside := place.with_name(f"{place.name}.damaged-{number}")).exists():
        number += 1
    return aside


def _strays(
    space: Space, modality: Modality, index: StoredIndex | None, ids: Ids, *, repair: bool
) -> Iterator[Finding]:
    if not len(ids) or index is None:
        return
    fact = f"{len(ids):,} {modality} vectors of space {space.name} belong to nothing"
    if repair:
        index.remove(ids)
        index.save()
    yield Finding(fact, "removed" if repair else "atisbo verify --repair", mended=repair)


def _lacking(space: Space, modality: Modality, ids: Ids, *, repair: bool) -> Finding:
    fact = f"{len(ids):,} {modality} items have no vector in space {space.name}"
    if space.base is not None:
        done = "computed from its base" if repair else "atisbo verify --repair"
        return Finding(fact, done, mended=repair)
    return Finding(fact, "atisbo verify --repair, then atisbo index on their folders")


def _forget(catalog: CatalogWriter, ids: Ids, thumbnails: Thumbnails) -> tuple[Finding, Ids]:
    """Returns what was found, and the ids of all items of those files."""
    files = catalog.files_of(ids)
    _forget_previews(ids, thumbnails)
    gone = catalog.forget(files)
    _forget_previews(gone, thumbnails)
    finding = Finding(
        f"{len(ids):,} items had no vector, in {len(files):,} files: "
        f"{_some([str(file.location) for file in files])}",
        "forgotten; run atisbo index on their folders to embed them again",
        mended=True,
    )
    return finding, gone


def _align(folder: Path, known: Sequence[Space], gone: Ids) -> None:
    for base in (space for space in known if space.base is None):
        for modality in Modality:
            family = open_family(folder, base, modality, "exact")
            family.remove(gone)
            family.save()


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
