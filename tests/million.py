"""A catalogue of a million files and a million items, made by the database itself in seconds.

Files are numbered from 1. Each fourth is a picture, the three before it hold one caption of it
each; the last few could not be read. All are in one root but the first ones.
"""

from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.schema import CreateIndex, DropIndex

from indexer.catalog.tables import Base
from indexer.types import Kind, SourceFile

FILES = 1_000_000
SKIPPED = 300
ROOT = "/home/someone/Pictures"
OTHER_ROOT = "/mnt/card"
ELSEWHERE = 1_000
"""How many of the first files are in the other root."""

_NUMBERS = {
    "sqlite": "(WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {n}) "
    "SELECT i FROM n)",
    "postgresql": "(SELECT i FROM generate_series(1, {n}) AS i)",
}
_PICTURE = "'2016/07 summer/IMG_' || ((i + 3) / 4) || '.jpg'"
_CAPTION = "'2016/07 summer/IMG_' || ((i + 3) / 4) || '-' || (i % 4) || '.txt'"
_PATH = f"CASE WHEN i % 4 = 0 THEN {_PICTURE} ELSE {_CAPTION} END"
_FILL_FILES = f"""
INSERT INTO files (id, root_id, path, kind, size_bytes, mtime_ns, state, reason, digest)
SELECT i, CASE WHEN i <= {ELSEWHERE} THEN 2 ELSE 1 END, {_PATH},
    CASE WHEN i % 4 = 0 THEN 'image' ELSE 'caption' END, 1000, 1,
    CASE WHEN i > {FILES - SKIPPED} THEN 'skipped' ELSE 'indexed' END,
    CASE WHEN i > {FILES - SKIPPED} THEN 'truncated' END, 'digest ' || i
FROM {{numbers}} AS numbers"""
_FILL_ITEMS = f"""
INSERT INTO items
    (id, file_id, modality, position, text, about_path, width, height, searchable)
SELECT i, i, CASE WHEN i % 4 = 0 THEN 'image' ELSE 'text' END, 0,
    CASE WHEN i % 4 <> 0 THEN 'a dog runs over green grass after ball number ' || i END,
    CASE WHEN i % 4 <> 0 THEN {_PICTURE} END,
    CASE WHEN i % 4 = 0 THEN 4000 END, CASE WHEN i % 4 = 0 THEN 3000 END, {{true}}
FROM {{numbers}} AS numbers"""


def fill(engine: Engine) -> None:
    """Fills an empty catalogue; no statistics of the tables are made."""
    kind = engine.dialect.name
    numbers = _NUMBERS[kind]
    with engine.begin() as connection:
        found = MetaData()
        found.reflect(connection)
        indexes = [index for name in Base.metadata.tables for index in found.tables[name].indexes]
        if kind == "postgresql":  # no check of each foreign key; sqlite makes none from here
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for index in indexes:  # far quicker to make at the end
            connection.execute(DropIndex(index))
        roots = "INSERT INTO roots (id, path) VALUES (1, :one), (2, :two)"
        connection.execute(text(roots), {"one": ROOT, "two": OTHER_ROOT})
        connection.execute(text(_FILL_FILES.format(numbers=numbers.format(n=FILES))))
        true = "1" if kind == "sqlite" else "true"
        items = _FILL_ITEMS.format(numbers=numbers.format(n=FILES - SKIPPED), true=true)
        connection.execute(text(items))
        for index in indexes:
            connection.execute(CreateIndex(index))
        if kind == "postgresql":
            _count_on(connection)


def analyze(engine: Engine) -> None:
    """Makes the statistics that the database plans by; PostgreSQL does so by itself in time."""
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def file(number: int, *, size: int = 1000) -> SourceFile:
    """Returns the file of that number, as it was when it was stored."""
    root = OTHER_ROOT if number <= ELSEWHERE else ROOT
    picture = (number + 3) // 4
    if number % 4 == 0:
        path, kind = f"2016/07 summer/IMG_{picture}.jpg", Kind.IMAGE
    else:
        path, kind = f"2016/07 summer/IMG_{picture}-{number % 4}.txt", Kind.CAPTION
    return SourceFile(root, path, kind, size, 1, f"digest {number}")


def _count_on(connection: Connection) -> None:
    for name in ("roots", "files", "items"):
        connection.execute(
            text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")
        )
