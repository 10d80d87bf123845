"""A library of an earlier atisbo opens with all it has; a later one is refused in words."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from PIL import Image
from sqlalchemy import create_engine

from indexer.catalog import schema
from indexer.catalog.tables import REVISION
from indexer.cli import main


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    return config


REVISIONS = sorted(
    one.revision for one in ScriptDirectory.from_config(migrations()).walk_revisions()
)


@pytest.fixture(autouse=True)
def _instant_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATISBO_MODEL", "colour")


def atisbo(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, colour in (("red", (250, 0, 0)), ("green", (0, 250, 0)), ("blue", (0, 0, 250))):
        Image.new("RGB", (8, 8), colour).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"{name} all over\n")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


@pytest.fixture
def library(photos: Path, tmp_path: Path) -> Path:
    code, _, said = atisbo("index", photos, "--library", tmp_path / "library")
    assert code == 0, said
    return tmp_path / "library"


def put_back(library: Path, revision: str) -> None:
    """Makes the catalogue one of that revision, with the same rows as far as it knows them."""
    path, old = library / "catalog.db", library / "old.db"
    engine = create_engine(f"sqlite:///{old}")
    config = migrations()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("ATTACH ? AS new", (str(path),))
        for table in ("library", "roots", "files", "items"):
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
            connection.execute(
                f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}"
            )
        connection.commit()
    for leftover in library.glob("catalog.db*"):
        leftover.unlink()
    old.rename(path)


def rows(library: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows as the first schema knew them."""
    columns = {
        "roots": "id, path",
        "files": "id, root_id, path, kind, size_bytes, mtime_ns, state, reason",
        "items": "id, file_id, modality, position, text, about_path, width, height, searchable",
    }
    with closing(sqlite3.connect(library / "catalog.db")) as connection:
        return {
            table: connection.execute(f"SELECT {names} FROM {table} ORDER BY id").fetchall()
            for table, names in columns.items()
        }


def hits(library: Path, target: str) -> list[object]:
    code, said, failed = atisbo(
        "search", "blue", "--library", library, "--json", "-k", 3, "--target", target
    )
    assert code == 0, failed
    return [(one["item"]["path"], one["item"]["picture"]) for one in json.loads(said)["hits"]]


def vectors(library: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in (library / "spaces").rglob("*") if one.is_file()}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_library_of_an_earlier_schema_opens_whole_and_goes_on(
    library: Path, photos: Path, revision: str
) -> None:
    before, found, stored = rows(library), hits(library, "image"), vectors(library)
    captions = hits(library, "text")
    assert len(before["files"]) == 7
    put_back(library, revision)

    assert hits(library, "image") == found
    assert hits(library, "text") == captions
    assert rows(library) == before
    with closing(sqlite3.connect(library / "catalog.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (REVISION,)
        ]
    code, _, said = atisbo("index", photos, "--library", library)
    assert code == 0, said
    assert vectors(library) == stored  # nothing was embedded again
    assert rows(library)["items"] == before["items"]
    assert atisbo("verify", "--library", library)[0] == 0

    (photos / "green.png").unlink()
    Image.new("RGB", (8, 8), (0, 0, 90)).save(photos / "navy.png")
    assert atisbo("index", photos, "--library", library)[0] == 0
    assert atisbo("verify", "--library", library)[0] == 0
    held = {row[2] for row in rows(library)["files"]}
    assert "navy.png" in held
    assert "green.png" not in held
    highest = max(row[0] for row in before["items"])
    new = {row[0] for row in rows(library)["items"]} - {row[0] for row in before["items"]}
    assert min(new) > highest


def newer_schema(library: Path) -> None:
    with closing(sqlite3.connect(library / "catalog.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def newer_library(library: Path) -> None:
    head = json.loads((library / "library.json").read_text())
    (library / "library.json").write_text(json.dumps({**head, "format": 99}))


def newer_vectors(library: Path) -> None:
    (path,) = library.glob("spaces/*/image/manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))


NEWER = {"schema": newer_schema, "library": newer_library, "vectors": newer_vectors}


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER)
def test_a_newer_library_is_refused_in_one_line_and_left_alone(
    library: Path, photos: Path, tmp_path: Path, newer: Callable[[Path], None]
) -> None:
    newer(library)
    before = vectors(library), rows(library), (library / "library.json").read_bytes()
    for arguments in (
        ("search", "blue"),
        ("index", photos),
        ("status",),
        ("duplicates",),
        ("backup", tmp_path / "copy"),
    ):
        code, said, failed = atisbo(*arguments, "--library", library)
        assert (code, said) == (2, ""), (arguments, said, failed)
        assert failed.startswith("atisbo: "), arguments
        assert failed.endswith("Update atisbo.\n"), arguments
        assert len(failed.splitlines()) == 1, arguments
    assert (vectors(library), rows(library), (library / "library.json").read_bytes()) == before
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER)
def test_the_service_does_not_start_on_a_newer_library(
    library: Path, newer: Callable[[Path], None]
) -> None:
    newer(library)
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "serve", "--library", str(library), "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(os.environ),
    )
    assert done.returncode == 2
    assert done.stderr.endswith("Update atisbo.\n"), done.stderr
    assert [line for line in done.stderr.splitlines() if "Update" in line] == [
        done.stderr.splitlines()[-1]
    ]
    assert "Traceback" not in done.stderr
