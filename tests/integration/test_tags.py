"""Tags over HTTP and in the shell."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from indexer.cli import main
from indexer.embedders.colour import ColourEmbedder
from indexer.library import make_library, open_catalog_of
from indexer.types import EmbeddedFile, EmbeddedItem, Kind, Modality, SourceFile
from tests.integration.test_http import Service, problem

TAGS = "/api/v1/tags"


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    service = Service(tmp_path)
    service.with_film()
    return service.client


def tags_of(client: FlaskClient, id: int) -> list[str]:
    found: list[str] = client.get(f"/api/v1/items/{id}").json["tags"]
    return found


def test_tags_are_given_counted_and_taken_away(client: FlaskClient) -> None:
    assert client.get(TAGS).json == {"tags": []}
    answer = client.post(TAGS, json={"items": [1, 2, 999], "add": ["Favourite", " my  dog "]})
    assert answer.json == {"tagged": 2}
    assert client.get(TAGS).json == {
        "tags": [{"name": "favourite", "items": 2}, {"name": "my dog", "items": 2}]
    }
    assert tags_of(client, 1) == tags_of(client, 11) == ["favourite", "my dog"]
    client.post(TAGS, json={"items": [1], "add": ["new"], "remove": ["MY DOG"]})
    assert tags_of(client, 1) == ["favourite", "new"]
    assert tags_of(client, 3) == []


def test_a_tagged_moment_tags_its_film(client: FlaskClient) -> None:
    assert client.post(TAGS, json={"items": [21, 31], "add": ["x"]}).json == {"tagged": 1}
    assert [tags_of(client, id) for id in (20, 21, 22, 31)] == [["x"]] * 4


def test_hits_say_whether_they_are_favourites(client: FlaskClient) -> None:
    client.post(TAGS, json={"items": [1, 20], "add": ["favourite"]})
    client.post(TAGS, json={"items": [2], "add": ["x"]})

    def favourites(target: str) -> set[int]:
        hits = client.get(f"/api/v1/search?q=red&target={target}").json["hits"]
        return {hit["item"]["id"] for hit in hits if hit["favourite"]}

    assert favourites("image") == {1, 21, 22}
    assert favourites("video") == {20}
    assert favourites("text") == {11, 31, 32}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"items": [1]}, "no tag is named"),
        ({"items": [], "add": ["x"]}, "items"),
        ({"items": ["1"], "add": ["x"]}, "items"),
        ({"items": [-1], "add": ["x"]}, "items"),
        ({"items": [1], "add": "x"}, "add"),
        ({"items": [1], "add": [""]}, "add"),
        ({"items": [1], "add": ["   "]}, "can be no tag"),
        ({"items": [1], "add": ["a\u0000b"]}, "can be no tag"),
        ({"items": [1], "remove": ["x" * 101]}, "can be no tag"),
        ({"items": [1], "add": ["x"], "ad": ["y"]}, "ad"),
        ([1], "JSON object"),
        ("x", "request"),
        (None, "JSON object"),
    ],
)
def test_what_is_no_list_of_tags_is_refused(client: FlaskClient, body: Any, named: str) -> None:
    assert named in problem(client.post(TAGS, json=body), 400, "bad_query")
    assert client.get(TAGS).json == {"tags": []}


def test_half_a_letter_is_refused(client: FlaskClient) -> None:
    body = b'{"items": [1], "add": ["a\\ud800"]}'
    answer = client.post(TAGS, data=body, content_type="application/json")
    assert "add" in problem(answer, 400, "bad_query")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_a_page_elsewhere_can_tag_nothing(client: FlaskClient, kind: str | None) -> None:
    """Only what a page may send without asking first is sent without application/json."""
    body = json.dumps({"items": [1], "add": ["x"]})
    message = problem(client.post(TAGS, data=body, content_type=kind), 400, "bad_query")
    assert "application/json" in message
    asked = client.options(TAGS, headers={"Origin": "http://elsewhere"})
    assert not [name for name, _ in asked.headers if name.startswith("Access-Control")]
    assert client.get(TAGS).json == {"tags": []}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of the pictures 1 to 3, without files."""
    folder = tmp_path / "library"
    make_library(folder, ColourEmbedder())
    catalog = open_catalog_of(folder)
    for number in range(3):
        source = SourceFile("/photos", f"{number}.jpg", Kind.IMAGE, number, 1)
        vectors = np.zeros((1, 3), np.float32)
        catalog.add([EmbeddedFile(source, Modality.IMAGE, [EmbeddedItem()], vectors)])
        catalog.publish([source])
    catalog.close()
    return folder


def atisbo_tag(library: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["tag", *arguments, "--library", str(library)])


def test_the_command_tags_and_lists(library: Path) -> None:
    done = atisbo_tag(library, "1", "2", "999", "--add", "Sea", "--add", "my dog")
    assert (done.exit_code, done.output) == (0, "2 items are tagged so.\n")
    assert atisbo_tag(library, "1", "--remove", "sea").exit_code == 0
    assert atisbo_tag(library, "--list").output.split("\n")[:2] == [
        "        2  my dog",
        "        1  sea",
    ]
    told = json.loads(atisbo_tag(library, "1", "2", "3", "--list", "--json").output)
    assert told["items"] == {"1": ["my dog"], "2": ["my dog", "sea"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("1",), "Give ids with --add"),
        ((), "Give ids with --add"),
        (("--add", "x"), "Give ids"),
        (("--list", "--add", "x"), "Give the ids"),
        (("999", "--add", "x"), "None of these ids"),
        (("1", "--add", " "), "can be no tag"),
        (("x", "--add", "x"), "not a valid integer"),
    ],
)
def test_the_command_says_what_is_missing(
    library: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = atisbo_tag(library, *arguments)
    assert refused.exit_code == 2
    assert said in refused.output
    assert "no tag yet" in atisbo_tag(library, "--list").output
