"""The commands and the service on each database, and on one that goes away in the middle."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from indexer.embedders import open_embedder
from indexer.library import open_library
from search_api.app import create_app
from search_api.codec import MediaCodec
from search_api.pictures import Pictures
from search_api.searcher import Searcher
from tests.postgres import Server

COLOURS = {"red": (250, 10, 10), "green": (10, 170, 10), "blue": (10, 10, 250)}


class Library:
    """A library with its catalogue in the given database, and the folder that it is made of."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder / "library", database
        self.photos = folder / "photos"
        self.photos.mkdir()

    def draw(self, name: str, colour: tuple[int, int, int], side: int = 16) -> Path:
        path = self.photos / f"{name}.png"
        Image.new("RGB", (side, side), colour).save(path)
        path.with_suffix(".txt").write_text(f"a {name} wall\n")
        return path

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "ATISBO_MODEL": "colour",
            "ATISBO_CHECKPOINT_ITEMS": "4",
            "ATISBO_LIBRARY": str(self.folder),
            "ATISBO_DATABASE": self.database,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "indexer", *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> str:
        running = self.start(*arguments)
        out, said = running.communicate(timeout=120)
        assert running.returncode == 0, said + out
        return out

    def index(self) -> None:
        self.run("index", self.photos, "--batch-size", 2)

    def check(self, pictures: int) -> None:
        """Asserts that the library is sound and holds so many pictures, each with its caption."""
        assert json.loads(self.run("verify", "--json"))["sound"]
        status = json.loads(self.run("status", "--json"))
        assert (status["pictures"], status["captions"]) == (pictures, pictures)
        assert (status["pictures_vectors"], status["captions_vectors"]) == (pictures, pictures)

    def found(self, query: str, target: str = "image") -> list[dict[str, object]]:
        answer = json.loads(self.run("search", query, "--target", target, "--json"))
        return [hit["item"] for hit in answer["hits"]]


@pytest.fixture
def library(tmp_path: Path, database: str) -> Library:
    return Library(tmp_path, database)


@pytest.fixture
def on_postgres(tmp_path: Path, postgres_server: Server) -> Library:
    return Library(tmp_path, postgres_server.new_database())


@contextmanager
def away(server: Server) -> Iterator[None]:
    """The server is gone as after a crash, and comes back."""
    server.stop("immediate")
    try:
        yield
    finally:
        server.start()


def test_commands_follow_the_files_on_every_database(library: Library) -> None:
    for name, colour in COLOURS.items():
        library.draw(name, colour)
    library.index()
    before = library.found("red")[0]
    assert before["path"] == "red.png"
    for suffix in (".png", ".txt"):
        (library.photos / f"red{suffix}").rename(library.photos / f"renamed{suffix}")
        (library.photos / f"green{suffix}").unlink()
    library.draw("blue", COLOURS["blue"], side=24)
    library.draw("yellow", (250, 250, 10))
    library.index()
    library.check(3)
    first = library.found("red")[0]
    assert (first["id"], first["path"]) == (before["id"], "renamed.png")
    assert library.found("a red wall", "text")[0]["text"] == "a red wall"


def test_a_database_that_goes_away_ends_the_run_in_words(
    on_postgres: Library, postgres_server: Server
) -> None:
    library, pictures = on_postgres, 300
    for number in range(pictures):
        library.draw(f"{number}", (number % 256, 255 - number % 256, number // 2))
    running = library.start("index", library.photos, "--batch-size", 2)
    _wait_for_rows(library.database, 40)
    with away(postgres_server):
        _, said = running.communicate(timeout=60)
        assert running.returncode == 2, said
        (line,) = said.splitlines()
        assert line.startswith("atisbo: the catalogue at postgresql")
        assert "does not answer" in line
        refused = library.start("status", "--json")
        out, said = refused.communicate(timeout=60)
        assert (refused.returncode, out, len(said.splitlines())) == (2, "", 1)
    library.index()
    library.check(pictures)


def _wait_for_rows(database: str, wanted: int) -> None:
    engine = create_engine(database)
    found, deadline = 0, time.monotonic() + 60
    while found < wanted:
        assert time.monotonic() < deadline, "the indexer shows nothing"
        try:
            with engine.connect() as connection:
                query = text("SELECT count(*) FROM items WHERE searchable")
                found = connection.execute(query).scalar_one()
        except DBAPIError:  # before the tables are made
            time.sleep(0.02)
    engine.dispose()


def test_a_service_says_that_its_database_is_away_and_goes_on_when_it_is_back(
    on_postgres: Library, postgres_server: Server
) -> None:
    library = on_postgres
    library.draw("red", COLOURS["red"])
    library.index()
    opened = open_library(library.folder, database=library.database)
    embedder = open_embedder("colour", device="cpu", precision="fp32")
    searcher = Searcher(opened.catalog, opened.indexes, embedder)
    pictures = Pictures(opened.thumbnails, MediaCodec(max_pixels=1_000_000, upload_side=64))
    client = create_app(searcher, pictures).test_client()
    search = "/api/v1/search?q=red"
    (hit,) = client.get(search).json["hits"]
    addresses = (search, f"/api/v1/items/{hit['item']['id']}", "/api/v1/status")
    with away(postgres_server):
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code == 503, address
            assert answer.json["error"]["code"] == "unavailable"
            assert "does not answer" in answer.json["error"]["message"]
    for address in addresses:
        assert client.get(address).status_code == 200, address
    opened.catalog.close()
