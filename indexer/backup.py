"""A copy of a library that is whole, taken while others write into it and read from it.

The rows are copied first, in one transaction. A row is shown only after its vector is saved, so the
vectors that are read afterwards are those of the rows and more, but for what was deleted meanwhile:
such rows are left out of the copy, and so are vectors without a row, whose ids the copy will give
out again. Segments never change; what a reader has opened stays readable when it is merged away.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.errors import ConfigError, Unavailable
from indexer.spaces import (
    HEAD,
    Space,
    open_family,
    open_vectors,
    require_head,
    spaces,
    vectors_folder,
)
from indexer.thumbnails import Thumbnails
from indexer.types import CatalogWriter, Ids, Modality
from indexer.vectors.durable import sync_folder, write_atomically
from indexer.vectors.stored import StoredIndex
from indexer.vectors.structure import copy_wishes

CATALOG = "catalog.db"
_ROWS_AT_ONCE = 65_536
_ATTEMPTS = 5

Progress = Callable[[str], None]


class CopiedCatalog(CatalogWriter, Protocol):
    """A catalogue in a file of its own."""

    def close(self) -> None:
        """Makes the file complete."""
        ...


class Catalogs(Protocol):
    """Where the rows come from, and how the copy of them is opened."""

    def backup(self, path: Path) -> None:
        """Writes all rows into a new SQLite file, as they are at one moment."""
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What the copy holds, and how many items were left out as deleted meanwhile."""

    items: Mapping[Modality, int]
    spaces: Sequence[str]
    left_out: int
    thumbnails: int
    size_bytes: int


def backup(
    folder: Path,
    target: Path,
    catalog: Catalogs,
    open_copy: Callable[[Path], CopiedCatalog],
    *,
    thumbnails: bool = False,
    progress: Progress = lambda _: None,
) -> Copied:
    """Makes `target` a library with what `folder` holds now; it appears when it is whole.

    Args:
        folder: The library; neither locked nor changed.
        target: The copy, which must not exist yet.
        catalog: The library's catalogue.
        open_copy: Opens the file that `catalog.backup` wrote.
        thumbnails: Copies them too; without, they are made again when they are asked for.
        progress: Told what is copied now.

    Raises:
        ConfigError: there is no library in `folder`, or `target` exists or lies in it.
        Unavailable: a file of the library is damaged, or the copy cannot be written.
    """
    require_head(folder)
    _require_absent(target)
    if target.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{target} lies in the library itself. Name a folder elsewhere.")
    with _appearing(target) as copy:
        progress("the catalogue")
        catalog.backup(copy / CATALOG)
        rows = open_copy(copy / CATALOG)
        try:
            rows.heal()
            names, left_out = _copy_spaces(folder, copy, rows, progress)
            kept = {modality: rows.ids(modality) for modality in Modality}
        finally:
            rows.close()
        pictures = 0
        if thumbnails:
            progress("thumbnails")
            shown = np.union1d(kept[Modality.IMAGE], kept[Modality.VIDEO])
            pictures = _copy_thumbnails(folder, copy, shown)
        size = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    items = {modality: len(ids) for modality, ids in kept.items()}
    return Copied(items, names, left_out, pictures, size)


def _copy_spaces(
    folder: Path, copy: Path, rows: CatalogWriter, progress: Progress
) -> tuple[Sequence[str], int]:
    """Copies all spaces, and leaves out of `rows` what the live one has no vectors for.

    Returns the names of the spaces and the number of items left out.
    """
    for _ in range(_ATTEMPTS):
        head, known = require_head(folder), spaces(folder)
        shutil.rmtree(copy / "spaces", ignore_errors=True)
        try:
            opened = _opened(folder, known)
            for space in known:
                _copy_facts(folder / "spaces" / space.name, copy / "spaces" / space.name)
        except (FileNotFoundError, Unavailable):
            if require_head(folder) == head and spaces(folder) == known:
                raise
            continue
        if require_head(folder) == head and spaces(folder) == known:
            break  # else a space was made, dropped or switched to: what was opened is a mixture
    else:
        raise Unavailable(f"the spaces of {folder} keep changing. Try again later.")
    live = next(space for space in known if space.live)
    left_out = 0
    for modality in Modality:
        base = opened[live.base or live.name, modality]
        left_out += _leave_out(rows, np.setdiff1d(rows.ids(modality), base.ids))
    for space in known:
        progress(f"vectors of {space.name}")
        for modality in Modality:
            target = open_vectors(copy, space, modality, "exact")
            _copy_rows(opened[space.name, modality], target, rows.ids(modality))
            made, copied = (vectors_folder(one, space, modality) for one in (folder, copy))
            copy_wishes(made, copied)
    write_atomically(copy / HEAD, json.dumps(head, indent=1).encode())
    for one in (space for space in known if space.base is None):
        for modality in Modality:
            open_family(copy, one, modality, "exact").save()
    return [space.name for space in known], left_out


def _opened(folder: Path, known: Sequence[Space]) -> Mapping[tuple[str, Modality], StoredIndex]:
    return {
        (space.name, modality): open_vectors(folder, space, modality, "exact")
        for space in known
        for modality in Modality
    }


def _copy_facts(source: Path, target: Path) -> None:
    """Copies space.json and the adapter beside it."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file() and path.suffix != ".new":
            shutil.copyfile(path, target / path.name)


def _leave_out(rows: CatalogWriter, ids: Ids) -> int:
    if not len(ids):
        return 0
    return len(rows.forget(rows.files_of(ids)))


def _copy_rows(source: StoredIndex, target: StoredIndex, wanted: Ids) -> None:
    ids = np.intersect1d(source.ids, wanted)
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        some = ids[start : start + _ROWS_AT_ONCE]
        target.add(some, source.vectors(some))
        target.save()


def _copy_thumbnails(folder: Path, copy: Path, ids: Ids) -> int:
    source, target = Thumbnails(folder / "thumbnails"), Thumbnails(copy / "thumbnails")
    copied = 0
    for item_id in ids.tolist():
        if (content := source.read(item_id)) is not None:
            target.write(item_id, content)
            copied += 1
    return copied


def _require_absent(target: Path) -> None:
    if target.exists():
        raise ConfigError(f"{target} exists already. Name a new folder for the backup.")


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """Yields a folder that becomes `target` at the end, or goes away after an error."""
    copy = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        copy.mkdir(parents=True)
        yield copy
        _sync(copy)
        _require_absent(target)
        copy.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        about = f" ({error.filename})" if error.filename else ""
        raise Unavailable(f"{target} cannot be made: {error.strerror}{about}") from error
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _sync(folder: Path) -> None:
    """Makes everything in the folder survive a power cut."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
