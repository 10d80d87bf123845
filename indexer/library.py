"""A library on disk: which model made it, and its parts opened together.

library.json              {"format": 1, "id": uuid, "space": folder name}
catalog.db                the catalogue, unless another database is named
spaces/NAME/space.json    {"model", "fingerprint", "dim"}
spaces/NAME/image/        vectors of pictures (see indexer.vectors.segments)
spaces/NAME/text/         vectors of captions
thumbnails/               small pictures by item id
indexer.lock              held by the process that writes
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from indexer.catalog import open_catalog
from indexer.errors import ConfigError, IndexMismatch, Unavailable
from indexer.thumbnails import Thumbnails
from indexer.types import Embedder, Modality, VectorIndex
from indexer.vectors import open_index
from indexer.vectors.durable import write_atomically

if TYPE_CHECKING:
    from indexer.catalog.sql import SqlCatalog

FORMAT = 1
_HEAD = "library.json"


@dataclass(frozen=True, slots=True)
class Space:
    """The model that made a library's vectors."""

    model: str
    fingerprint: str
    dim: int


@dataclass(frozen=True, slots=True)
class Library:
    """The opened parts of a library."""

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
        if embedder.fingerprint != self.space.fingerprint:
            same_name = embedder.name == self.space.model
            other = "other weights of the same name" if same_name else f"{embedder.name}"
            raise IndexMismatch(
                f"the library {self.folder} was made with {self.space.model} (weights "
                f"{self.space.fingerprint}) and cannot be used with {other} (weights "
                f"{embedder.fingerprint}). Use its own model, or make a new library "
                "with --library OTHER_FOLDER."
            )


def stored_model(folder: Path) -> str | None:
    """Returns the name of the model that the library was made with, None if there is no library."""
    head = _read_json(folder / _HEAD)
    return None if head is None else _space(folder, head).model


def open_library(folder: Path, *, database: str | None = None, index: str = "faiss") -> Library:
    """Returns the library in `folder`, which must exist.

    Raises:
        ConfigError: there is no library in the folder, or the database is another library's.
        IndexMismatch: a newer atisbo made it.
        Unavailable: a file is damaged or the database does not answer.
    """
    head = _read_json(folder / _HEAD)
    if head is None:
        raise ConfigError(
            f"there is no library in {folder}. Make one with: "
            f"atisbo index FOLDER --library {folder}"
        )
    if head["format"] > FORMAT:
        raise IndexMismatch(
            f"the library {folder} has format {head['format']}; this atisbo reads up to {FORMAT}. "
            "Update atisbo."
        )
    space = _space(folder, head)
    catalog = open_catalog(database or folder / "catalog.db")
    bound = catalog.bind(head["id"])
    if bound != head["id"]:
        raise ConfigError(
            f"the database holds the catalogue of another library, not of {folder}. Name the right "
            "one with --database or ATISBO_DATABASE."
        )
    indexes = {
        modality: open_index(index, folder / "spaces" / head["space"] / modality, space.dim)
        for modality in Modality
    }
    return Library(folder, space, catalog, indexes, Thumbnails(folder / "thumbnails"))


def make_library(folder: Path, embedder: Embedder) -> None:
    """Makes `folder` a library for this model's vectors, unless it is a library already.

    Raises:
        Unavailable: the folder cannot be written.
    """
    if (folder / _HEAD).exists():
        return
    space = Space(embedder.name, embedder.fingerprint, embedder.dim)
    name = f"{re.sub(r'[^A-Za-z0-9.]+', '-', space.model)[-60:].strip('-')}-{space.fingerprint}"
    try:
        (folder / "spaces" / name).mkdir(parents=True, exist_ok=True)
        _write_json(folder / "spaces" / name / "space.json", asdict(space))
        _write_json(folder / _HEAD, {"format": FORMAT, "id": uuid.uuid4().hex, "space": name})
    except OSError as error:
        raise Unavailable(f"the library {folder} cannot be written: {error.strerror}") from error


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Holds the library's lock: one indexer at a time.

    Raises:
        Unavailable: another process indexes into this library.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "indexer.lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Unavailable(
            f"another atisbo is indexing into {folder}. Wait for it to end, or use another "
            "--library."
        ) from error
    except OSError as error:
        raise Unavailable(f"the library {folder} cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()


def _space(folder: Path, head: Mapping[str, Any]) -> Space:
    stored = _read_json(folder / "spaces" / head["space"] / "space.json")
    if stored is None:
        raise Unavailable(f"the library {folder} has lost spaces/{head['space']}/space.json")
    return Space(stored["model"], stored["fingerprint"], stored["dim"])


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise Unavailable(f"{path} is damaged: {error}") from error
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(content, indent=1).encode())
