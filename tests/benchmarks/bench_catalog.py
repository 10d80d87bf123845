"""The catalogue's writes on SQLite and on PostgreSQL, beside the bare INSERT or COPY of the rows.

Each database is filled with checkpoints of 4,096 items, pictures and captions in turn, then a part
of the files changes, moves and goes. PostgreSQL is started for the occasion, with fsync on.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import psycopg
from conditions import hardware, versions
from rich.console import Console
from rich.table import Table

from indexer.catalog import open_catalog
from indexer.catalog.sql import SqlCatalog
from indexer.types import EmbeddedFile, EmbeddedItem, Kind, Modality, Skipped, SourceFile
from tests import postgres

ROOT = "/home/someone/Pictures/archive"
CHECKPOINT = 4096
CAPTIONS_PER_PICTURE = 3
_NO_VECTORS = np.empty((0, 1), np.float32)
_COLUMNS = "file_id, modality, position, text, about_path, width, height, searchable"


def path_of(number: int) -> str:
    """Returns a path such as cameras make them."""
    return f"{2010 + number // 20_000}/2016-07-{number // 500 % 31:02d} Summer/IMG_{number:07d}.jpg"


def source(path: str, kind: Kind, *, size: int = 2_345_678) -> SourceFile:
    return SourceFile(ROOT, path, kind, size, 1_700_000_000_000_000_000 + size, "0f" * 16)


def pictures(first: int, n: int) -> list[EmbeddedFile]:
    item = [EmbeddedItem(width=4032, height=3024)]
    return [
        EmbeddedFile(source(path_of(one), Kind.IMAGE), Modality.IMAGE, item, _NO_VECTORS)
        for one in range(first, first + n)
    ]


def captions(first: int, n: int) -> list[EmbeddedFile]:
    """Returns files of three captions each, n captions in all, of pictures from `first` on."""
    made: list[EmbeddedFile] = []
    for start in range(0, n, CAPTIONS_PER_PICTURE):
        about = path_of(first + start // CAPTIONS_PER_PICTURE)
        items = [
            EmbeddedItem(at, f"a dog runs over green grass after ball number {at}", about)
            for at in range(min(CAPTIONS_PER_PICTURE, n - start))
        ]
        path = about.removesuffix(".jpg") + ".txt"
        made.append(EmbeddedFile(source(path, Kind.CAPTION), Modality.TEXT, items, _NO_VECTORS))
    return made


def checkpoints(n: int) -> list[list[EmbeddedFile]]:
    """Returns n items as checkpoints, one of pictures and one of captions in turn."""
    made: list[list[EmbeddedFile]] = []
    for number in range(n // CHECKPOINT):
        first = number // 2 * CHECKPOINT
        made.append((captions if number % 2 else pictures)(first, CHECKPOINT))
    return made


def timed(times: dict[str, float], name: str, action: Callable[[], object]) -> None:
    started = time.perf_counter()
    action()
    times[name] = times.get(name, 0.0) + time.perf_counter() - started


def measure(catalog: SqlCatalog, n: int, some: int) -> dict[str, float]:
    """Returns the seconds that each step took."""
    times: dict[str, float] = {}
    work = checkpoints(n)
    for files in work:
        timed(times, f"add {n:,} items", lambda files=files: catalog.add(files))
        done = [file.source for file in files]
        timed(times, f"publish {n:,} items", lambda done=done: catalog.publish(done))
    kept = [file.source for files in work[::2] for file in files][:some]
    every = [file.source for files in work for file in files]
    timed(times, f"changed, all {len(every):,} files", lambda: catalog.changed(every))
    timed(times, "changed, 10 files", lambda: catalog.changed(kept[:10]))
    news = [replace(one, size_bytes=one.size_bytes + 1) for one in kept]
    again = [
        EmbeddedFile(one, Modality.IMAGE, [EmbeddedItem(width=1, height=1)], _NO_VECTORS)
        for one in news
    ]
    for start in range(0, len(again), CHECKPOINT):
        part = again[start : start + CHECKPOINT]
        timed(times, f"replace {some:,} pictures", lambda part=part: catalog.add(part))
        done = [file.source for file in part]
        timed(times, f"replace {some:,} pictures", lambda done=done: catalog.publish(done))
    moves = [(one, replace(one, path=f"renamed/{one.path}")) for one in news]
    timed(times, f"move {some:,} pictures", lambda: catalog.move(moves))
    links = {
        file.source: [(item.position, item.about) for item in file.items]
        for file in work[1][: some // CAPTIONS_PER_PICTURE]
    }
    linked = sum(map(len, links.values()))
    timed(times, f"relink {linked:,} captions", lambda: catalog.relink(links))
    moved = [new for _, new in moves]
    bad: Sequence[Skipped] = [Skipped(one, "truncated after 7 bytes") for one in moved[: some // 2]]
    timed(times, f"skip {len(bad):,} files", lambda: catalog.publish(bad))
    timed(times, f"forget {some:,} files", lambda: catalog.forget(moved))
    timed(times, "heal", catalog.heal)
    return times


def bare_sqlite(folder: Path, rows: list[tuple[object, ...]]) -> float:
    """Returns the seconds of inserting the rows of items alone, without an index or a promise."""
    connection = sqlite3.connect(folder / "bare.db")
    connection.execute(f"CREATE TABLE items (id INTEGER PRIMARY KEY, {_COLUMNS})")
    started = time.perf_counter()
    marks = ", ".join("?" * len(rows[0]))
    connection.executemany(f"INSERT INTO items ({_COLUMNS}) VALUES ({marks})", rows)
    connection.commit()
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def bare_postgres(url: str, rows: list[tuple[object, ...]]) -> float:
    """Returns the seconds of copying the rows of items alone into a table without an index."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE bare AS SELECT * FROM items LIMIT 0")
        started = time.perf_counter()
        with connection.cursor().copy(f"COPY bare ({_COLUMNS}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return time.perf_counter() - started


def bare_rows(n: int) -> list[tuple[object, ...]]:
    return [
        (number, file.modality.value, item.position, item.text, item.about, item.width, item.height,
         False)
        for number, files in enumerate(checkpoints(n))
        for file in files
        for item in file.items
    ]  # fmt: skip


@click.command(help=__doc__)
@click.option("--items", default=25 * CHECKPOINT, show_default=True)
@click.option("--some", default=10_000, show_default=True, help="Files that change, move and go.")
def main(items: int, some: int) -> None:
    """Measures both databases and prints one table."""
    programs = postgres.programs()
    if programs is None:
        raise SystemExit("PostgreSQL's server programs are not installed")
    found: dict[str, dict[str, float]] = {}
    rows = bare_rows(items)
    with tempfile.TemporaryDirectory() as name, postgres.running(programs, fsync=True) as server:
        for kind, url in (
            ("SQLite", f"sqlite:///{name}/catalog.db"),
            ("PostgreSQL", server.new_database()),
        ):
            catalog = open_catalog(url)
            found[kind] = measure(catalog, items, some)
            catalog.close()
            bare = bare_sqlite(Path(name), rows) if kind == "SQLite" else bare_postgres(url, rows)
            found[kind][f"bare INSERT or COPY of {len(rows):,} items"] = bare
    table = Table(title="Seconds", title_justify="left")
    for column in ("", *found, "PostgreSQL / SQLite"):
        table.add_column(column, justify="left" if not column else "right")
    for step in found["SQLite"]:
        lite, pg = found["SQLite"][step], found["PostgreSQL"][step]
        table.add_row(step, f"{lite:.3f}", f"{pg:.3f}", f"{pg / lite:.2f}")
    console = Console()
    console.print(table)
    console.print(f"{hardware('cpu', len(os.sched_getaffinity(0)))}; {versions()}", highlight=False)


if __name__ == "__main__":
    main()
