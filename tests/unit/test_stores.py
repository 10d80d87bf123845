"""Shards in stores: listing, knowing them again, reading, and what is said when none answers."""

import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from indexer.errors import ConfigError, MediaError, Unavailable, Unreached
from indexer.media.remote import digest_of, list_shards, plain_url
from indexer.media.shards import ShardReader, member_bytes
from indexer.types import Facts, Kind, Sample, SourceFile
from tests.shards import captions, parquet_bytes, picture, pictures, tar_bytes
from tests.web import Server, serving

RED, GREEN = picture((220, 20, 20)), picture((20, 180, 20), "PNG")
TAR = tar_bytes([("1.jpg", RED), ("1.txt", b"a red wall"), ("2.png", GREEN)])
TABLE = parquet_bytes({"image": [RED, GREEN], "caption": ["a red wall", None]})


def read(file: SourceFile) -> list[Sample | Facts]:
    return list(ShardReader(32).read(file))


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    store = fsspec.filesystem("memory")
    yield store
    store.rm("/", recursive=True)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Server]:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    with serving(tmp_path) as server:
        yield server


def test_shards_below_a_url_are_listed_and_nothing_else(memory: fsspec.AbstractFileSystem) -> None:
    for name in ("0.tar", "b/1.tar", "b/1.parquet", "b/table.PARQUET", ".cache/2.tar", "c.jpg"):
        memory.pipe(f"/set/{name}", TAR)
    memory.pipe("/set-of-another/3.tar", TAR)
    found = list_shards("memory://set")
    assert [(one.root, one.path, one.kind, one.size_bytes) for one in found] == [
        ("memory://set", path, Kind.SHARD, len(TAR))
        for path in ("0.tar", "b/1.tar", "b/table.PARQUET")
    ]
    assert found[1].address == "memory://set/b/1.tar"
    assert found[1].is_remote
    assert list_shards("memory://nowhere") == []


def test_a_url_may_name_one_shard(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe("/set/0.tar", TAR)
    memory.pipe("/set/1.tar", TAR)
    (one,) = list_shards("memory://set/0.tar")
    assert (one.root, one.path, one.address) == (
        "memory://set/0.tar",
        "0.tar",
        "memory://set/0.tar",
    )
    assert len(pictures(read(one))) == 2
    assert list_shards("memory://set/2.tar") == []


def test_a_shard_counts_as_changed_when_its_store_says_so(
    memory: fsspec.AbstractFileSystem,
) -> None:
    memory.pipe("/set/0.tar", TAR)
    (first,), (again,) = list_shards("memory://set"), list_shards("memory://set")
    assert (first, first.digest) == (again, again.digest)
    assert digest_of(first) == first.digest
    memory.pipe("/set/0.tar", bytes(len(TAR)))
    (changed,) = list_shards("memory://set")
    assert changed != first
    assert changed.digest != first.digest
    assert digest_of(first) == changed.digest
    memory.rm("/set/0.tar")
    assert digest_of(first) is None


@pytest.mark.parametrize(("name", "content"), [("0.tar", TAR), ("0.parquet", TABLE)])
def test_a_shard_in_a_store_is_read_as_on_disk(
    memory: fsspec.AbstractFileSystem, name: str, content: bytes
) -> None:
    memory.pipe(f"/set/{name}", content)
    (file,) = list_shards("memory://set")
    samples = read(file)
    assert [member_bytes(file.address, str(one.member)) for one in pictures(samples)] == [
        RED,
        GREEN,
    ]
    assert [(about, text) for about, _, text in captions(samples)] == [(0, "a red wall")]


@pytest.mark.parametrize("parts", [True, False])
def test_shards_on_a_web_server_are_found_and_read(
    web: Server, tmp_path: Path, parts: bool
) -> None:
    web.parts = parts
    (tmp_path / "sub dir").mkdir()
    (tmp_path / "sub dir" / "0.tar").write_bytes(TAR)
    (tmp_path / "1.parquet").write_bytes(TABLE)
    (tmp_path / "notes.txt").write_text("x")
    root = web.url
    found = list_shards(root)
    assert [(one.path, one.size_bytes) for one in found] == [
        ("1.parquet", len(TABLE)),
        ("sub%20dir/0.tar", len(TAR)),
    ]
    stat = (tmp_path / "1.parquet").stat()
    assert found[0].mtime_ns == stat.st_mtime_ns // 10**9 * 10**9
    for file in found:
        held = pictures(read(file))
        assert [member_bytes(file.address, str(one.member)) for one in held] == [RED, GREEN]
    assert bool(web.asked) == parts


def test_one_picture_of_a_large_shard_takes_a_few_requests(web: Server, tmp_path: Path) -> None:
    filler = [(f"{number}.bin", bytes(500_000)) for number in range(20)]
    (tmp_path / "0.tar").write_bytes(tar_bytes([*filler, ("1.jpg", RED), *filler]))
    (file,) = list_shards(f"{web.url}/0.tar")
    (held,) = pictures(read(file))
    web.asked.clear()
    assert member_bytes(file.address, str(held.member)) == RED
    sizes = [
        int(last) - int(first) + 1
        for first, _, last in (one.removeprefix("bytes=").partition("-") for one in web.asked)
    ]
    assert len(sizes) <= 3
    assert sum(sizes) < 1_000_000


def test_a_server_in_trouble_is_no_empty_folder(web: Server, tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(TAR)
    (file,) = list_shards(web.url)
    web.status = 503
    for url in (web.url, f"{web.url}/0.tar"):
        with pytest.raises(Unavailable, match=r"cannot be reached .* is kept"):
            list_shards(url)
    assert digest_of(file) is None
    with pytest.raises(Unreached):
        read(file)
    web.status = 404
    assert list_shards(f"{web.url}/0.tar") == []
    with pytest.raises(MediaError, match="gone"):
        read(file)


def test_a_server_that_went_away_is_no_empty_folder(web: Server, tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(TAR)
    (file,) = list_shards(web.url)
    web.shutdown()
    web.server_close()
    for url in (web.url, f"{web.url}/0.tar"):
        with pytest.raises(Unavailable, match="cannot be reached"):
            list_shards(url)
    with pytest.raises(Unreached):
        read(file)


@pytest.mark.parametrize(("name", "content"), [("0.tar", TAR), ("0.parquet", TABLE)])
def test_a_store_that_falls_silent_halfway_is_not_damage(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    memory.pipe(f"/set/{name}", content)
    (file,) = list_shards("memory://set")
    samples = ShardReader(32).read(file)

    def refuse(*_: object) -> bytes:
        raise ConnectionResetError("connection reset by peer")

    next(samples)
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFile.read", refuse)
    if name.endswith(".tar"):
        with pytest.raises(Unreached, match="connection reset"):
            list(samples)
    with pytest.raises(Unreached, match="connection reset"):
        read(file)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigError, match=r"s3fs is not installed.* pip install s3fs"):
        list_shards("s3://bucket/shards")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///photos", "folder of this machine"),
        ("s3://", "no URL of a store"),
        ("https://me:secret@example.org/set", "password"),
        ("https://example.org/0.tar?token=secret", "query"),
    ],
)
def test_urls_that_no_library_should_keep_are_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as error:
        plain_url(url)
    assert "secret" not in str(error.value)


def test_an_unknown_kind_of_store_is_refused() -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        list_shards("nonsense://bucket/shards")


def test_urls_are_kept_in_one_way_of_writing() -> None:
    assert plain_url("S3://Bucket/Shards//") == "s3://Bucket/Shards"


@pytest.mark.parametrize(
    ("facts", "others"),
    [
        ({"ETag": f'"{"9b2c" * 8}"'}, {"ETag": f'"{"9b2d" * 8}"'}),
        ({"etag": "5f3a-1c"}, {"etag": "5f3a-1d"}),
        ({"updated": "2024-05-01T10:00:00.000Z"}, {"updated": "2024-05-01T10:00:01.000Z"}),
    ],
)  # fmt: skip
def test_tags_and_times_of_stores_tell_a_change(
    memory: fsspec.AbstractFileSystem,
    monkeypatch: pytest.MonkeyPatch,
    facts: dict[str, str],
    others: dict[str, str],
) -> None:
    def listed(told: dict[str, str]) -> SourceFile:
        entry = {"name": "/set/0.tar", "size": 5, "type": "file", **told}
        monkeypatch.setattr(type(memory), "ls", lambda *_, **__: [entry])
        (one,) = list_shards("memory://set")
        return one

    first, again, changed = listed(facts), listed(facts), listed(others)
    assert (first, first.digest) == (again, again.digest)
    assert first.mtime_ns != changed.mtime_ns
    assert first.digest != changed.digest
