"""Opening a database and bringing its schema up to date."""

import shutil
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

from indexer.catalog.geography import distance_km
from indexer.catalog.readonly import read_only_file, reading
from indexer.catalog.tables import REVISION
from indexer.errors import ConfigError, IndexMismatch, Unavailable

_BUSY_TIMEOUT_S = 30
_LOCK = 0x61746973626F  # "atisbo"; any number that others do not use in the same database
_REFUSED = {"25006", "42501"}  # PostgreSQL: a transaction that may only read, a missing privilege
_POSTGRES_OPTIONS = {
    "connect_timeout": 10,
    # A server that vanished without a word is given up after a minute, not after two hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
_SHARED_BYTES = 32 * 1024


def open_engine(url: str | Path) -> Engine:
    """Returns an engine whose database has the newest schema; a path means a SQLite file.

    Raises:
        ConfigError: the URL is wrong or its driver is not installed.
        IndexMismatch: the schema is newer than this atisbo, or older and cannot be written.
        Unavailable: the database cannot be reached or written.
    """
    try:
        parsed = URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
        backend = parsed.get_backend_name()
        only_read = None if backend != "sqlite" else read_only_file(parsed.database)
        options = reading(only_read) if only_read else _options(parsed)
        engine = create_engine(parsed, **options)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        shown = str(url).rpartition("@")[2]
        raise ConfigError(
            f"database {shown!r} cannot be opened: {error}. Use a SQLAlchemy URL such as "
            "sqlite:////path/catalog.db or postgresql+psycopg://user@host/name, its driver "
            "installed (pip install 'atisbo[postgres]')."
        ) from error
    if engine.dialect.name == "sqlite":
        if only_read is None:
            event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "connect", _teach_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _begin_postgres)
    try:
        with translated(engine):
            _bring_up_to_date(engine, read_only=only_read is not None)
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
        if engine.dialect.name == "sqlite" and _disk_is_full(engine, str(error.orig)):
            raise Unavailable(
                f"the catalogue {engine.url.database} cannot be written: No space left on device. "
                "Make room there and run the same command again: what was done is kept."
            ) from error
        raise Unavailable(
            f"the catalogue at {engine.url.render_as_string(hide_password=True)} does not answer: "
            f"{_in_words(error)}"
        ) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _REFUSED:
            raise Unavailable(
                f"the catalogue at {engine.url.render_as_string(hide_password=True)} may not be "
                f"written: {_in_words(error)}. Name a user, or a server, that may write."
            ) from error
        # SQLite calls a damaged file a DatabaseError and no subclass of it.
        if error.connection_invalidated or type(error) is DatabaseError:
            raise Unavailable(
                f"the catalogue at {engine.url.render_as_string(hide_password=True)} cannot be "
                f"used: {_in_words(error)}. If it is damaged, restore it from a backup."
            ) from error
        raise


def _in_words(error: DBAPIError) -> str:
    """Returns what the driver said, on one line."""
    return " ".join(str(error.orig).split()).rstrip(".")


def _disk_is_full(engine: Engine, refusal: str) -> bool:
    if "disk I/O error" in refusal and engine.url.database:  # if there is no room for its -shm
        return shutil.disk_usage(Path(engine.url.database).parent).free < _SHARED_BYTES
    return "disk is full" in refusal


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # isolation_level None: the driver starts no transactions of its own, `_begin_sqlite` does
        return {"connect_args": {"timeout": _BUSY_TIMEOUT_S, "isolation_level": None}}
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.get_dialect().driver in ("psycopg", "psycopg2"):
        own = {name: one for name, one in _POSTGRES_OPTIONS.items() if name not in url.query}
        options["connect_args"] = own
    return options


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL, not NORMAL: a power cut must not take back ids that vectors on disk already bear.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _teach_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # Whether SQLite knows angles is decided where it is built.
    connection.create_function("distance_km", 4, distance_km, deterministic=True)


def _begin_sqlite(connection: Connection) -> None:
    # A write that starts as a read fails where another process wrote in between; so it does not.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        return
    # One writer at a time, as in SQLite. The server may still be committing for an indexer that was
    # killed: whoever heals after it must wait, or rows appear that nobody knows of.
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_TIMEOUT_S}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    # A crash must not take back ids that vectors on disk already bear; where an operator put speed
    # first, the indexer's own transactions are durable nevertheless.
    connection.exec_driver_sql(
        "SELECT set_config('synchronous_commit', 'on', true) "
        "WHERE current_setting('synchronous_commit') = 'off'"
    )


def _bring_up_to_date(engine: Engine, *, read_only: bool) -> None:
    with engine.begin() as connection:
        if _revision(connection) == REVISION:
            return
    with engine.execution_options(writes=not read_only).begin() as connection:
        current = _revision(connection)  # again: another process may have been quicker
        if current != REVISION:
            _upgrade(connection, current, read_only=read_only)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection, current: str | None, *, read_only: bool) -> None:
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
    if read_only:
        raise IndexMismatch(
            f"the catalogue {connection.engine.url.database} has schema {current}, this atisbo "
            f"needs {REVISION}, and it cannot be written here. Run atisbo status once where the "
            "library can be written: that brings it up to date."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
