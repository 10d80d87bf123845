"""Every durable operation below a folder as a numbered, named point at which it can go wrong.

Files are watched where Python hands them to the system; SQLite writes in C, so its points are the
statements that write and COMMIT.
"""

import builtins
import errno
import io
import os
import re
import signal
import sqlite3
import sqlite3.dbapi2
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITES = re.compile(r"\s*(insert|update|delete|create|drop|alter|pragma journal_mode)\b", re.I)
_TABLE = re.compile(r"\b(?:into|update|from|table|index)\s+\"?(\w+)", re.I)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at point `at`.

    `how` is a SIGKILL `before` it, `after` it or, of a write, `half` way; or the disk is `full`
    from then on: half of a write is done, then no more.
    """

    at: int
    how: str


class Points:
    """The points of this process so far, in order; the fault strikes at its own."""

    def __init__(self, folder: Path, fault: Fault | None) -> None:
        self.names: list[str] = []
        self._prefix = f"{folder}{os.sep}"
        self._fault = fault

    def inside(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._prefix)  # type: ignore[arg-type]  # bytes are not used here

    def named(self, what: str, path: object) -> str:
        """Returns the name of a point: runs of digits and names of spaces are all the same."""
        inner = str(path).removeprefix(self._prefix)
        inner = re.sub(r"^spaces/[^/]+", "spaces/*", inner)
        return f"{what} {re.sub(r'[0-9]+', 'N', inner)}"

    def file(
        self,
        name: str,
        act: Callable[[], Any],
        *,
        half: Callable[[], Any] | None = None,
        full: Exception | None = None,
        grows: bool = True,
    ) -> Any:
        """Does what is at the point, unless the fault comes first."""
        number = len(self.names)
        self.names.append(name)
        fault = self._fault
        if fault is None or number < fault.at:
            return act()
        if fault.how == "full":
            if number > fault.at and not grows:
                return act()
            if half is not None and number == fault.at:
                half()
            raise full or OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if number > fault.at or fault.how == "before":
            die()
        if fault.how == "half" and half is not None:
            half()
        else:
            act()
        return die()

    def database(self, name: str, act: Callable[[], Any]) -> Any:
        full = sqlite3.OperationalError("database or disk is full")
        return self.file(f"database {name}", act, full=full)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _File:
    """A file being written: each write goes through to the system, and is a point."""

    def __init__(self, points: Points, path: str, file: Any) -> None:
        self._points, self._path, self._file = points, path, file

    def write(self, content: Any) -> int:
        def put(some: Any) -> int:
            written = self._file.write(some)
            self._file.flush()
            return int(written)

        return int(
            self._points.file(
                self._points.named("write", self._path),
                lambda: put(content),
                half=lambda: put(content[: len(content) // 2]),
            )
        )

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def watch(folder: Path, fault: Fault | None) -> Points:
    """Returns the points of this process from now on; to be called once in a process."""
    points = Points(folder, fault)
    _watch_files(points)
    _watch_folders(points)
    _watch_sqlite(points)
    return points


def _watch_files(points: Points) -> None:
    real_open, real_low_open, real_fsync = io.open, os.open, os.fsync

    def open_(file: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        def real() -> Any:
            return real_open(file, mode, *more, **options)

        if not points.inside(file) or not set(mode) & set("wax+"):
            return real()
        return _File(points, str(file), points.file(points.named("create", file), real))

    def low_open(path: Any, flags: int, *more: Any, **options: Any) -> int:
        def real() -> int:
            return real_low_open(path, flags, *more, **options)

        if points.inside(path) and flags & os.O_CREAT:
            return int(points.file(points.named("create", path), real))
        return real()

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if points.inside(path):
            # Not done: a process that is killed leaves the same behind with it and without it.
            points.file(points.named("fsync", path), lambda: None)
        else:
            real_fsync(descriptor)

    io.open = builtins.open = open_  # type: ignore[assignment]  # stands for it here alone
    os.open, os.fsync = low_open, fsync  # type: ignore[assignment]  # the same


def _watch_folders(points: Points) -> None:
    def watched(name: str, *, grows: bool, second: bool = False) -> None:
        real = getattr(os, name)

        def call(path: Any, *more: Any, **options: Any) -> Any:
            place = path
            if options.get("dir_fd") is not None:  # as shutil.rmtree does
                place = Path(f"/proc/self/fd/{options['dir_fd']}").readlink() / path
            if not points.inside(place):
                return real(path, *more, **options)
            shown = more[0] if second else place
            return points.file(
                points.named(name, shown), lambda: real(path, *more, **options), grows=grows
            )

        setattr(os, name, call)

    watched("mkdir", grows=True)
    for name in ("rename", "replace"):
        watched(name, grows=False, second=True)
    for name in ("unlink", "remove", "rmdir"):
        watched(name, grows=False)


def _watch_sqlite(points: Points) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, statement: str, *more: Any) -> Any:
            act = super().execute
            # Not needed, as with fsync above.
            statement = statement.replace("synchronous=FULL", "synchronous=OFF")
            if WRITES.match(statement):
                return points.database(_short(statement), lambda: act(statement, *more))
            return act(statement, *more)

        def executemany(self, statement: str, *more: Any) -> Any:
            act = super().executemany
            return points.database(_short(statement), lambda: act(statement, *more))

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            act = super().commit
            if self.in_transaction and self.total_changes > self._changes:
                points.database("COMMIT", act)
                self._changes = self.total_changes
            else:
                act()

        _changes = 0

    real = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        found: sqlite3.Connection = real(*arguments, factory=Connection, **options)
        return found

    sqlite3.connect = sqlite3.dbapi2.connect = connect  # type: ignore[assignment]  # stands for it


def _short(statement: str) -> str:
    verb = WRITES.match(statement)
    table = _TABLE.search(statement)
    return " ".join([verb[1].upper() if verb else "EXECUTE", table[1] if table else ""]).strip()
