"""Thousands of rows in one go: COPY and arrays where psycopg speaks, batched statements elsewhere.

Measured by tests/benchmarks/bench_catalog.py.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Table,
    any_,
    bindparam,
    column,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, OperationalError

# What psycopg warns of when a connection breaks off is raised as well; the raised one is enough.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

Row = Mapping[str, Any]
_DRAWN = text(
    "WITH ids AS MATERIALIZED (SELECT pg_get_serial_sequence(:name, 'id')::regclass AS sequence) "
    "SELECT nextval(sequence) FROM ids, generate_series(1, :n)"
)


def among(dialect: Dialect, one: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """Returns the condition that the column `one` has one of these values."""
    condition: ColumnElement[bool]
    if dialect.name == "postgresql":  # one parameter in place of thousands halves the time
        condition = one == any_(literal(values, ARRAY(one.type)))
    else:
        condition = one.in_(values)
    return condition


def given(dialect: Dialect, one: Any) -> ColumnElement[bool]:
    """Returns the condition that the id `one` is among the parameter `ids`, made by `as_given`.

    Statements with it stay the same whatever is asked, so they are made once for all, by SQLAlchemy
    and by the database.
    """
    condition: ColumnElement[bool]
    if dialect.name == "postgresql":
        condition = one == any_(bindparam("ids", type_=ARRAY(one.type)))
    elif dialect.name == "sqlite":
        condition = one.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))
    else:
        condition = one.in_(bindparam("ids", expanding=True))
    return condition


def as_given(dialect: Dialect, ids: Sequence[int]) -> Mapping[str, Any]:
    """Returns the parameter that `given` takes."""
    return {"ids": json.dumps(ids) if dialect.name == "sqlite" else ids}


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> Sequence[int]:
    """Returns the new ids in the order of the rows, which all have the same columns."""
    if not rows:
        return []
    if connection.dialect.driver == "psycopg":
        return _copy(connection, table, rows)
    new = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return connection.execute(new, list(rows)).scalars().all()


def update_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Gives the row of each `id` the other values, under the columns' names."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    if connection.dialect.driver == "psycopg":
        new = _unnested(table, ["id", *names])
        query = update(table).where(table.c.id == new.c.id).values({n: new.c[n] for n in names})
        connection.execute(query, {f"all_{n}": [row[n] for row in rows] for n in ("id", *names)})
        return
    query = update(table).where(table.c.id == bindparam("all_id"))
    query = query.values({name: bindparam(f"all_{name}") for name in names})
    connection.execute(query, [{f"all_{n}": value for n, value in row.items()} for row in rows])


def _unnested(table: Table, names: Sequence[str]) -> Any:
    """Returns a table of the columns that the parameters `all_NAME` hold as arrays."""
    arrays = [bindparam(f"all_{name}", type_=ARRAY(table.c[name].type)) for name in names]
    columns = [column(name, table.c[name].type) for name in names]
    return func.unnest(*arrays).table_valued(*columns, name="new").render_derived()


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> Sequence[int]:
    # COPY returns nothing, so the ids are drawn first; they are never given to anybody else.
    ids = connection.execute(_DRAWN, {"name": table.name, "n": len(rows)}).scalars().all()
    names = list(rows[0])
    statement = f"COPY {table.name} (id, {', '.join(names)}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    dbapi: Any = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row_id, row in zip(ids, rows, strict=True):
                copy.write_row([row_id, *(row[name] for name in names)])
    except dbapi.Error as error:
        # SQLAlchemy did not see this statement, so it is told what it would have found out.
        if connection.dialect.is_disconnect(error, driver, None):
            connection.invalidate(error)
        kind = OperationalError if isinstance(error, dbapi.OperationalError) else DBAPIError
        raise kind(statement, None, error) from error
    return ids
