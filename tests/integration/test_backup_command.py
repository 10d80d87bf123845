"""`atisbo backup` while an indexer writes: every copy is sound, searchable, and can go on."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer import backup as backups
from indexer.backup import backup
from indexer.catalog import open_catalog
from indexer.embedders.adapted import EMBEDDED, Adapter, Residual
from indexer.errors import Unavailable
from indexer.library import open_library
from indexer.spaces import add_space, spaces, use_space
from indexer.types import Modality

COMMAND = [sys.executable, "-m", "indexer"]
ENVIRONMENT = {**os.environ, "ATISBO_MODEL": "colour", "ATISBO_CHECKPOINT_ITEMS": "3"}


def atisbo(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=ENVIRONMENT,
    )


def draw(path: Path, colour: tuple[int, int, int]) -> None:
    Image.new("RGB", (12, 9), colour).save(path)
    path.with_suffix(".txt").write_text(f"{path.stem}\n")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(40):
        draw(folder / f"{number}.png", (6 * number, 0, 200))
    return folder


@pytest.fixture
def library(photos: Path) -> Path:
    """Forty pictures and captions; the live space is a taught one."""
    folder = photos.parent / "library"
    assert atisbo("index", photos, "--library", folder).returncode == 0
    random_ = np.random.default_rng(0)
    residual = Residual(
        *(random_.normal(size=s).astype(np.float32) for s in ((4, 3), (4,), (3, 4), (3,)))
    )
    (base,) = spaces(folder)
    use_space(folder, add_space(folder, base, Adapter(dict.fromkeys(EMBEDDED, residual)), {}).name)
    return folder


def is_sound(library: Path) -> bool:
    """Whether rows and vectors agree; the files may have changed since."""
    checked = json.loads(atisbo("verify", "--library", library, "--json").stdout)
    wrong = [one for one in checked["findings"] if " files of " not in one["fact"]]
    assert not wrong, wrong
    return bool(checked["counts"]["image rows"])


def found(library: Path) -> list[str]:
    result = atisbo("search", "blue", "--library", library, "--json", "-k", 5)
    assert result.returncode == 0, result.stderr
    return [Path(hit["item"]["path"]).name for hit in json.loads(result.stdout)["hits"]]


def test_the_copy_is_a_library_with_the_same_hits_spaces_and_pictures(
    library: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "far" / "copy"
    result = atisbo("backup", copy, "--library", library, "--thumbnails")
    assert result.returncode == 0, result.stderr
    assert "40 pictures and 40 captions, 2 spaces, 40 thumbnails" in result.stdout
    assert is_sound(copy)
    assert found(copy) == found(library)
    assert [(one.name, one.live) for one in spaces(copy)] == [
        (one.name, one.live) for one in spaces(library)
    ]
    assert len(list((copy / "thumbnails").rglob("*.webp"))) == 40
    assert [one.name for one in copy.parent.iterdir()] == ["copy"]
    assert atisbo("verify", "--library", copy).returncode == 0


def test_what_exists_stays_as_it_is(library: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    result = atisbo("backup", tmp_path / "there", "--library", library)
    assert (result.returncode, "exists already" in result.stderr) == (2, True)
    assert list((tmp_path / "there").iterdir()) == []
    result = atisbo("backup", library / "copy", "--library", library)
    assert (result.returncode, "lies in the library" in result.stderr) == (2, True)
    result = atisbo("backup", tmp_path / "copy", "--library", tmp_path / "none")
    assert (result.returncode, "no library" in result.stderr) == (2, True)
    assert not (tmp_path / "none").exists()


def test_a_failed_backup_leaves_nothing(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "segment")

    monkeypatch.setattr(backups, "_copy_rows", full)
    before = sorted(tmp_path.iterdir())
    catalog = open_catalog(library / "catalog.db")
    with pytest.raises(Unavailable, match="No space left on device"):
        backup(library, tmp_path / "copy", catalog, open_catalog)
    catalog.close()
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_deleted_or_added_while_copying_is_left_out_of_the_copy(
    library: Path, photos: Path, tmp_path: Path
) -> None:
    class Meanwhile:
        """Another process deletes, adds and changes right after the rows were copied."""

        def backup(self, path: Path) -> None:
            catalog = open_catalog(library / "catalog.db")
            catalog.backup(path)
            catalog.close()
            (photos / "3.png").unlink()
            draw(photos / "4.png", (1, 2, 3))
            draw(photos / "new.png", (3, 2, 1))
            assert atisbo("index", photos, "--library", library).returncode == 0

    copy = tmp_path / "copy"
    copied = backup(library, copy, Meanwhile(), open_catalog)
    assert copied.left_out == 3  # a caption goes with its picture
    assert copied.items == {Modality.IMAGE: 38, Modality.TEXT: 39, Modality.VIDEO: 0}
    assert is_sound(copy)
    # The copy gives out ids that the library gave to others meanwhile.
    result = atisbo("index", photos, "--library", copy)
    assert result.returncode == 0, result.stderr
    assert is_sound(copy)
    opened = open_library(copy)
    counts = opened.catalog.counts()
    opened.catalog.close()
    assert counts.items == {Modality.IMAGE: 40, Modality.TEXT: 40}
    assert atisbo("verify", "--library", copy).returncode == 0


def test_a_switch_of_spaces_while_copying_is_followed(library: Path, tmp_path: Path) -> None:
    base, taught = spaces(library)
    assert taught.live

    class Meanwhile:
        def backup(self, path: Path) -> None:
            catalog = open_catalog(library / "catalog.db")
            catalog.backup(path)
            catalog.close()
            use_space(library, base.name)
            shutil.rmtree(library / "spaces" / taught.name)

    backup(library, tmp_path / "copy", Meanwhile(), open_catalog)
    (only,) = spaces(tmp_path / "copy")
    assert (only.name, only.live) == (base.name, True)
    assert is_sound(tmp_path / "copy")


def test_every_backup_taken_while_an_indexer_writes_is_sound(
    library: Path, photos: Path, tmp_path: Path
) -> None:
    chance = random.Random(3)
    taken = []
    for turn in range(3):
        for _ in range(12):
            draw(photos / f"{chance.randrange(80)}.png", tuple(chance.randbytes(3)))
        for path in chance.sample(sorted(photos.glob("*.png")), 6):
            path.unlink()
        running = subprocess.Popen(
            [*COMMAND, "index", str(photos), "--library", str(library), "--batch-size", "2"],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        catalog = open_catalog(library / "catalog.db")
        before = len(taken)
        while running.poll() is None or len(taken) == before:
            taken.append(tmp_path / f"copy {turn} {len(taken)}")
            backup(library, taken[-1], catalog, open_catalog)
        catalog.close()
        _, said = running.communicate()
        assert running.returncode == 0, said
    assert len({(copy / "catalog.db").read_bytes() for copy in taken}) > 5
    for copy in chance.sample(taken, 4):
        assert is_sound(copy)
        assert len(found(copy)) == 5
    result = atisbo("index", photos, "--library", taken[0])
    assert result.returncode == 0, result.stderr
    assert atisbo("verify", "--library", taken[0]).returncode == 0
