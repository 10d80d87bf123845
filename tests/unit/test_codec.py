import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from indexer.errors import MediaError
from indexer.media.shards import ShardReader
from indexer.types import Kind, Sample, SourceFile
from search_api.codec import MediaCodec
from search_api.content_types import CONTENT_TYPES
from search_api.motion import Film
from search_api.originals import shown_member
from search_api.pictures import Codec
from tests.fakes import picture
from tests.moving import make_moving_part, motion_photo

CODEC: Codec = MediaCodec(max_pixels=1_000_000, upload_side=64)


def encoded(colour: str, form: str, size: tuple[int, int] = (90, 60)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "many.tar"
    with tarfile.open(path, "w") as tar:
        for number, colour in enumerate(["red", "blue"]):
            content = encoded(colour, "PNG")
            entry = tarfile.TarInfo(f"{number}.png")
            entry.size = len(content)
            tar.addfile(entry, BytesIO(content))
    return path


def test_every_picture_of_a_shard_can_be_had_and_made_smaller(shard: Path) -> None:
    source = SourceFile(str(shard.parent), shard.name, Kind.SHARD, 1, 1)
    samples = [one for one in ShardReader(64).read(source) if isinstance(one, Sample)]
    members = [one.member or "" for one in samples if isinstance(one.content, Image.Image)]
    assert [CODEC.member(shard, name) for name in members] == [
        encoded("red", "PNG"),
        encoded("blue", "PNG"),
    ]
    with Image.open(BytesIO(CODEC.shrink(CODEC.member(str(shard), members[1]), 30))) as small:
        assert (small.format, small.size) == ("WEBP", (30, 20))


def test_entry_that_a_shard_does_not_have_is_refused(shard: Path) -> None:
    with pytest.raises(MediaError):
        CODEC.member(shard, "9@512.png")


def test_moment_of_an_animation_is_the_frame_of_its_time(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=2000)
    for at_ms, strongest in ((500, 0), (2500, 2)):
        with Image.open(BytesIO(CODEC.frame(path, at_ms, 20))) as frame:
            colour = frame.convert("RGB").getpixel((5, 5))
        assert isinstance(colour, tuple)
        assert colour.index(max(colour)) == strongest


def test_film_in_a_picture_is_told_with_its_type(tmp_path: Path) -> None:
    film = make_moving_part(tmp_path / "a.mp4", "red", seconds=0.2).read_bytes()
    path = tmp_path / "a.jpg"
    path.write_bytes(motion_photo(film, "green"))
    found = CODEC.film(path)
    assert found == Film(path.stat().st_size - len(film), len(film), "video/mp4")
    path.write_bytes(motion_photo(film[:8] + b"qt  " + film[12:], "green"))
    assert CODEC.film(path) == replace(found, content_type="video/quicktime")


def test_still_has_no_film(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    assert CODEC.film(path) is None
    path.write_bytes(encoded("red", "JPEG"))
    assert CODEC.film(path) is None


def test_entry_is_called_by_its_own_name() -> None:
    names = {"a/1@512.jpg": "a/1.jpg", "a@b/1.jpg": "a@b/1.jpg", "row:7.png": "row:7.png"}
    for member, name in names.items():
        assert shown_member(replace(picture(1), member=member)) == name


def test_nothing_is_sent_as_a_page() -> None:
    assert not {".html", ".svg", ".xhtml", ".js", ".pdf"} & set(CONTENT_TYPES)
