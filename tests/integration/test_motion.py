"""Motion Photos and Live Photos over HTTP, from the folder on: one picture, and its film."""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest
from flask.testing import FlaskClient

from indexer.config import load_settings
from search_api.app import create_app
from tests.films import SIZE, scene
from tests.integration.command import atisbo
from tests.integration.test_http import ReadingClient, problem
from tests.moving import make_live_photo, make_motion_photo

Items = Mapping[str, dict[str, Any]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Motion Photo, a Live Photo with a raw file beside it, a still, and a still with a raw."""
    folder = tmp_path_factory.mktemp("motion") / "photos"
    folder.mkdir()
    make_motion_photo(folder / "motion.jpg", "red", "green")
    make_live_photo(folder / "live.jpg", "blue", "yellow")
    scene("magenta").save(folder / "still.jpg")
    (folder / "live.dng").write_bytes(b"not developed here")
    (folder / "still.dng").write_bytes(b"nor this")
    return folder


@pytest.fixture(scope="module")
def client(photos: Path) -> Iterator[FlaskClient]:
    library = photos.parent / "library"
    done = atisbo("index", photos, "--library", library, "--model", "colour")
    assert done.returncode == 0, done.stderr
    app = create_app(settings=load_settings(library=library))
    app.test_client_class = ReadingClient
    with app.test_client() as client:
        yield client


@pytest.fixture(scope="module")
def items(client: FlaskClient) -> Items:
    """What is known of each picture, by its name."""
    hits = client.get("/api/v1/search?q=red").json["hits"]
    return {
        hit["item"]["path"]: client.get(f"/api/v1/items/{hit['item']['id']}").json for hit in hits
    }


def length_of(film: bytes) -> float:
    with av.open(BytesIO(film)) as container:
        (stream,) = container.streams.video
        assert (stream.width, stream.height) == SIZE
        return sum(1 for _ in container.decode(stream)) / float(stream.average_rate or 1)


def test_each_is_one_picture_that_says_whether_it_moves(client: FlaskClient, items: Items) -> None:
    assert sorted(items) == ["live.jpg", "motion.jpg", "still.jpg"]
    assert client.get("/api/v1/search?q=red&target=video").json["hits"] == []
    told = {name: (one["motion"], sorted(one["companions"])) for name, one in items.items()}
    assert told == {
        "motion.jpg": (f"/api/v1/items/{items['motion.jpg']['id']}/motion", []),
        "live.jpg": (f"/api/v1/items/{items['live.jpg']['id']}/motion", ["live.dng", "live.mov"]),
        "still.jpg": (None, ["still.dng"]),
    }


def test_film_in_a_motion_photo_is_sent_alone(
    client: FlaskClient, items: Items, photos: Path
) -> None:
    answer = client.get(items["motion.jpg"]["motion"])
    assert (answer.status_code, answer.mimetype) == (200, "video/mp4")
    assert answer.headers["Content-Disposition"] == "inline; filename=motion.jpg.mp4"
    assert (photos / "motion.jpg").read_bytes().endswith(answer.data)
    assert length_of(answer.data) == 1.2


def test_film_beside_a_live_photo_is_sent(client: FlaskClient, items: Items, photos: Path) -> None:
    answer = client.get(items["live.jpg"]["motion"])
    assert (answer.status_code, answer.mimetype) == (200, "video/quicktime")
    assert answer.data == (photos / "live.mov").read_bytes()


@pytest.mark.parametrize("name", ["motion.jpg", "live.jpg"])
def test_films_are_sent_once_and_in_ranges(client: FlaskClient, items: Items, name: str) -> None:
    address = items[name]["motion"]
    whole = client.get(address)
    assert whole.headers["Accept-Ranges"] == "bytes"
    size = len(whole.data)
    part = client.get(address, headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.data) == (206, whole.data[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{size}"
    again = client.get(address, headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    late = client.get(address, headers={"Range": f"bytes={size}-"})
    problem(late, 416, "range_not_satisfiable")
    assert late.headers["Content-Range"] == f"bytes */{size}"


def test_what_does_not_move_has_no_film(client: FlaskClient, items: Items) -> None:
    answer = client.get(f"/api/v1/items/{items['still.jpg']['id']}/motion")
    assert re.match(r"still\.jpg has no moving part", problem(answer, 404, "not_found"))
    problem(client.get("/api/v1/items/99999/motion"), 404, "not_found")
    problem(client.get("/api/v1/items/one/motion"), 400, "bad_query")


def test_original_of_such_a_picture_is_the_picture(
    client: FlaskClient, items: Items, photos: Path
) -> None:
    for name in ("motion.jpg", "live.jpg"):
        answer = client.get(items[name]["media"])
        assert answer.mimetype == "image/jpeg"
        assert answer.data == (photos / name).read_bytes()
