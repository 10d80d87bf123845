"""What the library holds, in SQL; one door, `open_catalog`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.catalog.sql import SqlCatalog


def open_catalog(url: str | Path) -> "SqlCatalog":
    """Returns the catalogue at a SQLAlchemy URL or in a SQLite file, its schema up to date.

    Raises:
        ConfigError: the URL is wrong or its driver is not installed.
        IndexMismatch: the schema is newer than this atisbo.
        Unavailable: the database cannot be reached or written.
    """
    from indexer.catalog.sql import SqlCatalog

    return SqlCatalog(url)
