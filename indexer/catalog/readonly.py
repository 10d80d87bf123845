"""A SQLite file that can be read but not written: on a CD, in a snapshot, of another account."""

import os
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool

from indexer.errors import Unavailable

_BUSY_TIMEOUT_S = 30


def read_only_file(database: str | None) -> Path | None:
    """Returns the path of the SQLite file if it is there and this process cannot write it."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return None
    path = Path(database).absolute()
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return None if writable or not path.exists() else path


def reading(path: Path) -> dict[str, Any]:
    """Returns the options by which SQLAlchemy only reads the file; each transaction connects anew.

    Whether others write is looked at again each time, and it takes a fraction of a millisecond.
    """
    return {"creator": partial(_connect, path), "poolclass": NullPool}


def _connect(path: Path) -> sqlite3.Connection:
    """Returns a connection that needs no more than the files that are there.

    Raises:
        Unavailable: what others wrote last cannot be read without writing.
    """
    options = "?mode=ro"
    log, memory = Path(f"{path}-wal"), Path(f"{path}-shm")
    if not log.exists() or not log.stat().st_size:
        # SQLite would make both files before it reads one that was left in WAL mode. Nobody writes
        # now, or they would be there; who begins to writes to the log, not to what is read here.
        options += "&immutable=1"
    elif not memory.exists():
        raise Unavailable(
            f"the catalogue {path} has changes in {log.name} that cannot be taken over, because "
            "the library cannot be written here. Run atisbo status once where it can."
        )
    return sqlite3.connect(
        path.as_uri() + options,
        uri=True,
        timeout=_BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
