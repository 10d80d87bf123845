"""A library on disk: which model made it, and its parts opened together.

library.json              {"format": 1, "id": uuid, "space": NAME of the live space}
catalog.db                the catalogue, unless another database is named
spaces/NAME/space.json    what made the vectors (see indexer.spaces)
spaces/NAME/image/        vectors of pictures (see indexer.vectors.segments)
spaces/NAME/text/         vectors of captions
thumbnails/               small pictures by item id
indexer.lock              held by the process that writes
"""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from indexer.catalog import open_catalog
from indexer.embedders.adapted import AdaptedEmbedder
from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.spaces import (
    HEAD,
    Space,
    open_family,
    open_vectors,
    read_adapter,
    read_head,
    read_space,
    require_head,
    space_for,
    unwritable,
    write_first,
)
from indexer.thumbnails import Thumbnails
from indexer.types import Embedder, Modality, VectorIndex

if TYPE_CHECKING:
    from indexer.catalog.sql import SqlCatalog

_REFUSED = {
    getattr(errno, name)
    for name in ("EACCES", "EDQUOT", "EFBIG", "EIO", "ENOSPC", "EPERM", "EROFS")
    if hasattr(errno, name)
}
"""What a disk says that cannot be written, now or for good."""


@dataclass(frozen=True, slots=True)
class Library:
    """The opened parts of a library: for readers its live space, for the writer the model's own."""

    folder: Path
    space: Space
    catalog: "SqlCatalog"
    indexes: Mapping[Modality, VectorIndex]
    thumbnails: Thumbnails

    def check(self, embedder: Embedder) -> None:
        """Passes if the embedder's vectors belong to this library's space.

        Raises:
            IndexMismatch: another model or other weights made the library.
        """
        _check(self.folder, self.space, embedder)


def adapted(folder: Path, space: Space, model: Embedder) -> Embedder:
    """Returns the embedder of a space: its model, under the space's adapter if it was taught.

    Raises:
        IndexMismatch: the model is not the one that made the space.
        Unavailable: the taught part is damaged.
    """
    if space.base is not None:
        # Checked before it is adapted, so that the message names the model's own weights.
        _check(folder, read_space(folder, space.base), model)
        model = AdaptedEmbedder(model, read_adapter(folder, space))
    _check(folder, space, model)
    return model


def live_space(folder: Path) -> Space:
    """Returns the space that is live now.

    Raises:
        Unavailable: a file is missing or damaged.
    """
    head = read_head(folder)
    if head is None:
        raise Unavailable(f"the library {folder} has lost {HEAD}")
    return read_space(folder, head["space"], live=True)


def open_space(folder: Path, space: Space, index: str) -> Mapping[Modality, VectorIndex]:
    """Returns the space's indexes, to be searched."""
    return {modality: open_vectors(folder, space, modality, index) for modality in Modality}


def stored_model(folder: Path) -> str | None:
    """Returns the name of the model that the library was made with, None if there is no library."""
    head = read_head(folder)
    return None if head is None else read_space(folder, head["space"]).model


def open_library(
    folder: Path, *, database: str | None = None, index: str = "faiss", write: bool = False
) -> Library:
    """Returns the library in `folder`, which must exist.

    Args:
        folder: Where the library lives.
        database: SQLAlchemy URL of the catalogue, SQLite in the folder where there is none.
        index: Kind of vector index.
        write: Opens the model's own space in place of the live one, with indexes that keep every
            space taught on top of it complete. Needs the lock, see `writing`.

    Raises:
        ConfigError: there is no library in the folder, or the database is another library's.
        IndexMismatch: a newer atisbo made it.
        Unavailable: a file is damaged or the database does not answer.
    """
    head = require_head(folder)
    space = read_space(folder, head["space"], live=True)
    if write and space.base is not None:
        space = read_space(folder, space.base)
    catalog = _bound_catalog(folder, head["id"], database)
    opened = open_family if write else open_vectors
    indexes = {modality: opened(folder, space, modality, index) for modality in Modality}
    return Library(folder, space, catalog, indexes, Thumbnails(folder / "thumbnails"))


def open_catalog_of(folder: Path, database: str | None = None) -> "SqlCatalog":
    """Returns the catalogue of the library alone; its vectors may be damaged.

    Raises:
        ConfigError: there is no library in the folder, or the database is another library's.
        IndexMismatch: a newer atisbo made it.
        Unavailable: the database does not answer.
    """
    return _bound_catalog(folder, require_head(folder)["id"], database)


def _bound_catalog(folder: Path, library_id: str, database: str | None) -> "SqlCatalog":
    catalog = open_catalog(database or folder / "catalog.db")
    if catalog.bind(library_id) != library_id:
        raise ConfigError(
            f"the database holds the catalogue of another library, not of {folder}. Name the right "
            "one with --database or ATISBO_DATABASE."
        )
    return catalog


def make_library(folder: Path, embedder: Embedder) -> None:
    """Makes `folder` a library for this model's vectors, unless it is a library already.

    Raises:
        Unavailable: the folder cannot be written.
    """
    if (folder / HEAD).exists():
        return
    try:
        write_first(folder, space_for(embedder))
    except OSError as error:
        raise unwritable(folder, error) from error


@contextmanager
def writing(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Holds the library's lock: one indexer at a time; `wait` for it, if need be.

    Raises:
        Unavailable: another process indexes into this library, or it cannot be written, be it now
            or later: its disk is full, read-only or broken.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "indexer.lock")
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout as error:
        raise Unavailable(
            f"another atisbo is indexing into {folder}. Wait for it to end, or use another "
            "--library."
        ) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED or not _is_about(folder, error):
            raise
        raise unwritable(folder, error) from error
    finally:
        lock.release()


def _is_about(folder: Path, error: OSError) -> bool:
    """Whether a file of the library was to be written, as far as the error tells."""
    name = error.filename
    if not isinstance(name, str) or not Path(name).is_absolute():
        return True
    return Path(name).is_relative_to(folder.absolute())


def _check(folder: Path, space: Space, embedder: Embedder) -> None:
    if embedder.fingerprint != space.fingerprint:
        same_name = embedder.name == space.model
        other = "other weights of the same name" if same_name else f"{embedder.name}"
        raise IndexMismatch(
            f"the library {folder} was made with {space.model} (weights "
            f"{space.fingerprint}) and cannot be used with {other} (weights "
            f"{embedder.fingerprint}). Use its own model, move the library to the other one with "
            f"atisbo index --model {embedder.name}, or make a new library with --library "
            "OTHER_FOLDER."
        )
