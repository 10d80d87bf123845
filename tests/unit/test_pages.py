"""TIFF files: each page is a picture, and what is no page is not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import MediaError
from indexer.media import pages
from indexer.media.image import ImageReader, preview
from indexer.types import Facts, Kind, Sample, SourceFile

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def read(path: Path, **options: int) -> tuple[list[Sample], Facts]:
    source = SourceFile(path.parent.as_posix(), path.name, Kind.IMAGE, 1, 1)
    *samples, facts = ImageReader(64, **options).read(source)
    assert isinstance(facts, Facts)
    assert all(isinstance(sample, Sample) for sample in samples)
    return samples, facts  # type: ignore[return-value]  # just asserted


def middle(sample: Sample) -> tuple[int, ...]:
    assert isinstance(sample.content, Image.Image)
    return tuple(sample.content.getpixel((sample.content.width // 2, 5)))


def save(path: Path, sheets: list[Image.Image], **options: object) -> Path:
    sheets[0].save(path, save_all=True, append_images=sheets[1:], **options)
    return path


def sheets(*sizes: tuple[int, int]) -> list[Image.Image]:
    return [Image.new("RGB", size, COLOURS[n % 3]) for n, size in enumerate(sizes)]


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg"])
def test_every_page_is_a_sample_in_order(tmp_path: Path, compression: str | None) -> None:
    found, facts = read(
        save(tmp_path / "a.tif", sheets((60, 40), (80, 30), (50, 50)), compression=compression)
    )
    assert [sample.position for sample in found] == [0, 1, 2]
    assert [(one.width, one.height) for one in found] == [(60, 40), (80, 30), (50, 50)]
    for sample, colour in zip(found, COLOURS, strict=True):
        assert np.abs(np.subtract(middle(sample), colour)).max() < 6
    assert facts == Facts(width=60, height=40, codec="tiff")


def test_a_preview_shows_the_page_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", sheets((60, 40), (60, 40)))
    seen = tmp_path / "b.webp"
    seen.write_bytes(preview(path, 40, position=1))
    assert np.abs(np.subtract(Image.open(seen).getpixel((10, 10)), COLOURS[1])).max() < 20
    with pytest.raises(MediaError):
        preview(path, 40, position=2)


def test_thumbnails_masks_and_smaller_copies_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    first, second, third = sheets((64, 64), (48, 20), (40, 50))
    second.encoderinfo = {"tiffinfo": {254: 1}}
    third.encoderinfo = {"tiffinfo": {254: 4}}
    last = Image.new("RGB", (30, 70), (9, 9, 9))
    found, _ = read(save(path, [first, second, third, last]))
    assert [(one.position, one.width, one.height) for one in found] == [(0, 64, 64), (1, 30, 70)]


def test_a_pyramid_is_one_page_even_if_it_does_not_say_so(tmp_path: Path) -> None:
    found, _ = read(save(tmp_path / "a.tif", sheets((200, 101), (100, 51), (50, 25))))
    assert [one.width for one in found] == [200]


def test_a_file_of_nothing_but_a_reduced_picture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("RGB", (64, 64), COLOURS[2]).save(path, tiffinfo={254: 1})
    found, _ = read(path)
    assert [middle(one) for one in found] == [COLOURS[2]]


def test_a_damaged_page_costs_that_page_alone(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", sheets(*[(90, 90)] * 3), compression="tiff_adobe_deflate")
    content = bytearray(path.read_bytes())
    with Image.open(path) as image:
        image.seek(1)
        strip = image.tag_v2[273][0]
    content[strip : strip + 20] = bytes(20)
    path.write_bytes(content)
    found, facts = read(path)
    assert [one.position for one in found] == [0, 2]
    assert facts.note is not None
    assert facts.note.startswith("page 2 cannot be read: unusual or damaged")


def test_a_cut_off_file_keeps_the_pages_before(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", sheets(*[(90, 90)] * 3))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3 - 3000])
    found, facts = read(path)
    assert [one.position for one in found] == [0]
    assert facts.note


def test_more_pages_than_the_limit_are_left_out_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_PAGES", 2)
    found, facts = read(save(tmp_path / "a.tif", sheets(*[(20, 20)] * 4)))
    assert len(found) == 2
    assert facts.note == "the first 2 pages are read, the others left out"
    _, facts = read(save(tmp_path / "b.tif", sheets(*[(20, 20)] * 2)))
    assert facts.note is None


def test_a_page_with_too_many_pixels_is_left_out(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", sheets((50, 50), (300, 300), (60, 50)))
    found, facts = read(path, max_pixels=10_000)
    assert [one.position for one in found] == [0, 2]
    assert facts.note is not None
    assert "300 x 300" in facts.note
