"""Opening a database and bringing its schema up to date."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)

from indexer.catalog.tables import REVISION
from indexer.errors import ConfigError, IndexMismatch, Unavailable

_BUSY_TIMEOUT_S = 30


def open_engine(url: str | Path) -> Engine:
    """Returns an engine whose database has the newest schema; a path means a SQLite file.

    Raises:
        ConfigError: the URL is wrong or its driver is not installed.
        IndexMismatch: the schema is newer than this atisbo.
        Unavailable: the database cannot be reached or written.
    """
    try:
        parsed = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
        engine = create_engine(parsed, **_options(parsed.get_backend_name()))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        shown = str(url).rpartition("@")[2]
        raise ConfigError(
            f"database {shown!r} cannot be opened: {error}. Use a SQLAlchemy URL such as "
            "sqlite:////path/catalog.db or postgresql+psycopg://user@host/name, its driver "
            "installed (pip install 'atisbo[postgres]')."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with translated(engine), engine.execution_options(writes=True).begin() as connection:
            _upgrade(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turns the database's refusals into `Unavailable`, named without the password."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable(
            f"the catalogue at {engine.url.render_as_string(hide_password=True)} does not answer: "
            f"{error.orig}"
        ) from error
    except DBAPIError as error:
        # SQLite calls a damaged file a DatabaseError and no subclass of it.
        if error.connection_invalidated or type(error) is DatabaseError:
            raise Unavailable(
                f"the catalogue at {engine.url.render_as_string(hide_password=True)} cannot be "
                f"used: {error.orig}. If it is damaged, restore it from a backup."
            ) from error
        raise


def _options(backend: str) -> dict[str, Any]:
    if backend == "sqlite":
        # isolation_level None: the driver starts no transactions of its own, `_begin_sqlite` does
        return {"connect_args": {"timeout": _BUSY_TIMEOUT_S, "isolation_level": None}}
    return {"pool_pre_ping": True}


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL, not NORMAL: a power cut must not take back ids that vectors on disk already bear.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A write that starts as a read fails where another process wrote in between; so it does not.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _upgrade(connection: Connection) -> None:
    current = None
    if inspect(connection).has_table("alembic_version"):
        current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if current == REVISION:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise IndexMismatch(
            f"the catalogue has schema {current}, which is newer than this atisbo knows "
            f"({REVISION}). Update atisbo."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
