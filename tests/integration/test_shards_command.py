"""`atisbo index` on data sets, in folders and in stores, as a user runs it."""

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from indexer.cli import main
from tests.shards import parquet_bytes, picture, tar_bytes
from tests.web import Server, serving

RED, GREEN, BLUE = picture((250, 10, 10)), picture((10, 170, 10)), picture((10, 10, 250))
REDS = tar_bytes([("1.jpg", RED), ("1.txt", b"a red wall"), ("2.jpg", RED[:90])])
GREENS = parquet_bytes({"image": [GREEN], "caption": ["a green wall"]})


def atisbo(*arguments: object) -> Result:
    """Runs the command in this process, where the packages are loaded once."""
    return CliRunner().invoke(main, [*map(str, arguments)], env={"ATISBO_MODEL": "colour"})


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    (folder / "more").mkdir(parents=True)
    (folder / "reds.tar").write_bytes(REDS)
    (folder / "more" / "greens.parquet").write_bytes(GREENS)
    return folder


@pytest.fixture
def web(shards: Path) -> Iterator[Server]:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed")
    with serving(shards) as server:
        yield server


def status(library: Path) -> tuple[int, int]:
    """How many pictures and captions there are."""
    facts = json.loads(atisbo("status", "--library", library, "--json").stdout)
    return facts["pictures"], facts["captions"]


def best(library: Path, query: str) -> dict[str, object]:
    result = atisbo("search", query, "--library", library, "--json")
    assert result.exit_code == 0, result.stderr
    item: dict[str, object] = json.loads(result.stdout)["hits"][0]["item"]
    return item


def test_shards_in_a_folder_are_found_by_what_they_hold(shards: Path, library: Path) -> None:
    (shards / "about.parquet").write_bytes(parquet_bytes({"url": ["https://a"]}))
    result = atisbo("index", shards, "--library", library)
    assert result.exit_code == 0, result.stderr
    assert status(library) == (2, 2)
    assert best(library, "red")["member"] == "1@0.jpg"
    assert best(library, "green")["member"] == "row:0.jpg"
    told = atisbo("failures", "--library", library).stdout
    assert "reds.tar (in part): 1 of 2 pictures could not be read" in told
    assert "about.parquet" not in told
    again = atisbo("index", "--library", library)
    (line,) = (line for line in again.stdout.splitlines() if "files unchanged" in line)
    assert "2" in line


def test_a_url_is_kept_in_step_like_a_folder(web: Server, shards: Path, library: Path) -> None:
    result = atisbo("index", web.url, "--library", library)
    assert result.exit_code == 0, result.stderr
    assert status(library) == (2, 2)
    web.asked.clear()
    again = atisbo("index", "--library", library)
    assert again.exit_code == 0, again.stderr
    assert web.asked == []
    assert "is sound" in atisbo("verify", "--library", library).stdout

    (shards / "reds.tar").write_bytes(tar_bytes([("1.jpg", BLUE), ("2.jpg", RED)]))
    os.utime(shards / "reds.tar", (2e9, 2e9))  # web servers tell whole seconds
    changed = atisbo("verify", "--library", library)
    assert "1 shards of" in changed.stdout
    (shards / "more" / "greens.parquet").unlink()
    atisbo("index", web.url, "--library", library)
    assert status(library) == (2, 0)
    assert best(library, "blue")["path"] == "reds.tar"


def test_a_store_that_does_not_answer_keeps_its_shards(
    web: Server, shards: Path, library: Path, tmp_path: Path
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "blue.jpg").write_bytes(BLUE)
    assert atisbo("index", web.url, local, "--library", library).exit_code == 0
    web.status = 503
    (shards / "reds.tar").unlink()
    alone = atisbo("index", web.url, "--library", library)
    assert alone.exit_code != 0
    assert "cannot be reached" in alone.stderr
    (local / "blue.jpg").unlink()
    (local / "red.jpg").write_bytes(RED)
    together = atisbo("index", "--library", library)
    assert together.exit_code == 0, together.stderr
    assert "cannot be reached" in together.stderr
    assert "disk mounted" not in together.stderr
    assert status(library) == (3, 2)
    assert best(library, "red")["path"] in {"reds.tar", "red.jpg"}


def test_a_shard_that_could_not_be_fetched_is_tried_again(
    web: Server, shards: Path, library: Path
) -> None:
    web.silent_after = len(REDS) // 2
    atisbo("index", web.url, "--library", library)
    web.silent_after = None
    atisbo("index", web.url, "--library", library)
    assert status(library) == (2, 2)
    assert atisbo("failures", "--library", library).stdout.count("reds.tar") == 1  # in part


def test_a_shard_in_a_store_is_forgotten_by_its_url(web: Server, library: Path) -> None:
    atisbo("index", web.url, "--library", library)
    told = atisbo("forget", f"{web.url}/reds.tar", "--library", library)
    assert "1 files are forgotten" in told.stdout, told.stderr
    atisbo("index", "--library", library)
    assert status(library) == (1, 1)
    atisbo("forget", web.url, "--library", library)
    assert status(library) == (0, 0)


def test_a_shard_indexed_alone_belongs_to_the_place_around_it_later(
    web: Server, library: Path
) -> None:
    atisbo("index", f"{web.url}/reds.tar", "--library", library)
    assert status(library) == (1, 1)
    item = best(library, "red")
    atisbo("index", web.url, "--library", library)
    assert status(library) == (2, 2)
    assert best(library, "red")["id"] == item["id"]
    atisbo("index", f"{web.url}/more", "--library", library)
    assert status(library) == (2, 2)


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_a_store_whose_package_is_missing_is_refused_with_its_name(library: Path) -> None:
    result = atisbo("index", "s3://bucket/shards", "--library", library)
    assert result.exit_code != 0
    assert "pip install s3fs" in result.stderr
