"""Files of one name that are one picture: raw and JPEG, Live Photos."""

import struct
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.media.companions import is_live_film, pair
from indexer.media.raw import RAW_SUFFIXES
from indexer.types import Kind, SourceFile

FILMS = {".mov", ".mp4", ".mp", ".mv", ".mkv"}


def file(path: str, root: str = "/photos") -> SourceFile:
    suffix = PurePosixPath(path).suffix.lower()
    kind = Kind.VIDEO if suffix in FILMS else Kind.CAPTION if suffix == ".txt" else Kind.IMAGE
    return SourceFile(root, path, kind, 10, 10)


def paired(*paths: str, live: Callable[[SourceFile], bool] = lambda _: True) -> dict[str, str]:
    found = pair([file(path) for path in paths], is_live=live)
    return {companion: primary for (_, companion), (_, primary) in found.items()}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a/IMG_1.CR2", "a/IMG_1.JPG"], {"a/IMG_1.CR2": "a/IMG_1.JPG"}),
        (["IMG_1.dng", "img_1.heic", "IMG_1.jpg"], {"IMG_1.dng": "img_1.heic"}),
        (["IMG_1.HEIC", "IMG_1.MOV"], {"IMG_1.MOV": "IMG_1.HEIC"}),
        (
            ["IMG_1.DNG", "IMG_1.JPG", "IMG_1.mov"],
            {"IMG_1.DNG": "IMG_1.JPG", "IMG_1.mov": "IMG_1.JPG"},
        ),
        (["PXL_2.MP.jpg", "PXL_2.MP"], {"PXL_2.MP": "PXL_2.MP.jpg"}),
        (["PXL_3.MP.jpg", "PXL_3.MP.mp4"], {"PXL_3.MP.mp4": "PXL_3.MP.jpg"}),
        (["a/IMG_1.CR2", "b/IMG_1.JPG"], {}),
        (["IMG_1.CR2", "IMG_1.MOV"], {}),
        (["IMG_1.png", "IMG_1.mov"], {}),
        (["IMG_1.jpg", "IMG_1.png", "IMG_1.txt"], {}),
        (["IMG_1.jpg", "IMG_1.mkv"], {}),
        (["IMG_1.cr2", "IMG_1.dng"], {}),
        (["film.mp4", "film.mov"], {}),
    ],
)
def test_what_belongs_together(paths: list[str], expected: dict[str, str]) -> None:
    assert paired(*paths) == expected


def test_a_real_film_of_the_same_name_stays() -> None:
    asked: list[str] = []

    def live(film: SourceFile) -> bool:
        asked.append(film.path)
        return False

    assert paired("a.heic", "a.mov", "b.mov", live=live) == {}
    assert asked == ["a.mov"], "nobody opens a film without a still"


def test_two_roots_are_two_folders() -> None:
    files = [file("a.cr2", "/one"), file("a.jpg", "/two")]
    assert pair(files, is_live=lambda _: True) == {}


names = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "x/"]),
    st.sampled_from(["a", "A", "a.MP", "b", "ß"]),
    st.sampled_from(
        [".jpg", ".JPG", ".heic", ".cr2", ".DNG", ".mov", ".MP4", ".mp", ".png", ".txt", ".mkv"]
    ),
)


@given(st.lists(names, unique=True, max_size=24), st.randoms(), st.sets(names))
def test_no_file_is_lost_and_each_companion_has_one_picture(
    paths: list[str], random: Random, live: set[str]
) -> None:
    files = [file(path) for path in paths]
    found = pair(files, is_live=lambda film: film.path in live)
    for companion, primary in found.items():
        assert primary not in found
        assert {primary, companion} <= {one.key for one in files}
        suffix = PurePosixPath(companion[1]).suffix.lower()
        assert suffix in RAW_SUFFIXES or companion[1] in live
    shuffled = list(files)
    random.shuffle(shuffled)
    assert pair(shuffled, is_live=lambda film: film.path in live) == found


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def film(seconds: float, *, marked: bool = False, version: int = 0) -> bytes:
    if version:
        times = struct.pack(">B3xQQIQ", 1, 0, 0, 600, int(seconds * 600))
    else:
        times = struct.pack(">B3xIIII", 0, 0, 0, 600, int(seconds * 600))
    inside = box(b"mvhd", times + bytes(80)) + box(b"trak", bytes(200))
    if marked:
        inside += box(b"meta", b"mdtacom.apple.quicktime.content.identifier" + bytes(40))
    return box(b"ftyp", b"qt  " + bytes(4)) + box(b"mdat", bytes(3000)) + box(b"moov", inside)


@pytest.mark.parametrize(
    ("content", "live"),
    [
        (film(2.9), True),
        (film(2.9, version=1), True),
        (film(12), False),
        (film(7), False),
        (film(7, marked=True), True),
        (film(60, marked=True), False),
        (film(0), False),
        (film(2.9)[:-310], False),
        (b"", False),
        (b"RIFF1234AVI LIST", False),
    ],
)
def test_a_film_is_live_if_it_is_short(tmp_path: Path, content: bytes, live: bool) -> None:
    path = tmp_path / "a.mov"
    path.write_bytes(content)
    assert is_live_film(path) is live


def test_a_film_that_is_gone_is_not_live(tmp_path: Path) -> None:
    assert not is_live_film(tmp_path / "gone.mov")
