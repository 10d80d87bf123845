"""A PostgreSQL server of the tests' own, where its programs are installed."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text


def programs() -> Path | None:
    """Returns the folder of the newest server's programs, None if there are none."""
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda path: int(path.parts[-3]), default=None)
    found = newest or shutil.which("initdb")
    return Path(found).parent if found else None


@dataclass(frozen=True, slots=True)
class Server:
    """A server on a socket in `folder`, which holds its data too."""

    programs: Path
    folder: Path
    fsync: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, name: str) -> str:
        """Returns the SQLAlchemy URL of the database of that name."""
        return f"postgresql+psycopg://atisbo@/{name}?host={self.folder}"

    def new_database(self) -> str:
        """Returns the URL of a database made now."""
        name = f"fresh_{next(self._numbers)}"
        admin = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return self.url(name)

    def start(self) -> None:
        fsync = "on" if self.fsync else "off"
        options = f"-k {self.folder} -c listen_addresses='' -c fsync={fsync}"
        self._control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Ends it; `immediate` is how a crash ends it."""
        self._control("-m", mode, "stop")

    def make(self) -> None:
        """Makes the data folder."""
        self._run("initdb", "-A", "trust", "-U", "atisbo", "-E", "UTF8")

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-w", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.folder / "data"), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root; its package brings a user for it
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)


@contextmanager
def running(programs: Path, *, fsync: bool = False) -> Iterator[Server]:
    """A fresh server, gone without a trace afterwards."""
    server = Server(programs, Path(tempfile.mkdtemp(prefix="atisbo-postgres-")), fsync)
    try:
        if os.geteuid() == 0:
            shutil.chown(server.folder, "postgres", "postgres")
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(server.folder)
