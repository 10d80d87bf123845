"""The database of rclip (checked: 3.3.0 and its history): one SQLite table, never written to here.

    images        id, filepath (absolute), modified_at (seconds), size, vector (float32), deleted
    db_version    1 or 2: made with OpenAI's ViT-B/32; 3 or 4: with ViT-B-32-256 of DataComp

It lies as db.sqlite3 in $RCLIP_DATADIR, else in ~/.local/share/rclip (of a snap, below
~/snap/rclip/current), ~/Library/Application Support/rclip or %APPDATA%\\rclip.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from indexer.errors import ConfigError, Unavailable
from indexer.exchange.peers import PeerRow
from indexer.types import Modality, Vectors

_NAME = "db.sqlite3"
_MAGIC = b"SQLite format 3\0"
_COLUMNS = {"id", "filepath", "modified_at", "size", "vector", "deleted"}
_FIRST_MODEL = "open_clip:ViT-B-32-quickgelu/openai"
_MODEL = "open_clip:ViT-B-32-256/datacomp_s34b_b86k"
_MODELS = {1: _FIRST_MODEL, 2: _FIRST_MODEL, 3: _MODEL, 4: _MODEL}
_IDS_A_QUERY = 500  # SQLite takes no more than 999 parameters in its older versions
_BYTES_A_NUMBER = 4


def rclip_database(source: Path) -> Path | None:
    """Returns rclip's database, which `source` is or holds; None where there is none.

    Raises:
        Unavailable: there is a database, but it is damaged or being written to.
    """
    path = source / _NAME if source.is_dir() else source
    if not path.is_file():
        return None
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
    with _reading(path), closing(_connected(path)) as connection:
        rows = connection.execute("PRAGMA table_info(images)").fetchall()
    return path if {row[1] for row in rows} >= _COLUMNS else None


class Rclip:
    """rclip's database, opened for reading alone."""

    name = "rclip"
    troubles: Sequence[str] = ()
    bases: Sequence[Path] = ()

    def __init__(self, path: Path) -> None:
        """Opens the database.

        Raises:
            ConfigError: it holds no picture.
            Unavailable: it is damaged, or rclip is writing to it.
        """
        self._path = path
        self._connection = _connected(path)
        with _reading(self._path):
            lengths = self._connection.execute(
                "SELECT length(vector), count(*) FROM images WHERE deleted IS NULL "
                "GROUP BY length(vector) ORDER BY count(*) DESC LIMIT 1"
            ).fetchone()
            version = self._version()
        if lengths is None:
            raise ConfigError(f"the rclip database {path} holds no pictures.")
        self.dims: Mapping[Modality, int] = {Modality.IMAGE: int(lengths[0]) // _BYTES_A_NUMBER}
        self.likely: str | None = _MODELS.get(version)

    def rows(self) -> Iterator[PeerRow]:
        query = (
            "SELECT id, filepath, modified_at, size FROM images WHERE deleted IS NULL ORDER BY id"
        )
        with _reading(self._path):
            for id, path, modified_s, size in self._connection.execute(query):
                if isinstance(modified_s, int | float) and isinstance(path, str):
                    yield PeerRow(path, id, None, size, round(modified_s * 1e9))

    def vectors(self, places: Sequence[int], modality: Modality) -> Vectors:
        dim = self.dims[Modality.IMAGE]
        found = np.full((len(places), dim), np.nan, np.float32)
        if modality is not Modality.IMAGE:
            return found
        at = {place: row for row, place in enumerate(places)}
        with _reading(self._path):
            for start in range(0, len(places), _IDS_A_QUERY):
                some = list(places[start : start + _IDS_A_QUERY])
                marks = ",".join("?" * len(some))
                query = f"SELECT id, vector FROM images WHERE id IN ({marks})"
                for id, blob in self._connection.execute(query, some):
                    if isinstance(blob, bytes) and len(blob) == _BYTES_A_NUMBER * dim:
                        found[at[id]] = np.frombuffer(blob, "<f4")
        return found

    def _version(self) -> int:
        tables = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE name = 'db_version'"
        ).fetchall()
        row = self._connection.execute("SELECT max(version) FROM db_version").fetchone()
        return int(row[0]) if tables and row and row[0] is not None else 1


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(
            f"the database {path} cannot be read: {error}. If rclip is running, wait for it; else "
            "index the folder with: atisbo index FOLDER"
        ) from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
    )
    # A name need not be Unicode; such a one leads nowhere, but must not end the reading.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return connection
