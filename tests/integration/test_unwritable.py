"""A library that cannot be written: read-only, full, or in use. Readers go on, writers say so."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from indexer.library import open_library
from indexer.types import Modality

COLOURS = ("red", "green", "blue")
ENVIRONMENT = {**os.environ, "ATISBO_MODEL": "colour", "ATISBO_INDEX": "exact"}
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
NOT_ROOT = ("--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override")

Wrap = Callable[[Path], list[str]]


def atisbo(*arguments: object, by: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*(by or []), sys.executable, "-m", "indexer", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=ENVIRONMENT,
    )


def works(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in COLOURS:
        Image.new("RGB", (40, 30), name).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"{name}\n")
    return folder


@pytest.fixture
def library(photos: Path) -> Path:
    folder = photos.parent / "library"
    ended = atisbo("index", photos, "--library", folder)
    assert ended.returncode == 0, ended.stderr
    return folder


def mounted(library: Path) -> list[str]:
    """Returns how to run a command that sees the library on a read-only file system."""
    if not works("unshare", "-m", "true"):
        pytest.skip("this account may not mount a file system for a test")
    return ["unshare", "-m", "sh", "-c", READ_ONLY, str(library)]


def forbidden(library: Path) -> list[str]:
    """Returns how to run a command as one that may read the library and not write it."""
    for path in [library, *library.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() != 0:
        return []
    if not works("setpriv", *NOT_ROOT, "true"):
        pytest.skip("permissions do not bind root, who cannot lay that power down here")
    return ["setpriv", *NOT_ROOT]


@pytest.fixture(params=[mounted, forbidden])
def by(request: pytest.FixtureRequest, library: Path) -> list[str]:
    wrap: Wrap = request.param
    return wrap(library)


def blue_is_found(library: Path, by: list[str]) -> None:
    found = atisbo("search", "blue", "--library", library, "--json", by=by)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["hits"][0]["item"]["path"] == "blue.png"


def is_refused(ended: subprocess.CompletedProcess[str], *facts: object) -> None:
    """Asserts one clear line, and exit 2."""
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.count("\n") == 1
    for fact in facts:
        assert str(fact) in ended.stderr


def content(library: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in library.rglob("*") if path.is_file()}


def test_all_that_only_reads_works_on_a_read_only_library(library: Path, by: list[str]) -> None:
    before = content(library)
    blue_is_found(library, by)
    for command in (["status"], ["verify"], ["evaluate", "--json"]):
        ended = atisbo(*command, "--library", library, by=by)
        assert ended.returncode == 0, ended.stderr
    assert content(library) == before


def test_all_that_writes_says_in_a_line_that_it_cannot(
    photos: Path, library: Path, by: list[str]
) -> None:
    (photos / "red.txt").write_text("green\n")
    for command in (["index", photos], ["verify", "--repair"], ["forget", photos / "red.png"]):
        ended = atisbo(*command, "--library", library, by=by)
        is_refused(ended, f"the library {library} cannot be written")


def test_a_read_only_library_is_served(library: Path) -> None:
    command = [*mounted(library), sys.executable, "-m", "indexer", "serve", "--port", "0"]
    running = subprocess.Popen(
        [*command, "--library", str(library)], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert running.stdout is not None
    try:
        url = running.stdout.readline().partition(" at ")[2].partition(" ")[0]
        with urllib.request.urlopen(f"{url}api/v1/search?q=blue", timeout=30) as answer:
            assert json.loads(answer.read())["hits"][0]["item"]["path"] == "blue.png"
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(30)
        running.stdout.close()


def unmerged(library: Path) -> None:
    """Leaves what was written last in the log beside the database, as a kill does."""
    writes = "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    writes += "c.execute(\"UPDATE items SET text = 'a blue one' WHERE text = 'blue'\"); os._exit(0)"
    subprocess.run([sys.executable, "-c", writes, str(library / "catalog.db")], check=True)
    assert (library / "catalog.db-wal").stat().st_size > 0


def captions(library: Path, by: list[str]) -> set[str]:
    command = ["search", "blue", "--target", "text", "--json"]
    found = atisbo(*command, "--library", library, by=by)
    assert found.returncode == 0, found.stderr
    return {hit["item"]["text"] for hit in json.loads(found.stdout)["hits"]}


@pytest.mark.parametrize("wrap", [mounted, forbidden])
def test_what_a_killed_writer_wrote_last_is_read(library: Path, wrap: Wrap) -> None:
    unmerged(library)
    assert captions(library, wrap(library)) == {"red", "green", "a blue one"}


def test_a_log_that_cannot_be_read_is_named(library: Path) -> None:
    unmerged(library)
    (library / "catalog.db-shm").unlink()
    by = mounted(library)
    is_refused(atisbo("status", "--library", library, by=by), "catalog.db-wal", "atisbo status")
    assert atisbo("status", "--library", library).returncode == 0
    blue_is_found(library, by)


def test_readers_who_may_not_write_follow_one_who_does(photos: Path, library: Path) -> None:
    by = forbidden(library)
    catalog = open_library(library, index="exact").catalog  # as one who writes keeps it open
    try:
        for path in [library, *library.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        Image.new("RGB", (50, 50), "yellow").save(photos / "yellow.png")
        assert atisbo("index", photos, "--library", library).returncode == 0
        by = forbidden(library)
        found = atisbo("search", "yellow", "--library", library, "--json", by=by)
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)["hits"][0]["item"]["path"] == "yellow.png"
    finally:
        catalog.close()


def test_a_catalogue_of_old_on_a_read_only_library_is_refused_in_words(library: Path) -> None:
    database = sqlite3.connect(library / "catalog.db")
    database.execute("UPDATE alembic_version SET version_num = '0002'")
    database.commit()
    database.close()
    ended = atisbo("status", "--library", library, by=mounted(library))
    is_refused(ended, library / "catalog.db", "schema 0002", "cannot be written here")


FULL = """
mount -t tmpfs -o size=400k tmpfs "$0" || exit 99
"$@" > "$0.said" 2>&1; echo $? > "$0.exit"
"$PYTHON" -m indexer verify --library "$0/library" --json > "$0.verified"
mount -o remount,size=20m "$0" || exit 99
"$@" || exit 98
"$PYTHON" -m indexer verify --library "$0/library" > "$0.verified-again" || exit 97
cp -r "$0/library" "$0.kept"
"""


def test_a_disk_that_fills_up_is_named_and_with_room_again_it_goes_on(tmp_path: Path) -> None:
    if not works("unshare", "-m", "true"):
        pytest.skip("this account may not mount a file system for a test")
    photos, disk = tmp_path / "photos", tmp_path / "disk"
    photos.mkdir()
    disk.mkdir()
    for number in range(120):
        Image.effect_noise((90, 60), 90).convert("RGB").save(photos / f"{number}.png")
    command = [sys.executable, "-m", "indexer", "index", str(photos)]
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL, disk, *command, "--library", disk / "library"],
        env={**ENVIRONMENT, "ATISBO_CHECKPOINT_ITEMS": "8", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    said = Path(f"{disk}.said").read_text()
    assert ended.returncode == 0, ended.stderr + said
    assert Path(f"{disk}.exit").read_text() == "2\n"
    assert "Traceback" not in said
    assert str(disk / "library") in said
    assert "cannot be written: No space left on device" in said
    verified = json.loads(Path(f"{disk}.verified").read_text())
    assert verified["sound"], verified
    assert 0 < verified["counts"]["image rows"] < 120
    opened = open_library(Path(f"{disk}.kept"), index="exact")
    assert len(opened.catalog.ids(Modality.IMAGE)) == len(opened.indexes[Modality.IMAGE]) == 120
    opened.catalog.close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system stops no processes")
def test_a_second_indexer_is_refused_and_told_what_to_do(photos: Path, tmp_path: Path) -> None:
    library = tmp_path / "busy"
    command = [sys.executable, "-m", "indexer", "index", str(photos), "--library", str(library)]
    first = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not (library / "library.json").exists():
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    first.send_signal(signal.SIGSTOP)  # it holds the lock, and is in no hurry
    try:
        second = atisbo("index", photos, "--library", library)
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGCONT)
    is_refused(
        second, f"another atisbo is indexing into {library}", "Wait for it to end", "--library"
    )
    assert first.wait(60) == 0
    assert atisbo("verify", "--library", library).returncode == 0
