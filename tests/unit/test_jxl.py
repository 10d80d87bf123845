"""JPEG XL, where its extra is installed and where it is not."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import MediaError
from indexer.media import jxl
from indexer.media.image import ImageReader
from indexer.types import Facts, Kind, Sample, SourceFile


def read(path: Path, **options: int) -> tuple[Sample, Facts]:
    source = SourceFile(path.parent.as_posix(), path.name, Kind.IMAGE, 1, 1)
    sample, facts = ImageReader(64, **options).read(source)
    assert isinstance(sample, Sample)
    assert isinstance(facts, Facts)
    return sample, facts


def picture(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return image


@pytest.fixture
def plugin() -> None:
    pytest.importorskip("pillow_jxl", reason="pillow-jxl-plugin is not installed")


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("container", [False, True])
@pytest.mark.parametrize("size", [(60, 40), (64, 48), (200, 200), (1600, 900), (9, 700)])
def test_it_is_read_in_its_colours_and_its_size_known_before(
    tmp_path: Path, size: tuple[int, int], container: bool
) -> None:
    path = tmp_path / "a.jxl"
    picture(size).save(path, lossless=True, use_container=container)
    sample, facts = read(path)
    assert isinstance(sample.content, Image.Image)
    assert np.asarray(sample.content)[5, 0].tolist() == [255, 0, 0]
    assert facts == Facts(width=size[0], height=size[1], codec="jpegxl")
    with path.open("rb") as stream, pytest.raises(MediaError, match=f"{size[0]} x {size[1]} pix"):
        jxl.opened(stream, max_pixels=100)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("from_jpeg", [False, True])
def test_it_comes_upright(tmp_path: Path, from_jpeg: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = tmp_path / ("a.jpg" if from_jpeg else "a.png")
    picture((60, 40)).save(stored, exif=exif)
    path = tmp_path / "a.jxl"
    with Image.open(stored) as image:
        image.save(path, lossless=True, lossless_jpeg=from_jpeg)
    sample, _ = read(path)
    assert isinstance(sample.content, Image.Image)
    if from_jpeg:  # which the codec restores as it was
        assert (sample.width, sample.height) == (40, 60)
        assert sample.content.getpixel((20, 5))[0] > 200
    else:  # whose pixels the encoder took as they lay, without a word of how to turn them
        assert (sample.width, sample.height) == (60, 40)


def test_without_the_plugin_the_reason_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jxl, "_load_codec", lambda: False)
    path = tmp_path / "a.jxl"
    path.write_bytes(b"\xff\x0a\x7f\x00\x00\x00\x00\x00" + bytes(20))
    with pytest.raises(MediaError, match=r"pip install 'atisbo\[jxl\]'"):
        read(path)


@pytest.mark.usefixtures("plugin")
def test_damage_is_a_reason(tmp_path: Path) -> None:
    content = BytesIO()
    picture((200, 100)).save(content, "JXL")
    path = tmp_path / "a.jxl"
    for end in (2, 5, 30, content.tell() // 2):
        path.write_bytes(content.getvalue()[:end])
        with pytest.raises(MediaError):
            read(path)
