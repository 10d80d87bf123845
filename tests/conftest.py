"""Fixtures that every kind of test may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres as postgresql

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real media beside the checkout, or the one ATISBO_TEST_DATA names."""
    folder = Path(os.environ.get("ATISBO_TEST_DATA", _SHARED_DATA))
    if not folder.is_dir():
        pytest.skip(f"there is no test data in {folder}; name its folder in ATISBO_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def teacher(shared_data: Path) -> str:
    """The name of the small real dual encoder among the test data."""
    return f"open_clip:local-dir:{shared_data / 'teacher'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgresql.Server]:
    """A PostgreSQL server that runs; tests that stop it have to start it again."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = postgresql.programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs are not installed")
    with postgresql.running(programs) as server:
        yield server


@pytest.fixture(scope="session")
def postgres(postgres_server: postgresql.Server) -> str:
    """The SQLAlchemy URL of a fresh server, up to the database name."""
    return postgres_server.url("{name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    server: postgresql.Server = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the settings of the person who runs the tests out of them."""
    for name in os.environ:
        if name.startswith("ATISBO_") and name != "ATISBO_TEST_DATA":
            monkeypatch.delenv(name)
