"""Parquet shards: layouts of data sets, what damage costs, and opening one picture again."""

import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import MediaError
from indexer.media.shards import ShardReader, is_shard, member_bytes
from indexer.types import Facts, Sample, SourceFile
from tests.shards import captions, note, parquet, parquet_bytes, picture, pictures, source

RED, GREEN, BLUE = picture((220, 20, 20)), picture((20, 180, 20)), picture((20, 20, 220), "PNG")


def read(file: SourceFile) -> list[Sample | Facts]:
    return list(ShardReader(32).read(file))


def test_a_shard_of_img2dataset_gives_pictures_and_captions(tmp_path: Path) -> None:
    file = parquet(
        tmp_path / "00000.parquet",
        {
            "key": ["0", "1", "2"],
            "status": ["success", "failed_to_download", "success"],
            "caption": ["a red wall", "nowhere", None],
            "jpg": [RED, None, GREEN],
            "TEXT": ["a red wall", "nowhere", "Wald"],
        },
    )
    samples = read(file)
    first, second = pictures(samples)
    assert (first.member, first.width, first.height) == ("row:0.jpg", 48, 32)
    assert second.member == "row:2.jpg"
    assert captions(samples) == [
        (first.position, "shard:caption", "a red wall"),
        (second.position, "shard:TEXT", "Wald"),
    ]
    assert note(samples) is None


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"image": [{"bytes": RED, "path": "1.jpg"}], "text": ["one"]}, ["row:0.jpg"]),
        ({"images": [[{"bytes": RED}, {"bytes": None}, {"bytes": BLUE}]], "prompt": ["one"]},
         ["row:0.jpg", "row:0:2.png"]),
        ({"jpg_0": [RED], "jpg_1": [GREEN], "caption": ["one"]}, ["row:0.jpg", "row:0:1.jpg"]),
        ({"content": [BLUE], "other": [b"\0\1"], "blip_caption": ["one"]}, ["row:0.png"]),
        ({"image": [RED], "mask": [BLUE], "captions": [["one", "one"]]}, ["row:0.jpg"]),
    ],
)  # fmt: skip
def test_layouts_of_data_sets_are_understood(
    tmp_path: Path, columns: dict[str, Any], found: list[str]
) -> None:
    file = parquet(tmp_path / "a.parquet", columns)
    assert is_shard(file.location)
    samples = read(file)
    assert [one.member for one in pictures(samples)] == found
    assert [(about, text) for about, _, text in captions(samples)] == [(0, "one")]
    for one in pictures(samples):
        assert member_bytes(file.location, str(one.member)) in {RED, GREEN, BLUE}


def test_the_original_of_a_row_in_any_group_is_opened_by_its_member(tmp_path: Path) -> None:
    held = [picture((number, 0, 0), "PNG") for number in range(25)]
    file = parquet(tmp_path / "a.parquet", {"image": held}, row_group_size=10)
    samples = pictures(read(file))
    assert [one.member for one in samples] == [f"row:{number}.png" for number in range(25)]
    for number in (0, 9, 10, 24):
        assert member_bytes(file.location, f"row:{number}.png") == held[number]
    for wrong in ("row:25.png", "row:3:1.png", "3"):
        with pytest.raises(MediaError, match="row"):
            member_bytes(file.location, wrong)


def test_a_damaged_picture_is_counted_and_the_shard_goes_on(tmp_path: Path) -> None:
    columns = {"image": [RED, RED[:90], GREEN], "text": ["one", "two", "three"]}
    samples = read(parquet(tmp_path / "a.parquet", columns))
    said = note(samples)
    assert said is not None
    assert said.startswith("1 of 3 pictures could not be read, the first: row 1: ")
    assert [text for _, _, text in captions(samples)] == ["one", "three"]
    assert [one.position for one in samples if isinstance(one, Sample)] == [0, 1, 4, 5]


def test_a_damaged_group_of_rows_costs_its_rows_alone(tmp_path: Path) -> None:
    held = [picture((number, 0, 0), "PNG") for number in range(20)]
    path = tmp_path / "a.parquet"
    data = parquet_bytes(
        {"image": held}, row_group_size=10, compression="none", use_dictionary=False
    )
    at = data.index(held[3]) - 4  # how long the picture is
    path.write_bytes(data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :])
    samples = read(source(path))
    assert {one.member for one in pictures(samples)} >= {f"row:{n}.png" for n in range(10, 20)}
    said = note(samples)
    assert said is not None
    assert said.startswith("rows ")
    assert "to 9 could not be read" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"PAR1 and no more", "no parquet file, or damaged"),
        (parquet_bytes({"image": [RED]})[:-20], "no parquet file, or damaged"),
        (parquet_bytes({"url": ["https://a"], "caption": ["b"]}), "its columns are url, caption"),
        (parquet_bytes({"image": [RED[:90]]}), "1 of 1 pictures could not be read"),
        (parquet_bytes({"jpg": pa.array([None], pa.binary())}), "no picture"),
    ],
)
def test_a_shard_of_which_nothing_can_be_read_is_skipped_with_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=reason):
        read(source(path))


def test_only_tables_with_pictures_are_shards(tmp_path: Path) -> None:
    missing = pa.array([None] * 10 + [RED], pa.binary())
    parquet(tmp_path / "photos.parquet", {"jpg": missing})
    parquet(tmp_path / "about.parquet", {"url": ["https://a"], "width": [3]})
    parquet(tmp_path / "vectors.parquet", {"embedding": [[0.5, 0.5]], "data": [b"\0\1\2"]})
    parquet(tmp_path / "no-rows.parquet", {"image": pa.array([], pa.binary())})
    (tmp_path / "no.parquet").write_bytes(b"PAR1")
    assert [path.name for path in tmp_path.iterdir() if is_shard(path)] == ["photos.parquet"]


def test_memory_stays_flat_however_long_the_shard_is(tmp_path: Path) -> None:
    held = [BLUE + os.urandom(100_000)] * 600
    columns = {"image": held, "text": ["a wall of blue"] * 600}
    pages = {"use_dictionary": False, "write_batch_size": 16}  # pages are what Parquet reads whole
    file = parquet(tmp_path / "a.parquet", columns, **pages)
    before, most = pa.total_allocated_bytes(), 0
    tracemalloc.start()
    for _ in ShardReader(32).read(file):
        most = max(most, pa.total_allocated_bytes() - before)
    most += tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 45_000_000  # the file is one group of rows of 60 MB: a batch as Arrow, as bytes


SHARD = parquet_bytes(
    {"image": [BLUE] * 6, "caption": ["one", None, "three"] * 2}, row_group_size=2
)


@settings(max_examples=150, deadline=None)
@given(
    cut=st.integers(len(SHARD) // 2, 2 * len(SHARD)),
    flips=st.lists(st.tuples(st.integers(0, len(SHARD) - 1), st.integers(1, 255)), max_size=6),
)
def test_damage_anywhere_gives_samples_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(SHARD)
    for at, mask in flips:
        data[at] ^= mask
    path = tmp_path_factory.getbasetemp() / f"damaged-{os.getpid()}.parquet"
    path.write_bytes(data[:cut])
    is_shard(path)
    samples: list[Sample | Facts] = []
    with suppress(MediaError):
        samples = read(source(path))
    positions = [one.position for one in samples if isinstance(one, Sample)]
    assert len(set(positions)) == len(positions)
    for one in pictures(samples):
        assert member_bytes(path, str(one.member))


def test_photos_of_a_real_data_set_come_back_from_parquet(
    shared_data: Path, tmp_path: Path
) -> None:
    files = sorted((shared_data / "flickr8k" / "images").iterdir())[:50]
    held = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    file = parquet(tmp_path / "flickr.parquet", {"image": held, "text": [f.stem for f in files]})
    samples = read(file)
    assert [text for _, _, text in captions(samples)] == [file.stem for file in files]
    assert {(one.width, one.height) for one in pictures(samples)} == {(192, 192)}
