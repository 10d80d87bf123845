"""A process whose durable operations are numbered and named, and one of which can go wrong.

    python -m tests.integration.faults < jobs > answers       one JSON object a line

A job names a scenario, the library it works on, and a fault: none, `kill` (SIGKILL before or after
operation number `at`) or `full` (operation number `at` fails as on a full disk). Each job runs in a
fork of this process, so that imports are paid once. Operations are what outlives the process: every
write to a file, fsync, rename, deletion, new folder, and every SQL statement that changes a row and
every commit after one.
"""

import builtins
import errno
import functools
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.engine.default import DefaultDialect

from indexer.cli import main
from indexer.commands import forget, index, models, passes, verify
from indexer.embedders import open_embedder
from indexer.embedders.adapted import Adapter, Residual
from indexer.embedders.colour import ColourEmbedder
from indexer.errors import AtisboError
from indexer.spaces import add_space, spaces
from indexer.types import Embedder, Modality

COMMANDS = (forget, index, models, verify)  # imported before the forks
_CHANGES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP)\s+(?:TABLE )?(\w+)")


class Fault:
    """Counts operations, and lets one go wrong."""

    def __init__(self, library: str, kind: str | None, at: int, when: str) -> None:
        self.library = library
        self.kind = kind
        self.at = at
        self.when = when
        self.names: list[str] = []
        self.changed = False

    def around(self, name: str, act: Callable[[], Any], full: Callable[[], Exception]) -> Any:
        """Does the operation as the next one; or does not, where that is the fault."""
        self.names.append(name)
        hit = self.at == len(self.names) - 1
        if hit and self.kind == "full":
            raise full()
        if hit and self.kind == "kill" and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return act()
        finally:  # an operation that fails by itself has been, too
            if hit and self.kind == "kill":
                os.kill(os.getpid(), signal.SIGKILL)

    def inside(self, path: object) -> str | None:
        """Returns the path within the library, without what differs from run to run."""
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        if not isinstance(text, str) or not text.startswith(self.library):
            return None
        inner = text[len(self.library) :].strip("/") or "."
        inner = re.sub(r"^spaces/[^/]+(/(?:image|text))?", r"spaces/SPACE", inner)
        return re.sub(r"\d+", "N", inner)


def disk_full() -> Exception:
    """Returns what the system says when a disk is full."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Written:
    """A file whose writes are operations."""

    def __init__(self, file: Any, name: str, fault: Fault) -> None:
        self._file = file
        self._name = name
        self._fault = fault

    def write(self, content: Any) -> int:
        """Writes, if that is what shall happen."""
        act = functools.partial(self._file.write, content)
        written: int = self._fault.around(f"write {self._name}", act, disk_full)
        self._file.flush()
        return written

    def __enter__(self) -> "Written":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def install(fault: Fault) -> None:
    """Puts the fault between this process and everything durable."""
    for name in ("replace", "rename", "unlink", "remove", "rmdir", "mkdir"):
        _watch_call(fault, name)
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        inner = fault.inside(Path(f"/proc/self/fd/{descriptor}").readlink())
        act = functools.partial(real_fsync, descriptor)
        fault.around(f"fsync {inner}", act, disk_full) if inner else act()

    os.fsync = fsync
    real_open = io.open

    def opened(path: Any, mode: str = "r", *more: Any, **options: Any) -> Any:
        inner = fault.inside(path) if set(mode) & set("wax+") else None
        if inner is None:
            return real_open(path, mode, *more, **options)
        act = functools.partial(real_open, path, mode, *more, **options)
        return Written(fault.around(f"open {inner}", act, disk_full), inner, fault)

    io.open = opened
    builtins.open = opened
    _watch_database(fault)


def _watch_call(fault: Fault, name: str) -> None:
    real = getattr(os, name)

    def call(path: Any, *more: Any, **options: Any) -> Any:
        target = more[0] if more and isinstance(more[0], str | os.PathLike) else path
        known = options.get("dir_fd") is None
        inner = fault.inside(target if known else f"{fault.library}/{path}")
        act = functools.partial(real, path, *more, **options)
        if name == "mkdir" and Path(path).is_dir():
            return act()  # nothing is made
        return fault.around(f"{name} {inner}", act, disk_full) if inner else act()

    setattr(os, name, call)


def _watch_database(fault: Fault) -> None:
    def full() -> Exception:
        return sqlite3.OperationalError("database or disk is full")

    def executing(real: Callable[..., Any]) -> Callable[..., Any]:
        def execute(self: Any, cursor: Any, statement: str, *more: Any) -> Any:
            act = functools.partial(real, self, cursor, statement, *more)
            if not (found := _CHANGES.match(statement)):
                return act()
            fault.changed = True
            return fault.around(f"{found[1]} {found[2]}", act, full)

        return execute

    for name in ("do_execute", "do_executemany"):
        setattr(DefaultDialect, name, executing(getattr(DefaultDialect, name)))
    commit = DefaultDialect.do_commit

    def committing(self: Any, connection: Any) -> None:
        act = functools.partial(commit, self, connection)
        if fault.changed:
            fault.changed = False
            fault.around("COMMIT", act, full)
        else:
            act()

    DefaultDialect.do_commit = committing


class OtherColour(ColourEmbedder):
    """Another model, as far as anybody can tell."""

    name = "other"
    fingerprint = "0123456789abcdef"


def _opened(name: str, **options: str) -> Embedder:
    return OtherColour() if name == "other" else open_embedder(name, **options)


def taught(library: str) -> None:
    """Makes a taught space in the library."""
    draw = np.random.default_rng(0)
    shapes = ((4, 3), (4,), (3, 4), (3,))
    residual = Residual(*(draw.normal(size=shape).astype(np.float32) for shape in shapes))
    base = next(space for space in spaces(Path(library)) if space.base is None)
    add_space(Path(library), base, Adapter(dict.fromkeys(Modality, residual)), {})


def run(argv: list[str], library: str) -> int:
    """Runs the command, as its own process would; `teach` stands for making a taught space."""
    passes.open_embedder = _opened
    try:
        if argv == ["teach"]:
            try:
                taught(library)
            except AtisboError as error:
                sys.stderr.write(f"atisbo: {error}\n")
                return 2
        else:
            main([*argv, "--library", library], standalone_mode=False)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def child(job: dict[str, Any], log: Path) -> None:
    """Does a job, writes down what it did, and never returns."""
    code = 99
    fault = Fault(job["library"], job.get("kind"), job.get("at", -1), job.get("when", "before"))
    with log.open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        real_open = io.open
        try:
            install(fault)
            code = run(job["argv"], job["library"])
        except BaseException:  # noqa: BLE001 - whatever it is, the test must hear of it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            with real_open(f"{log}.points", "w") as points:
                json.dump(fault.names, points)
            os._exit(code)


def serve() -> None:
    """Does one job for each line of input."""
    for line in sys.stdin:
        job = json.loads(line)
        log = Path(job["log"])
        process = os.fork()
        if process == 0:
            child(job, log)
        _, status = os.waitpid(process, 0)
        points = Path(f"{log}.points")
        answer = {
            "killed": os.WIFSIGNALED(status),
            "code": None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status),
            "points": json.loads(points.read_text()) if points.exists() else [],
            "said": log.read_text(),
        }
        shutil.rmtree(log.parent / "gone", ignore_errors=True)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
