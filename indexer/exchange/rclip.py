"""The database of rclip (versions 1 to 3): one SQLite table of paths, sizes, times and vectors."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from indexer.errors import ConfigError
from indexer.exchange.peers import PeerRow
from indexer.types import Modality, Vectors

_MAGIC = b"SQLite format 3\0"
_COLUMNS = {"id", "filepath", "modified_at", "size", "vector", "deleted"}
_MODELS = {
    3: "open_clip:ViT-B-32-256/datacomp_s34b_b86k",
    2: "open_clip:ViT-B-32-quickgelu/openai",
    1: "open_clip:ViT-B-32-quickgelu/openai",
}


def is_rclip(path: Path) -> bool:
    """Whether the file is a database with rclip's table."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return False
    try:
        with closing(_connected(path)) as connection:
            rows = connection.execute("PRAGMA table_info(images)").fetchall()
    except sqlite3.Error:
        return False
    return {row[1] for row in rows} >= _COLUMNS


class Rclip:
    """rclip's database, opened for reading alone."""

    name = "rclip"

    def __init__(self, path: Path) -> None:
        """Opens the database.

        Raises:
            ConfigError: it holds no picture, or is damaged.
        """
        self.troubles: list[str] = []
        self._connection = _connected(path)
        try:
            found = self._connection.execute(
                "SELECT length(vector) / 4 AS dim, count(*) FROM images WHERE deleted IS NULL "
                "GROUP BY dim ORDER BY count(*) DESC"
            ).fetchall()
            version = self._connection.execute("SELECT max(version) FROM db_version").fetchone()
        except sqlite3.OperationalError:
            version = None  # the first versions had no such table
        except sqlite3.DatabaseError as error:
            raise ConfigError(f"{path} is damaged: {error}.") from error
        if not found:
            raise ConfigError(f"{path} holds no pictures.")
        self.dim = int(found[0][0])
        self.hint = _MODELS.get(version[0] if version else 1)

    def rows(self) -> Iterator[PeerRow]:
        query = "SELECT id, filepath, modified_at, size FROM images WHERE deleted IS NULL"
        for id, path, modified_s, size in self._connection.execute(query):
            yield PeerRow(Path(path), id, None, size, round(float(modified_s) * 1e9))

    def vectors(self, places: Sequence[int], modality: Modality) -> Vectors:
        found = np.full((len(places), self.dim), np.nan, np.float32)
        if modality is Modality.IMAGE:
            for at, place in enumerate(places):
                query = "SELECT vector FROM images WHERE id = ?"
                row = self._connection.execute(query, (place,)).fetchone()
                if row is not None and len(row[0]) == 4 * self.dim:
                    found[at] = np.frombuffer(row[0], "<f4")
        return found


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
