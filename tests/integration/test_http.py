"""The service through Flask's test client, over fakes: what a browser or a program gets."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from indexer.errors import ConfigError, MediaError, Unavailable
from indexer.types import (
    Embedder,
    Facts,
    Kind,
    Modality,
    Place,
    Skipped,
    SourceFile,
    Span,
    TakenFrom,
)
from search_api.app import MAX_UPLOAD_BYTES, create_app
from search_api.guard import trusted_hosts
from search_api.motion import Film
from search_api.pictures import Pictures
from search_api.routes.pages import page_routes
from search_api.searcher import Searcher
from tests.fakes import (
    FakeCatalog,
    FakeEmbedder,
    FakeIndex,
    FakeThumbnails,
    caption,
    film,
    moment,
    picture,
    unit,
)

TEXTS = {
    "red": (1, 0, 0),
    "green": (0, 1, 0),
    "not red": (-1, 0, 0),
    "🟩 ñandú 緑": (0, 1, 0),
    "007": (0, 1, 0),
    "true": (0, 1, 0),
}


class ReadingClient(FlaskClient):
    """A client that reads each answer to its end, as a browser does, so that files are closed."""

    def open(self, *args: Any, **options: Any) -> Any:
        return super().open(*args, **{"buffered": True, **options})


def encoded(colour: tuple[int, int, int], form: str = "PNG", side: int = 40) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, form)
    return buffer.getvalue()


def decode(stream: Any) -> Image.Image:
    try:
        with Image.open(stream) as image:
            return image.convert("RGB")
    except OSError as error:
        raise MediaError("it is no picture that can be read") from error


def preview(path: Path, side: int) -> bytes:
    with path.open("rb") as stream:
        image = decode(stream)
    image.thumbnail((side, side))
    buffer = BytesIO()
    image.save(buffer, "WEBP")
    return buffer.getvalue()


class Codec:
    """Reads pictures; a film is red at first and blue from its second minute on."""

    def preview(self, path: Path, side: int, position: int) -> bytes:
        return preview(path, side)

    def frame(self, path: Path, at_ms: int, side: int) -> bytes:
        assert path.suffix == ".mp4"
        return encoded((0, 0, 255) if at_ms >= 60_000 else (255, 0, 0), "WEBP", side)

    def film(self, path: Path) -> Film | None:
        return None

    def member(self, shard: Path | str, name: str) -> bytes:
        assert str(shard).endswith(".tar")
        return encoded((0, 255, 0))

    def shrink(self, content: bytes, side: int) -> bytes:
        image = decode(BytesIO(content))
        buffer = BytesIO()
        image.resize((side, side)).save(buffer, "WEBP")
        return buffer.getvalue()

    def decode(self, stream: Any) -> Image.Image:
        return decode(stream)


class Service:
    """Pictures 1 red.png, 2 green.jpg, 3 gone.jpg, 4 a link out; captions 11 of 1, 12 of none.

    `with_film` adds film 20 of the moments 21 and 22 with the subtitle 31, and picture 41 in a
    shard.
    """

    def __init__(self, folder: Path, embedder: Embedder | None = None) -> None:
        self.root = folder / "photos"
        self.root.mkdir()
        (self.root / "red.png").write_bytes(encoded((255, 0, 0)))
        (self.root / "green.jpg").write_bytes(encoded((0, 255, 0), "JPEG"))
        (folder / "secret.png").write_bytes(encoded((0, 0, 0)))
        (self.root / "link.png").symlink_to(folder / "secret.png")
        self.catalog = FakeCatalog(
            [
                picture(1, "red.png", root=self.root),
                picture(2, "green.jpg", root=self.root),
                picture(3, "gone.jpg", root=self.root),
                picture(4, "link.png", root=self.root),
                caption(11, "a red square", about=1),
                caption(12, "a green thought"),
            ],
            [Skipped(SourceFile("/x", "cut.jpg", Kind.IMAGE, 1, 1), "the file ends too early")],
        )
        self.images = FakeIndex(
            [1, 2, 3, 4], unit([1, 0.1, 0], [0, 1, 0], [0, 0.1, 1], [0.1, 0, 1])
        )
        self.captions = FakeIndex([11, 12], unit([1, 0, 0.1], [0, 1, 0]))
        self.films = FakeIndex()
        self.embedder = FakeEmbedder(TEXTS)
        self.searcher = Searcher(
            self.catalog,
            {
                Modality.IMAGE: self.images,
                Modality.TEXT: self.captions,
                Modality.VIDEO: self.films,
            },
            embedder or self.embedder,
            vocabulary=("red", "green"),
        )
        self.thumbnails = FakeThumbnails({1: encoded((255, 0, 0), "WEBP")})
        self.pictures = Pictures(self.thumbnails, Codec())
        self.app = create_app(self.searcher, self.pictures)
        self.app.test_client_class = ReadingClient
        self.client = self.app.test_client()

    def with_film(self) -> None:
        (self.root / "film.mp4").write_bytes(bytes(range(256)) * 4)
        (self.root / "many.tar").write_bytes(b"a shard")
        span = Span(61_000, 62_000, 61_500)
        for item in [
            film(20, "film.mp4", root=self.root),
            moment(21, "film.mp4", 0, 60_000, 5_000, root=self.root),
            moment(22, "film.mp4", 60_000, 83_000, 80_000, root=self.root),
            caption(31, "it is blue", about=20, path="film.srt", span=span, origin="subtitle:en"),
            caption(32, "red, then blue", about=20, path="film.txt"),
            replace(picture(41, "many.tar", root=self.root), kind=Kind.SHARD, member="a/1.png"),
        ]:
            self.catalog.items[item.id] = item
        self.catalog.told[20] = self.catalog.told[21] = self.catalog.told[22] = Facts(
            taken_at=datetime(2019, 6, 1, 14, 30),
            taken_within_s=0,
            taken_from=TakenFrom.VIDEO,
            latitude=41.4,
            longitude=2.17,
            width=64,
            height=48,
            duration_ms=83_000,
            codec="h264",
        )
        vectors = unit([1, 0.5, 0], [0, 0.5, 1], [0, 1, 0.2])
        self.images.add(np.array([21, 22, 41]), vectors)
        self.films.add(np.array([20]), unit([1, 0.5, 1]))
        self.captions.add(np.array([31, 32]), unit([0, 0, 1], [1, 0, 1]))
        self.thumbnails.stored[21] = encoded((255, 0, 0), "WEBP", 400)
        self.thumbnails.stored[22] = encoded((0, 0, 255), "WEBP", 400)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


@pytest.fixture
def client(service: Service) -> Iterator[FlaskClient]:
    with service.client as client:
        yield client


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [hit["item"]["id"] for hit in answer.json["hits"]]


def problem(answer: Any, status: int, code: str) -> str:
    """Asserts that the answer is the one error shape; returns its message."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    assert list(answer.json) == ["error"]
    assert sorted(answer.json["error"]) == ["code", "message"]
    assert answer.json["error"]["code"] == code
    message: str = answer.json["error"]["message"]
    assert message
    return message


# search


def test_search_by_text_answers_as_the_contract_says(client: FlaskClient) -> None:
    body = client.get("/api/v1/search?q=red&k=1").json
    assert body["took_ms"].keys() == {"embed", "search", "fetch"}
    del body["took_ms"]
    assert isinstance(body.pop("next"), str)
    assert body == {
        "target": "image",
        "searched": 4,
        "verdict": None,
        "likely": None,
        "labels": [],
        "model": "fake",
        "hits": [
            {
                "score": pytest.approx(0.995037, abs=1e-6),
                "probability": None,
                "reasons": [
                    {
                        "part": "caption",
                        "score": pytest.approx(0.25),
                        "literal": True,
                        "text": "a red square",
                        "item": 11,
                    },
                    {
                        "part": "picture",
                        "score": pytest.approx(0.995037, abs=1e-6),
                        "literal": False,
                        "text": None,
                        "item": None,
                    },
                ],
                "favourite": False,
                "group": [],
                "scenes": [],
                "item": {
                    "id": 1,
                    "kind": "image",
                    "modality": "image",
                    "path": "red.png",
                    "member": None,
                    "position": 0,
                    "start_ms": None,
                    "end_ms": None,
                    "best_ms": None,
                    "duration_ms": None,
                    "width": 64,
                    "height": 48,
                    "text": None,
                    "origin": None,
                    "picture": None,
                    "film": None,
                    "thumbnail": "/api/v1/items/1/thumbnail",
                    "media": "/api/v1/items/1/media",
                    "copies": [],
                },
            }
        ],
    }


def test_found_captions_bring_the_pictures_they_describe(client: FlaskClient) -> None:
    hits = client.get("/api/v1/search?q=red&target=text").json["hits"]
    assert [hit["item"]["text"] for hit in hits] == ["a red square", "a green thought"]
    assert hits[0]["item"]["picture"] == {
        "id": 1,
        "kind": "image",
        "modality": "image",
        "path": "red.png",
        "member": None,
        "width": 64,
        "height": 48,
        "thumbnail": "/api/v1/items/1/thumbnail",
    }
    assert hits[1]["item"]["picture"] is None
    assert {hits[0]["item"][key] for key in ("thumbnail", "media", "width")} == {None}


def test_like_finds_neighbours_without_the_item(client: FlaskClient) -> None:
    assert ids(client.get("/api/v1/search?like=3")) == [4, 2, 1]
    assert ids(client.get("/api/v1/search?like=1&target=text&k=1")) == [11]


def test_text_and_item_are_searched_together(client: FlaskClient) -> None:
    assert ids(client.get("/api/v1/search", query_string={"q": "green", "like": 1, "k": 1})) == [2]


def test_any_script_and_emoji_can_be_asked(client: FlaskClient) -> None:
    assert ids(client.get("/api/v1/search", query_string={"q": "🟩 ñandú 緑", "k": 1})) == [2]


def test_empty_like_text_beside_an_item_is_ignored(client: FlaskClient) -> None:
    assert ids(client.get("/api/v1/search?q=&like=3&k=1")) == [4]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%09", "?k=3", "?query=red"])
def test_search_for_nothing_is_refused(client: FlaskClient, query: str) -> None:
    message = problem(client.get(f"/api/v1/search{query}"), 400, "bad_query")
    assert message.startswith("The query is empty")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("q=red&k=0", "k: "),
        ("q=red&k=201", "less than or equal to 200"),
        ("q=red&k=99999999999999999999999999", "k: "),
        ("q=red&k=many", "k: "),
        ("q=red&k=", "k: "),
        ("q=red&target=film", "'image', 'picture', 'moment', 'text', 'video' or 'all'"),
        ("q=red&diversity=1.5", "diversity: "),
        ("q=red&sort=size", "'score', 'newest' or 'oldest'"),
        ("like=-1", "like: "),
        ("like=9223372036854775808", "like: "),
        ("like=NaN", "like: "),
        ("q=" + "x" * 1001, "q: "),
    ],
)
def test_broken_bound_is_refused_by_name(client: FlaskClient, query: str, named: str) -> None:
    assert named in problem(client.get(f"/api/v1/search?{query}"), 400, "bad_query")


def test_like_an_unknown_item_is_not_found(client: FlaskClient) -> None:
    assert "Item 99" in problem(client.get("/api/v1/search?like=99"), 404, "not_found")


def test_terms_that_cancel_out_are_refused(service: Service, client: FlaskClient) -> None:
    service.images.add(np.array([1]), unit([1, 0, 0]))
    answer = client.get("/api/v1/search", query_string={"q": "not red", "like": 1})
    assert "cancel each other out" in problem(answer, 400, "bad_query")


# search by a picture


def upload(client: FlaskClient, content: bytes, name: str = "a.png", **fields: str) -> Any:
    return client.post(
        "/api/v1/search",
        data={"image": (BytesIO(content), name), **fields},
        content_type="multipart/form-data",
    )


def test_uploaded_picture_finds_its_like(client: FlaskClient) -> None:
    assert ids(upload(client, encoded((0, 255, 0)), k="1")) == [2]
    assert ids(upload(client, encoded((255, 0, 0)), target="text", k="1")) == [11]


@pytest.mark.parametrize("text", ["green", "007", "true"])
def test_text_beside_an_uploaded_picture_is_taken_as_written(
    service: Service, client: FlaskClient, text: str
) -> None:
    assert len(ids(upload(client, encoded((255, 0, 0)), q=text))) == 4
    assert service.embedder.asked == [text]


@pytest.mark.parametrize(
    "content", [b"", b"<svg onload=alert(1)>", b"\x89PNG\r\n\x1a\n", encoded((1, 2, 3))[:40]]
)
def test_upload_that_is_no_picture_is_refused(client: FlaskClient, content: bytes) -> None:
    assert "cannot be read" in problem(upload(client, content), 400, "bad_query")


def test_picture_sent_as_text_is_refused(client: FlaskClient) -> None:
    for data in ({"image": "a.png"}, {"q": "red"}, {}):
        answer = client.post("/api/v1/search", data=data, content_type="multipart/form-data")
        assert problem(answer, 400, "bad_query").startswith("image: ")


def test_body_that_is_no_form_is_refused(client: FlaskClient) -> None:
    problem(client.post("/api/v1/search", json={"q": "red"}), 400, "bad_query")
    answer = client.post(
        "/api/v1/search", data=b"junk", content_type="multipart/form-data; boundary=x"
    )
    problem(answer, 400, "bad_query")


def test_too_large_upload_is_refused_with_the_limit(client: FlaskClient) -> None:
    answer = client.post(
        "/api/v1/search",
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(MAX_UPLOAD_BYTES + 1)},
    )
    assert "larger than 32 MB" in problem(answer, 413, "too_large")


def test_form_with_a_book_for_a_text_is_refused(client: FlaskClient) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="q"\r\n\r\n'
    answer = client.post(
        "/api/v1/search",
        data=part + b"x" * 600_000 + b"\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert "short texts" in problem(answer, 413, "too_large")


# items


def test_picture_comes_with_its_captions(client: FlaskClient) -> None:
    item = client.get("/api/v1/items/1").json
    assert (item["id"], item["picture"]) == (1, None)
    assert [(each["id"], each["picture"]["id"]) for each in item["captions"]] == [(11, 1)]


def test_caption_comes_with_its_picture(client: FlaskClient) -> None:
    item = client.get("/api/v1/items/11").json
    assert (item["text"], item["picture"]["path"], item["captions"]) == (
        "a red square",
        "red.png",
        [],
    )


def test_item_comes_with_words_for_what_it_shows(client: FlaskClient) -> None:
    body = client.get("/api/v1/items/2/labels?k=1").json
    assert [label["text"] for label in body["labels"]] == ["green"]
    assert sorted(body["labels"][0]) == ["score", "text", "usual"]
    assert body["model"] == "fake"


def test_captions_asked_for_by_a_picture_come_with_words(client: FlaskClient) -> None:
    sent = {"image": (BytesIO(encoded((255, 0, 0))), "red.png"), "target": "text"}
    body = client.post("/api/v1/search", data=sent).json
    assert body["hits"][0]["item"]["text"] == "a red square"
    assert [label["text"] for label in body["labels"]] == ["red", "green"]
    assert client.get("/api/v1/search?q=red&target=text").json["labels"] == []


@pytest.mark.parametrize("query", ["k=0", "k=101", "k=x"])
def test_broken_number_of_words_is_refused_by_name(client: FlaskClient, query: str) -> None:
    assert "k" in problem(client.get(f"/api/v1/items/1/labels?{query}"), 400, "bad_query")


def test_caption_has_no_words_of_its_own(client: FlaskClient) -> None:
    assert "is a caption" in problem(client.get("/api/v1/items/11/labels"), 400, "bad_query")


@pytest.mark.parametrize("what", ["", "/labels", "/thumbnail", "/media"])
def test_unknown_item_is_not_found(client: FlaskClient, what: str) -> None:
    for id in (99, 2**63 - 1):
        problem(client.get(f"/api/v1/items/{id}{what}"), 404, "not_found")


@pytest.mark.parametrize("what", ["", "/labels", "/thumbnail", "/media"])
@pytest.mark.parametrize("id", ["-1", "9223372036854775808", "1e400", "one", "1;2", "%00"])
def test_address_that_is_no_id_is_refused(client: FlaskClient, id: str, what: str) -> None:
    assert problem(client.get(f"/api/v1/items/{id}{what}"), 400, "bad_query").startswith("id: ")


def test_thumbnail_is_a_picture_that_is_sent_once(client: FlaskClient) -> None:
    for path in ("1/thumbnail", "2/thumbnail", "1/thumbnail?size=large"):
        answer = client.get(f"/api/v1/items/{path}")
        assert (answer.status_code, answer.mimetype) == (200, "image/webp"), path
        Image.open(BytesIO(answer.data)).verify()
        again = client.get(
            f"/api/v1/items/{path}", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert (again.status_code, again.data) == (304, b"")


def test_thumbnails_are_checked_before_they_are_shown_again(client: FlaskClient) -> None:
    assert "no-cache" in client.get("/api/v1/items/1/thumbnail").headers["Cache-Control"]


def test_thumbnail_of_unknown_size_is_refused(client: FlaskClient) -> None:
    answer = client.get("/api/v1/items/1/thumbnail?size=huge")
    assert problem(answer, 400, "bad_query").startswith("size: ")


def test_caption_has_neither_thumbnail_nor_media(client: FlaskClient) -> None:
    for what in ("thumbnail", "media"):
        message = problem(client.get(f"/api/v1/items/11/{what}"), 404, "not_found")
        assert "is a caption" in message


def test_media_is_the_original_file(service: Service, client: FlaskClient) -> None:
    answer = client.get("/api/v1/items/1/media")
    assert answer.data == (service.root / "red.png").read_bytes()
    assert answer.mimetype == "image/png"
    assert answer.headers["Content-Disposition"] == "inline; filename=red.png"
    assert answer.headers["Accept-Ranges"] == "bytes"
    again = client.get("/api/v1/items/1/media", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_media_is_sent_in_ranges(service: Service, client: FlaskClient) -> None:
    whole = (service.root / "red.png").read_bytes()
    for asked, expected in [("0-9", whole[:10]), ("10-", whole[10:]), ("-5", whole[-5:])]:
        answer = client.get("/api/v1/items/1/media", headers={"Range": f"bytes={asked}"})
        assert (answer.status_code, answer.data) == (206, expected)
    assert (
        answer.headers["Content-Range"] == f"bytes {len(whole) - 5}-{len(whole) - 1}/{len(whole)}"
    )


def test_range_beyond_the_end_is_refused(service: Service, client: FlaskClient) -> None:
    answer = client.get("/api/v1/items/1/media", headers={"Range": "bytes=999999-"})
    problem(answer, 416, "range_not_satisfiable")
    size = (service.root / "red.png").stat().st_size
    assert answer.headers["Content-Range"] == f"bytes */{size}"


def test_gone_file_is_not_found_and_says_so(client: FlaskClient) -> None:
    message = problem(client.get("/api/v1/items/3/media"), 404, "not_found")
    assert message == "gone.jpg is gone from disk: index its folder again."
    problem(client.get("/api/v1/items/3/thumbnail"), 404, "not_found")


@pytest.mark.parametrize("what", ["media", "thumbnail", "thumbnail?size=large"])
def test_link_out_of_the_indexed_folder_is_not_shown(client: FlaskClient, what: str) -> None:
    message = problem(client.get(f"/api/v1/items/4/{what}"), 404, "not_found")
    assert "leads out of its indexed folder" in message


def test_indexed_page_is_downloaded_and_never_shown(service: Service, client: FlaskClient) -> None:
    (service.root / "evil.html").write_text("<script>alert(1)</script>")
    service.catalog.items[5] = picture(5, "evil.html", root=service.root)
    answer = client.get("/api/v1/items/5/media")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_name_in_another_script_survives_the_header(service: Service, client: FlaskClient) -> None:
    (service.root / 'ñ "緑"\n.png').write_bytes(encoded((0, 0, 0)))
    service.catalog.items[5] = picture(5, 'ñ "緑"\n.png', root=service.root)
    answer = client.get("/api/v1/items/5/media")
    assert answer.status_code == 200
    assert "filename*=UTF-8''" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "path",
    [
        "/web/../pyproject.toml",
        "/web/%2e%2e/pyproject.toml",
        "/web/..%2fsearch_api/app.py",
        "/web//etc/passwd",
        "/web/%2fetc/passwd",
        "/web/__init__.py",
        "/web/..\\..\\index.html",
        "/api/v1/items/../../../etc/passwd",
    ],
)
def test_nothing_outside_the_web_folder_is_sent(client: FlaskClient, path: str) -> None:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code in {404, 400}
    assert answer.mimetype == "application/json"


# films


@pytest.fixture
def films(service: Service, client: FlaskClient) -> FlaskClient:
    service.with_film()
    return client


def test_found_moments_say_where_in_which_film_they_are(films: FlaskClient) -> None:
    hits = films.get("/api/v1/search?q=red&k=2").json["hits"]
    item = hits[1]["item"]
    assert (item["id"], item["kind"], item["modality"], item["film"]) == (21, "video", "image", 20)
    assert (item["start_ms"], item["end_ms"], item["best_ms"]) == (0, 60_000, 5_000)
    assert hits[0]["item"]["film"] is None


def test_found_films_say_how_long_they_are(films: FlaskClient) -> None:
    (hit,) = films.get("/api/v1/search?q=red&target=video").json["hits"]
    item = hit["item"]
    assert (item["id"], item["modality"], item["duration_ms"]) == (20, "video", 83_000)
    assert (item["start_ms"], item["film"]) == (None, None)


def test_found_subtitles_lead_to_their_time_in_the_film(films: FlaskClient) -> None:
    hits = films.get("/api/v1/search?like=31&target=text").json["hits"]
    assert hits[0]["item"]["text"] == "red, then blue"
    assert hits[0]["item"]["picture"]["thumbnail"] == "/api/v1/items/20/thumbnail"
    item = films.get("/api/v1/items/31").json
    assert (item["start_ms"], item["origin"]) == (61_000, "subtitle:en")
    assert item["picture"] == {
        "id": 20,
        "kind": "video",
        "modality": "video",
        "path": "film.mp4",
        "member": None,
        "width": 64,
        "height": 48,
        "thumbnail": "/api/v1/items/20/thumbnail?at_ms=61000",
    }


def test_film_and_moment_come_with_all_moments_and_what_the_file_tells(films: FlaskClient) -> None:
    for id in (20, 22):
        item = films.get(f"/api/v1/items/{id}").json
        assert item["moments"] == [
            {
                "id": 21,
                "start_ms": 0,
                "end_ms": 60_000,
                "best_ms": 5_000,
                "thumbnail": "/api/v1/items/21/thumbnail",
            },
            {
                "id": 22,
                "start_ms": 60_000,
                "end_ms": 83_000,
                "best_ms": 80_000,
                "thumbnail": "/api/v1/items/22/thumbnail",
            },
        ]
        assert item["facts"] == {
            "taken_at": "2019-06-01T14:30:00",
            "taken_within_s": 0,
            "taken_from": "video",
            "utc_offset_min": None,
            "camera": None,
            "latitude": 41.4,
            "longitude": 2.17,
            "width": 64,
            "height": 48,
            "orientation": "landscape",
            "duration_ms": 83_000,
            "codec": "h264",
            "note": None,
        }


def test_moment_has_the_words_of_its_time_and_those_about_the_film(films: FlaskClient) -> None:
    def said(id: int) -> list[str]:
        return [one["text"] for one in films.get(f"/api/v1/items/{id}").json["captions"]]

    assert said(20) == said(22) == ["it is blue", "red, then blue"]
    assert said(21) == ["red, then blue"]


def test_picture_has_no_moments_and_perhaps_no_facts(client: FlaskClient) -> None:
    item = client.get("/api/v1/items/1").json
    assert (item["moments"], item["facts"], item["film"]) == ([], None, None)


def test_like_a_film_finds_other_things_than_its_own(service: Service, films: FlaskClient) -> None:
    service.catalog.items[50] = film(50, "other.mp4")
    service.films.add(np.array([50]), unit([1, 0, 0]))
    assert ids(films.get("/api/v1/search?like=20&target=video")) == [50]
    assert ids(films.get("/api/v1/search?like=21&target=video")) == [50]
    assert set(ids(films.get("/api/v1/search?like=20"))) == {1, 2, 3, 4, 41}
    assert 22 in ids(films.get("/api/v1/search?like=21"))


def mean_colour(content: bytes) -> list[int]:
    with Image.open(BytesIO(content)) as image:
        colour = image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(colour, tuple)
    return [round(one / 255) for one in colour]


RED, BLUE = [1, 0, 0], [0, 0, 1]


@pytest.mark.parametrize(
    ("address", "colour", "side"),
    [
        ("21/thumbnail", RED, 400),
        ("22/thumbnail?size=large", BLUE, 2048),
        ("20/thumbnail", RED, 400),
        ("20/thumbnail?size=large", RED, 2048),
        ("20/thumbnail?at_ms=61000", BLUE, 400),
        ("20/thumbnail?at_ms=61000&size=large", BLUE, 2048),
        ("21/thumbnail?at_ms=9999999&size=large", BLUE, 2048),
        ("20/thumbnail?at_ms=0", RED, 400),
        ("1/thumbnail?at_ms=61000", RED, 40),
    ],
)
def test_moments_and_films_are_shown_by_the_right_frame(
    films: FlaskClient, address: str, colour: list[int], side: int
) -> None:
    answer = films.get(f"/api/v1/items/{address}")
    assert answer.status_code == 200
    assert mean_colour(answer.data) == colour
    assert Image.open(BytesIO(answer.data)).width == side


def test_moments_of_one_film_have_their_own_large_previews(films: FlaskClient) -> None:
    tags = {
        films.get(f"/api/v1/items/{address}size=large").headers["ETag"]
        for address in (
            "21/thumbnail?",
            "22/thumbnail?",
            "20/thumbnail?at_ms=4000&",
            "20/thumbnail?at_ms=70000&",
        )
    }
    assert len(tags) == 4


def test_storyboard_is_a_strip_of_the_moments_that_is_sent_once(films: FlaskClient) -> None:
    for id in (20, 21, 31):
        answer = films.get(f"/api/v1/items/{id}/storyboard")
        assert (answer.status_code, answer.mimetype) == (200, "image/webp")
        with Image.open(BytesIO(answer.data)) as image:
            assert image.size == (2 * 160, 160)
            assert mean_colour(encode(image.crop((0, 0, 160, 160)))) == RED
            assert mean_colour(encode(image.crop((160, 0, 320, 160)))) == BLUE
    tag = answer.headers["ETag"]
    again = films.get("/api/v1/items/20/storyboard", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    one = films.get("/api/v1/items/20/storyboard?tiles=1")
    assert Image.open(BytesIO(one.data)).size == (160, 160)


def encode(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def test_what_has_no_moments_has_no_storyboard(films: FlaskClient) -> None:
    for id in (1, 11, 99):
        problem(films.get(f"/api/v1/items/{id}/storyboard"), 404, "not_found")
    problem(films.get("/api/v1/items/20/storyboard?tiles=51"), 400, "bad_query")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("film.mp4", "video/mp4"),
        ("film.M4V", "video/mp4"),
        ("film.mov", "video/quicktime"),
        ("film.mkv", "video/x-matroska"),
        ("film.webm", "video/webm"),
        ("film.avi", "video/x-msvideo"),
        ("film.3gp", "video/3gpp"),
        ("film.ts", "video/mp2t"),
    ],
)
def test_film_is_sent_in_ranges_with_its_type(
    service: Service, films: FlaskClient, name: str, kind: str
) -> None:
    content = (service.root / "film.mp4").read_bytes()
    (service.root / name).write_bytes(content)
    service.catalog.items[60] = film(60, name, root=service.root)
    answer = films.get("/api/v1/items/60/media", headers={"Range": "bytes=256-511"})
    assert (answer.status_code, answer.mimetype) == (206, kind)
    assert answer.data == content[256:512]
    assert answer.headers["Content-Disposition"].startswith("inline")


def test_media_of_a_moment_is_its_film(service: Service, films: FlaskClient) -> None:
    whole = (service.root / "film.mp4").read_bytes()
    assert films.get("/api/v1/items/22/media").data == whole


def test_picture_in_a_shard_is_its_entry(service: Service, films: FlaskClient) -> None:
    answer = films.get("/api/v1/items/41/media")
    assert (answer.data, answer.mimetype) == (encoded((0, 255, 0)), "image/png")
    assert answer.headers["Content-Disposition"] == "inline; filename=1.png"
    tag = answer.headers["ETag"]
    again = films.get("/api/v1/items/41/media", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    part = films.get("/api/v1/items/41/media", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, answer.data[:4])
    for size in ("small", "large"):
        preview = films.get(f"/api/v1/items/41/thumbnail?size={size}")
        assert mean_colour(preview.data) == [0, 1, 0]


def test_page_in_a_shard_is_downloaded_and_never_shown(
    service: Service, films: FlaskClient
) -> None:
    service.catalog.items[41] = replace(service.catalog.items[41], member="x.html")
    answer = films.get("/api/v1/items/41/media")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")


# the library


def test_status_counts_films_and_shards(films: FlaskClient) -> None:
    body = films.get("/api/v1/status").json
    assert body["items"] == {"image": 7, "text": 4, "video": 1}
    assert body["moments"] == 2
    assert body["files"] == {"image": 4, "video": 1, "caption": 3, "shard": 1}


def test_status_tells_what_the_library_holds(service: Service, client: FlaskClient) -> None:
    body = client.get("/api/v1/status").json
    assert isinstance(body.pop("version"), str)
    assert body == {
        "model": {"name": "fake", "fingerprint": "fake-1", "dim": 3},
        "items": {"image": 4, "text": 2, "video": 0},
        "files": {"image": 4, "video": 0, "caption": 1, "shard": 0},
        "moments": 0,
        "skipped": 1,
        "partial": 0,
        "generation": {"image": 0, "text": 0, "video": 0},
        "indexes": [
            {"target": one, "kind": "exact", "recall": {}} for one in ("image", "text", "video")
        ],
        "hint": None,
    }


def test_demo_model_comes_with_a_hint(service: Service, client: FlaskClient) -> None:
    from indexer.embedders import hint

    assert "--model open_clip:" in (hint("colour") or "")


def test_skipped_files_are_listed_with_their_reasons(client: FlaskClient) -> None:
    assert client.get("/api/v1/skipped").json == {
        "skipped": [{"path": "cut.jpg", "reason": "the file ends too early"}],
        "total": 1,
        "partial": [],
        "partial_total": 0,
    }
    problem(client.get("/api/v1/skipped?limit=0"), 400, "bad_query")


def test_files_read_in_part_are_listed_with_what_was_left_out(
    service: Service, client: FlaskClient
) -> None:
    source = SourceFile("/x", "cut.mp4", Kind.VIDEO, 1, 1)
    service.catalog.cut_short = [Skipped(source, "read up to 0:31: the rest is damaged")]
    body = client.get("/api/v1/skipped").json
    assert body["partial_total"] == client.get("/api/v1/status").json["partial"] == 1
    assert body["partial"] == [
        {"path": "cut.mp4", "reason": "read up to 0:31: the rest is damaged"}
    ]


def test_companions_of_a_picture_are_told(service: Service, client: FlaskClient) -> None:
    service.catalog.beside = {1: [Place(str(service.root), "red.mov")]}
    assert client.get("/api/v1/items/1").json["companions"] == ["red.mov"]


def test_health_is_ok_while_the_catalogue_answers(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").json == {"status": "ok"}

    def down() -> None:
        raise Unavailable("The database does not answer: start it.")

    monkeypatch.setattr(service.catalog, "changes", down)
    message = problem(client.get("/healthz"), 503, "unavailable")
    assert message == "The database does not answer: start it."


# errors


def test_unknown_address_and_method_have_the_one_shape(client: FlaskClient) -> None:
    assert "/openapi/" in problem(client.get("/api/v1/nothing"), 404, "not_found")
    answer = client.delete("/api/v1/search")
    problem(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_bug_is_logged_with_its_traceback_and_told_without(
    service: Service,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(service.images, "search", broken)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/search?q=red")
    assert "secret" not in problem(answer, 500, "internal")
    assert "ZeroDivisionError: secret detail" in caplog.text


def test_library_that_changed_its_model_meanwhile_is_unavailable(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mismatch() -> bool:
        raise ConfigError("The library has another model now: start the service again.")

    monkeypatch.setattr(service.images, "refresh", mismatch)
    problem(client.get("/api/v1/search?q=red"), 503, "unavailable")


# protection


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8420", "127.0.0.1", "127.0.0.1:8420", "[::1]", "[::1]:8420"],
)
def test_service_answers_to_its_local_names(client: FlaskClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8420",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "10.0.0.7",
        "",
        "local host",
        "[::1",
    ],
)
def test_service_refuses_foreign_names(client: FlaskClient, host: str) -> None:
    for path in ("/healthz", "/api/v1/items/1/media", "/", "/openapi/openapi.json", "/nothing"):
        answer = client.get(path, headers={"Host": host})
        assert "--allow-host" in problem(answer, 400, "untrusted_host")


def test_service_for_a_network_answers_to_addresses_and_allowed_names(service: Service) -> None:
    hosts = trusted_hosts("0.0.0.0", ["Photos.Home.Example"])
    app = create_app(service.searcher, service.pictures, hosts=hosts, any_address=True)
    client = app.test_client()
    for host in ("192.168.1.5:8420", "[fd00::7]:8420", "photos.home.example", "localhost"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200, host
    for host in ("evil.example", "192.168.1.5.evil.example", "home.example"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 400, host


def test_every_answer_is_protected(client: FlaskClient) -> None:
    for path in ("/healthz", "/nothing", "/api/v1/items/1/media", "/api/v1/items/1/thumbnail"):
        headers = client.get(path).headers
        assert (
            "default-src 'self'; img-src 'self' blob: data:" in headers["Content-Security-Policy"]
        )
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


# the pages


def test_page_of_the_interface_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    page = client.get("/openapi/").text
    assert "http" not in page.replace("HTTP", "")
    for asset in ("swagger/css/swagger-ui.css", "swagger/js/swagger-ui-bundle.js"):
        assert asset in page
        assert client.get(f"/openapi/{asset}").status_code == 200


def test_document_can_be_had_as_json(client: FlaskClient) -> None:
    document = json.loads(client.get("/openapi/openapi.json").data)
    assert document["info"]["title"] == "atisbo"


def test_web_page_and_its_modules_are_sent_with_types_that_browsers_take(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "grid.js").write_text("export {}")
    (tmp_path / "notes.txt").write_text("not for the web")
    app = Flask("web", static_folder=None)
    app.register_blueprint(page_routes(tmp_path))
    app.test_client_class = ReadingClient
    client = app.test_client()
    for path, kind in [("/", "text/html"), ("/web/parts/grid.js", "text/javascript")]:
        answer = client.get(path)
        assert (answer.status_code, answer.mimetype) == (200, kind)
        assert answer.headers["Cache-Control"] == "no-cache"
        tag = answer.headers["ETag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert client.get("/web/notes.txt").status_code == 404
    assert client.get("/web/missing.js").status_code == 404
