"""`atisbo verify` finds what was broken on purpose, mends it, and leaves a sound library alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog import open_catalog
from indexer.embedders.adapted import EMBEDDED, Adapter, Residual
from indexer.spaces import add_space, open_vectors, spaces
from indexer.types import Modality


def atisbo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "indexer", *map(str, arguments)]
    environment = {**os.environ, "ATISBO_MODEL": "colour"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=environment
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        Image.new("RGB", (8, 8), (40 * number, 0, 200)).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("blue\n")
    return folder


@pytest.fixture
def library(photos: Path) -> Path:
    """Six pictures and captions, in the model's own space and in a taught one."""
    folder = photos.parent / "library"
    result = atisbo("index", photos, "--library", folder)
    assert result.returncode == 0, result.stderr
    draw = np.random.default_rng(0)
    residual = Residual(
        *(draw.normal(size=s).astype(np.float32) for s in ((4, 3), (4,), (3, 4), (3,)))
    )
    (base,) = spaces(folder)
    add_space(folder, base, Adapter(dict.fromkeys(EMBEDDED, residual)), {})
    return folder


def verify(library: Path, *options: str) -> tuple[int, dict[str, object]]:
    result = atisbo("verify", "--library", library, "--json", *options)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def facts(checked: dict[str, object]) -> str:
    return json.dumps(checked["findings"])


def test_a_sound_library_is_called_sound_and_stays_as_it_is(library: Path) -> None:
    def content() -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in (library / "spaces").rglob("*") if p.is_file()}

    before = content()
    for options in ((), ("--repair",)):
        code, checked = verify(library, *options)
        assert (code, checked["sound"], checked["findings"]) == (0, True, [])
    assert checked["counts"]["image rows"] == 6
    assert content() == before
    assert "sound" in atisbo("verify", "--library", library).stdout


def test_vectors_without_rows_are_removed(library: Path) -> None:
    catalog = open_catalog(library / "catalog.db")
    (root,) = catalog.roots()
    catalog.forget([one for one in catalog.stored(root) if one.path == "0.png"])
    catalog.close()
    code, checked = verify(library)
    assert code == 1
    assert "1 image vectors" in facts(checked)
    assert verify(library, "--repair")[0] == 0
    code, checked = verify(library)
    assert (code, checked["sound"]) == (0, True)


def test_rows_without_vectors_are_embedded_again_by_the_next_run(
    library: Path, photos: Path
) -> None:
    base = spaces(library)[0]
    index = open_vectors(library, base, Modality.IMAGE, "exact")
    index.remove(index.ids[:2])
    index.save()
    code, checked = verify(library)
    assert code == 1
    assert "2 image items have no vector" in facts(checked)
    code, checked = verify(library, "--repair")
    assert code == 0
    assert "0.png" in facts(checked)
    assert atisbo("index", photos, "--library", library).returncode == 0
    code, checked = verify(library)
    assert (code, checked["counts"]["image rows"]) == (0, 6)


def test_a_taught_space_is_filled_again_from_its_base(library: Path) -> None:
    taught = spaces(library)[1]
    index = open_vectors(library, taught, Modality.TEXT, "exact")
    before = index.vectors(index.ids)
    index.remove(index.ids[3:])
    index.save()
    assert verify(library)[0] == 1
    assert verify(library, "--repair")[0] == 0
    again = open_vectors(library, taught, Modality.TEXT, "exact")
    np.testing.assert_array_equal(again.vectors(again.ids), before)


@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_segment_is_set_aside_and_made_again(
    which: int, library: Path, photos: Path
) -> None:
    space = spaces(library)[which]
    (segment,) = (library / "spaces" / space.name / "image").glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[-3] ^= 0xFF
    segment.write_bytes(content)
    code, checked = verify(library)
    assert code == 1
    assert segment.name in facts(checked)
    verify(library, "--repair")
    assert list((library / "spaces" / space.name).glob("image.damaged-1/*.segment"))
    assert atisbo("index", photos, "--library", library).returncode == 0
    code, checked = verify(library)
    assert (code, checked["counts"][f"image vectors of {space.name}"]) == (0, 6)


def test_files_that_changed_or_went_are_named(library: Path, photos: Path) -> None:
    (photos / "1.png").unlink()
    Image.new("RGB", (9, 9)).save(photos / "2.png")
    code, checked = verify(library, "--repair")
    assert code == 1
    assert "1 files of" in facts(checked)
    assert "1.png" in facts(checked)
    assert "2.png" in facts(checked)
    atisbo("index", photos, "--library", library)
    assert verify(library)[0] == 0


def test_no_library_is_an_error_and_makes_none(tmp_path: Path) -> None:
    result = atisbo("verify", "--library", tmp_path / "none")
    assert (result.returncode, "no library" in result.stderr) == (2, True)
    assert not (tmp_path / "none").exists()
