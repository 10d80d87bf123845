"""WebDataset shards: what is read of them, what damage costs, and opening one picture again."""

import json
import os
import tarfile
import tracemalloc
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from indexer.errors import MediaError
from indexer.media.shards import ShardReader, is_shard, member_bytes
from indexer.types import Facts, Sample, SourceFile
from tests.shards import captions, note, picture, pictures, source, tar, tar_bytes

RED, GREEN, BLUE = picture((220, 20, 20)), picture((20, 180, 20)), picture((20, 20, 220), "PNG")


def read(file: SourceFile) -> list[Sample | Facts]:
    return list(ShardReader(32).read(file))


def test_a_shard_of_img2dataset_gives_each_picture_and_its_caption_once(tmp_path: Path) -> None:
    facts = {"caption": "a red wall", "url": "https://a/b", "status": "success", "title": "Red"}
    file = tar(
        tmp_path / "00000.tar",
        [
            ("000000000.jpg", RED),
            ("000000000.json", json.dumps(facts).encode()),
            ("000000000.txt", b"a red wall"),
            ("000000001.json", json.dumps({"caption": "gone", "status": "failed"}).encode()),
            ("000000002.jpg", GREEN),
            ("000000002.txt", "ein grüner Wald\nsecond line\n".encode()),
        ],
    )
    samples = read(file)
    first, second = pictures(samples)
    assert (first.position, first.width, first.height) == (0, 48, 32)
    assert captions(samples) == [
        (0, "shard:json:caption", "a red wall"),
        (0, "shard:json:title", "Red"),
        (second.position, "shard:txt", "ein grüner Wald"),
        (second.position, "shard:txt", "second line"),
    ]
    positions = [one.position for one in samples if isinstance(one, Sample)]
    assert positions == list(range(6))
    assert note(samples) is None


def test_the_size_is_that_of_the_upright_original(tmp_path: Path) -> None:
    def photo(width: int, height: int, orientation: int) -> bytes:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        stream = BytesIO()
        Image.new("RGB", (width, height)).save(stream, "JPEG", exif=exif)
        return stream.getvalue()

    sizes = {(400, 300, 1): (400, 300), (400, 300, 6): (300, 400), (24, 16, 8): (16, 24)}
    entries = [(f"{number}.jpg", photo(*size)) for number, size in enumerate(sizes)]
    found = pictures(read(tar(tmp_path / "a.tar", entries)))
    assert [(one.width, one.height) for one in found] == list(sizes.values())
    assert isinstance(found[1].content, Image.Image)
    assert found[1].content.size < (300, 400)


def test_samples_are_told_apart_by_folder_and_by_the_name_up_to_its_first_dot(
    tmp_path: Path,
) -> None:
    file = tar(
        tmp_path / "a.tar",
        [
            ("cats/1.front.jpg", RED),
            ("cats/1.back.png", BLUE),
            ("cats/1.back.txt", b"from behind"),
            ("cats/1.cls", b"tabby cat"),
            ("dogs.v2/1.jpg", GREEN),
            ("dogs.v2/1.cls", b"17"),
            ("dogs.v2/1.captions.json", b'["a dog", {"raw": "one more"}, 4]'),
            (".hidden.jpg", RED),
            ("._1.jpg", b"\0\5\x16\7"),
        ],
    )
    samples = read(file)
    front, back, dog = (one.position for one in pictures(samples))
    assert captions(samples) == [
        (back, "shard:back.txt", "from behind"),
        (front, "shard:cls", "tabby cat"),
        (dog, "shard:captions.json", "a dog"),
        (dog, "shard:captions.json", "one more"),
    ]
    assert note(samples) is None


def test_captions_before_or_far_from_their_picture_find_it(tmp_path: Path) -> None:
    names = [f"{number:03d}" for number in range(50)]
    file = tar(
        tmp_path / "made-by-hand.tar",
        [
            *((f"{name}.txt", f"number {name}".encode()) for name in names[:25]),
            *((f"{name}.jpg", RED) for name in names),
            *((f"{name}.txt", f"number {name}".encode()) for name in names[25:]),
        ],
    )
    samples = read(file)
    members = {one.position: str(one.member)[:3] for one in pictures(samples)}
    assert sorted(f"number {members[about or 0]}" for about, _, _ in captions(samples)) == sorted(
        text for _, _, text in captions(samples)
    )
    assert len(captions(samples)) == 50


def test_a_damaged_picture_is_counted_and_the_shard_goes_on(tmp_path: Path) -> None:
    def shard(name: str, broken: bytes) -> list[Sample | Facts]:
        entries = [("1.jpg", RED), ("2.jpg", broken), ("2.txt", b"two"), ("3.jpg", GREEN)]
        return read(tar(tmp_path / name, [*entries, ("3.txt", b"three")]))

    whole, samples = shard("whole.tar", BLUE), shard("damaged.tar", RED[:100])
    said = note(samples)
    assert said is not None
    assert said.startswith("1 of 3 pictures could not be read, the first: 2.jpg: ")
    assert [text for _, _, text in captions(samples)] == ["three"]
    # Numbers must not shift when a later version reads what this one cannot.
    kept = {one.member: one.position for one in pictures(samples)}
    known = {one.member: one.position for one in pictures(whole)}
    assert len(kept) == 2
    assert {name.split("@")[0] for name in kept if name} == {"1", "3"}
    assert sorted(kept.values()) == [
        known_at for known_at in sorted(known.values()) if known_at != 1
    ]


def test_a_truncated_shard_keeps_what_was_read_and_says_where_it_ends(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", [("1.jpg", RED), ("1.txt", b"one"), ("2.jpg", GREEN)])
    data = (tmp_path / "a.tar").read_bytes()
    cut = data.index(GREEN) + 100
    (tmp_path / "a.tar").write_bytes(data[:cut])
    samples = read(file)
    assert len(pictures(samples)) == 1
    assert captions(samples) == [(0, "shard:txt", "one")]
    said = note(samples)
    assert said is not None
    assert said.startswith("read up to byte ")
    assert "2.jpg" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (b"no tar at all" * 100, "damaged"),
        (tar_bytes([("1.jpg", RED)])[:700], "read up to byte 0"),
        (tar_bytes([("1.jpg", RED[:50])]), "1 of 1 pictures could not be read"),
        (tar_bytes([("1.txt", b"words alone")]), "no picture"),
    ],
)
def test_a_shard_of_which_nothing_can_be_read_is_skipped_with_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=reason):
        read(source(path))


def test_a_shard_that_is_gone_is_skipped_with_a_reason(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", [("1.jpg", RED)])
    (tmp_path / "a.tar").unlink()
    with pytest.raises(MediaError, match="gone"):
        read(file)


def test_the_original_of_each_picture_is_opened_by_its_member(tmp_path: Path) -> None:
    long = "folder/" * 30 + "großer Name mit Leerzeichen.jpg"
    kinds = [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]
    for kind in kinds:
        path = tmp_path / f"{kind}.tar"
        entries = [("1.jpg", RED), ("1.txt", b"x"), (long, GREEN), ("a@3.b/7.png", BLUE)]
        path.write_bytes(tar_bytes(entries, kind))
        members = [str(one.member) for one in pictures(read(source(path)))]
        assert [member_bytes(path, member) for member in members] == [RED, GREEN, BLUE]
        assert members[0] == "1@0.jpg"
        assert [Path(member).suffix for member in members] == [".jpg", ".jpg", ".png"]


def test_a_picture_is_found_by_its_name_after_the_shard_was_written_anew(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", [("1.jpg", RED), ("2.jpg", GREEN)])
    member = str(pictures(read(file))[1].member)
    tar(tmp_path / "a.tar", [("0.jpg", BLUE), ("1.jpg", RED), ("2.jpg", GREEN)])
    assert member_bytes(tmp_path / "a.tar", member) == GREEN
    tar(tmp_path / "a.tar", [("0.jpg", BLUE)])
    with pytest.raises(MediaError, match=r"no 2\.jpg in the shard any more"):
        member_bytes(tmp_path / "a.tar", member)


def test_only_tars_with_pictures_are_shards(tmp_path: Path) -> None:
    tar(tmp_path / "photos.tar", [("readme.txt", b"x"), ("photos/1.JPG", RED)])
    tar(tmp_path / "backup.tar", [("etc/hosts", b"x"), ("empty.jpg", b"")])
    (tmp_path / "packed.tar").write_bytes(b"\x1f\x8b" + bytes(2000))
    (tmp_path / "empty.tar").write_bytes(b"")
    (tmp_path / "pointer.tar").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert {path.name for path in tmp_path.iterdir() if is_shard(path)} == {
        "photos.tar",
        "pointer.tar",
    }


def test_memory_stays_flat_however_long_the_shard_is(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        entries = (
            one
            for number in range(count)
            for one in ((f"{number:06d}.png", BLUE), (f"{number:06d}.txt", b"a wall of blue"))
        )
        file = tar(tmp_path / f"{count}.tar", entries)
        tracemalloc.start()
        found = sum(isinstance(one, Sample) for one in ShardReader(32).read(file))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found == 2 * count
        return used

    peak(10)  # loads what is loaded once
    assert peak(3000) < peak(300) + 3_000_000


PARTS = (("png", BLUE), ("json", b'{"caption": "blue"}'), ("txt", b"a wall"))
SHARD = tar_bytes([(f"{number}.{kind}", data) for number in range(3) for kind, data in PARTS])


@settings(max_examples=150, deadline=None)
@given(
    cut=st.integers(0, len(SHARD)),
    flips=st.lists(st.tuples(st.integers(0, len(SHARD) - 1), st.integers(1, 255)), max_size=6),
)
def test_damage_anywhere_gives_samples_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(SHARD)
    for at, mask in flips:
        data[at] ^= mask
    path = tmp_path_factory.getbasetemp() / f"damaged-{os.getpid()}.tar"
    path.write_bytes(data[:cut])
    is_shard(path)
    samples: list[Sample | Facts] = []
    with suppress(MediaError):
        samples = read(source(path))
    positions = [one.position for one in samples if isinstance(one, Sample)]
    assert len(set(positions)) == len(positions)
    for one in pictures(samples):
        assert one.member is not None
        assert member_bytes(path, one.member)


def test_real_shards_are_read_whole(shared_data: Path) -> None:
    samples = read(source(shared_data / "photos" / "grocery.tar"))
    assert len(pictures(samples)) == len(captions(samples)) == 738
    assert note(samples) is None
