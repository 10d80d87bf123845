"""What picture files tell before their pixels are decoded: the same as afterwards."""

import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from indexer.errors import MediaError
from indexer.media.header import Header, read_header
from indexer.media.image import IMAGE_SUFFIXES, ImageReader
from indexer.types import Facts, Kind, Sample, SourceFile


def source(path: Path) -> SourceFile:
    stat = path.stat()
    return SourceFile(path.parent.as_posix(), path.name, Kind.IMAGE, stat.st_size, stat.st_mtime_ns)


def told(path: Path) -> Header:
    return read_header(source(path))


def test_words_and_facts_are_those_of_the_reader(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "A boat on the lake at dawn"
    exif[0x0110] = "X100"
    path = tmp_path / "IMG_1.jpg"
    Image.new("RGB", (64, 48), "navy").save(path, exif=exif, comment="taken from the pier")
    *samples, facts = ImageReader(32).read(source(path))
    header = told(path)
    words = [(one.origin, one.content) for one in samples[1:] if isinstance(one, Sample)]
    assert [tuple(one) for one in header.words] == words
    assert "A boat on the lake at dawn" in dict(words).values()
    assert header.facts == facts
    assert header.otherwise is None


def test_words_behind_the_pixels_of_a_png_are_found(tmp_path: Path) -> None:
    path = tmp_path / "late.png"
    Image.new("RGB", (8, 8)).save(path)
    body = b"tEXt" + b"Description\0a late word on it"
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    content = path.read_bytes()
    end = content.index(b"IEND") - 4
    path.write_bytes(content[:end] + chunk + content[end:])
    assert [text for _, text in told(path).words] == ["a late word on it"]


def _turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("RGB", (8, 8)).save(path, exif=exif)


def _moving(path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("a.jpg", _turned, "turned or mirrored"),
        ("a.gif", _moving, "several frames or pages"),
        ("a.tif", _moving, "several frames or pages"),
        ("a.png", lambda path: Image.new("RGBA", (8, 8)).save(path), "transparent parts"),
        ("b.jpg", lambda path: Image.new("CMYK", (8, 8)).save(path), "stored as CMYK"),
        ("b.png", lambda path: Image.new("I;16", (8, 8)).save(path), "stored as I;16"),
        ("c.png", lambda path: Image.new("P", (8, 8)).save(path), None),
        ("c.gif", lambda path: Image.new("L", (8, 8)).save(path), None),
    ],
)
def test_what_other_programs_see_otherwise_is_named(
    tmp_path: Path, name: str, make: Callable[[Path], None], reason: str | None
) -> None:
    make(tmp_path / name)
    otherwise = told(tmp_path / name).otherwise
    assert (otherwise is None) if reason is None else reason in str(otherwise)


def test_what_is_no_picture_has_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    with pytest.raises(MediaError):
        told(path)
    with pytest.raises(MediaError, match="gone"):
        read_header(SourceFile(tmp_path.as_posix(), "b.png", Kind.IMAGE, 1, 1))


def test_broken_chunks_end_the_search_for_words(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a word in front")
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"IDAT") + 6])
    assert [text for _, text in told(path).words] == ["a word in front"]


def test_real_files_tell_the_same_before_as_after_decoding(shared_data: Path) -> None:
    """Over some hundred odd files of Pillow's, libvips' and EXIF's own collections."""
    reader, compared = ImageReader(8), 0
    for path in sorted((shared_data / "awkward").rglob("*")):
        if path.suffix.lower() not in IMAGE_SUFFIXES or path.stat().st_size > 3_000_000:
            continue
        try:
            header = told(path)
            *samples, facts = reader.read(source(path))
        except MediaError:
            continue
        if header.otherwise is not None:
            continue
        words = [
            (one.origin, one.content)
            for one in samples
            if isinstance(one, Sample) and isinstance(one.content, str)
        ]
        assert isinstance(facts, Facts)
        assert [tuple(one) for one in header.words] == words, path
        assert header.facts == facts, path
        compared += 1
    assert compared > 100
