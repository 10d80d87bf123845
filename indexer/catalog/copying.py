"""All rows of a catalogue, as they are at one moment, in a SQLite file of their own."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select

from indexer.catalog.schema import open_engine, translated
from indexer.catalog.tables import Base
from indexer.errors import Unavailable

_ROWS_AT_ONCE = 5_000


def copy_database(engine: Engine, path: Path) -> None:
    """Makes the SQLite file `path` hold what the engine's database holds; ids stay.

    Others may write meanwhile: the copy shows one moment between their transactions.

    Raises:
        Unavailable: the file cannot be written.
    """
    if engine.dialect.name == "sqlite":
        _copy_pages(engine, path)
    else:
        _copy_rows(engine, path)


def _copy_pages(engine: Engine, path: Path) -> None:
    try:
        with engine.connect() as connection, closing(sqlite3.connect(path)) as copy:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            # All pages in one step are one read transaction, which no writer disturbs.
            source.backup(copy)
    except sqlite3.Error as error:
        raise Unavailable(f"{path} cannot be written: {error}") from error


def _copy_rows(engine: Engine, path: Path) -> None:
    copy = open_engine(path)
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with (
            translated(copy),
            engine.execution_options(**options).connect() as source,
            copy.execution_options(writes=True).begin() as target,
        ):
            # Rows may refer to later ones of their own table.
            target.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
            for table in Base.metadata.sorted_tables:
                target.execute(delete(table))  # what its migrations put there
                rows = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
                for some in rows.mappings().partitions():
                    target.execute(insert(table), [dict(row) for row in some])
    finally:
        copy.dispose()
