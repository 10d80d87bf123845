"""Cameras' raw files: the preview inside first, the sensor's data where it is too small."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import MediaError
from indexer.media.image import ImageReader, preview
from indexer.types import Facts, Kind, Sample, SourceFile
from tests import raws

RED, BLUE = (255, 0, 0), (0, 0, 255)


def read(path: Path, **options: int) -> tuple[Sample, Facts]:
    source = SourceFile(path.parent.as_posix(), path.name, Kind.IMAGE, 1, 1)
    sample, facts = ImageReader(448, **options).read(source)
    assert isinstance(sample, Sample)
    assert isinstance(facts, Facts)
    return sample, facts


def pixels(sample: Sample) -> np.ndarray:
    assert isinstance(sample.content, Image.Image)
    return np.asarray(sample.content).astype(int)


@pytest.fixture
def without_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)


def saved(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("without_rawpy")
def test_canons_newer_files_are_read_and_turned_too(tmp_path: Path) -> None:
    content = raws.cr3(raws.jpeg((1620, 1080)), orientation=8)
    sample, facts = read(saved(tmp_path, "a.CR3", content))
    found = pixels(sample)
    assert np.abs(found[-100, 500] - RED).max() < 40, "the left side became the bottom"
    assert (facts.width, facts.height) == (4000, 6000)


@pytest.mark.usefixtures("without_rawpy")
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_preview_is_read_without_any_package(tmp_path: Path, order: str) -> None:
    content = raws.nef(raws.jpeg((1200, 800)), order=order)
    sample, facts = read(saved(tmp_path, "a.NEF", content))
    found = pixels(sample)
    assert np.abs(found[400, 100] - RED).max() < 40
    assert np.abs(found[400, 1100] - BLUE).max() < 40
    assert (sample.width, sample.height) == (6000, 4000), "the size of the original"
    assert (facts.width, facts.height, facts.codec, facts.camera) == (6000, 4000, "raw", "NIKON")


@pytest.mark.usefixtures("without_rawpy")
def test_the_preview_is_turned_as_the_raw_file_says(tmp_path: Path) -> None:
    content = raws.nef(raws.jpeg((1200, 800)), orientation=6)
    sample, _ = read(saved(tmp_path, "a.nef", content))
    found = pixels(sample)
    assert found.shape == (1200, 800, 3)
    assert np.abs(found[100, 400] - RED).max() < 40, "the left side became the top"
    assert (sample.width, sample.height) == (4000, 6000)


@pytest.mark.usefixtures("without_rawpy")
def test_a_preview_where_canon_panasonic_and_fujifilm_put_it_is_found(tmp_path: Path) -> None:
    jpeg = raws.jpeg((1200, 800))
    size = {0x100: (raws.LONG, [1200]), 0x101: (raws.LONG, [800])}
    canon = raws.tiff([raws.Table({**size, 0x103: (raws.SHORT, [6])}, strip=jpeg)])
    panasonic = bytearray(raws.tiff([raws.Table({0x2E: (raws.LONG, [0])})], magic=0x55))
    entry = panasonic.index(b"\x2e\x00\x04\x00")
    panasonic[entry + 4 : entry + 12] = len(jpeg).to_bytes(4, "little") + len(panasonic).to_bytes(
        4, "little"
    )
    fujifilm = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0") + (92).to_bytes(4, "big")
    fujifilm += len(jpeg).to_bytes(4, "big")
    for name, content in (
        ("a.cr2", canon),
        ("a.rw2", bytes(panasonic) + jpeg),
        ("a.raf", fujifilm + jpeg),
    ):
        sample, _ = read(saved(tmp_path, name, content))
        assert np.abs(pixels(sample)[400, 100] - RED).max() < 40, name


@pytest.mark.usefixtures("without_rawpy")
def test_a_raw_file_without_preview_names_the_package_that_reads_it(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"pip install 'atisbo\[raw\]'"):
        read(saved(tmp_path, "a.dng", raws.dng((640, 480))))


@pytest.mark.usefixtures("without_rawpy")
def test_a_small_preview_is_better_than_nothing_and_said(tmp_path: Path) -> None:
    sample, facts = read(saved(tmp_path, "a.nef", raws.nef(raws.jpeg((320, 240)))))
    assert isinstance(sample.content, Image.Image)
    assert sample.content.size == (320, 240)
    assert facts.note is not None
    assert "320 x 240" in facts.note
    assert "atisbo[raw]" in facts.note


def test_sensor_data_become_a_picture_in_its_colours(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    path = saved(tmp_path, "a.dng", raws.dng((1600, 1200), orientation=6))
    sample, facts = read(path)
    found = pixels(sample)
    assert found.shape == (800, 600, 3)
    assert np.abs(found[200, 300] - RED).max() < 80
    assert np.abs(found[600, 300] - BLUE).max() < 80
    assert (sample.width, sample.height) == (1200, 1600)
    assert facts.codec == "raw"
    assert preview(path, 300)


def test_too_many_sensor_pixels_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    with pytest.raises(MediaError, match="megapixels"):
        read(saved(tmp_path, "a.dng", raws.dng((640, 480))), max_pixels=100_000)


def test_a_raw_suffix_on_something_else_does_no_harm(tmp_path: Path) -> None:
    sample, _ = read(saved(tmp_path, "a.raw", raws.jpeg((60, 40))))
    assert sample.width == 60
    with pytest.raises(MediaError):
        read(saved(tmp_path, "b.raw", bytes(range(256)) * 40))


@pytest.mark.usefixtures("without_rawpy")
def test_tables_that_point_at_each_other_do_not_hang(tmp_path: Path) -> None:
    content = bytearray(raws.tiff([raws.Table({0x100: (raws.LONG, [1])})]))
    content[-4:] = content[4:8]
    with pytest.raises(MediaError, match="raw file"):
        read(saved(tmp_path, "a.nef", bytes(content)))
