"""The service through Flask's test client, over fakes: what a browser or a program gets."""

import json
import logging
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from indexer.errors import ConfigError, MediaError, Unavailable
from indexer.types import Embedder, Kind, Modality, Skipped, SourceFile
from search_api.app import MAX_UPLOAD_BYTES, create_app
from search_api.guard import trusted_hosts
from search_api.pictures import Pictures
from search_api.routes.pages import page_routes
from search_api.searcher import Searcher
from tests.fakes import (
    FakeCatalog,
    FakeEmbedder,
    FakeIndex,
    FakeThumbnails,
    caption,
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


class Service:
    """Pictures 1 red.png, 2 green.jpg, 3 gone.jpg, 4 a link out; captions 11 of 1, 12 of none."""

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
        self.embedder = FakeEmbedder(TEXTS)
        self.searcher = Searcher(
            self.catalog,
            {Modality.IMAGE: self.images, Modality.TEXT: self.captions},
            embedder or self.embedder,
        )
        self.pictures = Pictures(
            FakeThumbnails({1: encoded((255, 0, 0), "WEBP")}), preview=preview, decode=decode
        )
        self.app = create_app(self.searcher, self.pictures)
        self.app.test_client_class = ReadingClient
        self.client = self.app.test_client()


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
    assert body == {
        "target": "image",
        "searched": 4,
        "model": "fake",
        "hits": [
            {
                "score": pytest.approx(0.995037, abs=1e-6),
                "item": {
                    "id": 1,
                    "kind": "image",
                    "path": "red.png",
                    "position": 0,
                    "width": 64,
                    "height": 48,
                    "text": None,
                    "picture": None,
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
        "path": "red.png",
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
        ("q=red&target=video", "'image' or 'text'"),
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


@pytest.mark.parametrize("what", ["", "/thumbnail", "/media"])
def test_unknown_item_is_not_found(client: FlaskClient, what: str) -> None:
    for id in (99, 2**63 - 1):
        problem(client.get(f"/api/v1/items/{id}{what}"), 404, "not_found")


@pytest.mark.parametrize("what", ["", "/thumbnail", "/media"])
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


# the library


def test_status_tells_what_the_library_holds(service: Service, client: FlaskClient) -> None:
    body = client.get("/api/v1/status").json
    assert isinstance(body.pop("version"), str)
    assert body == {
        "model": {"name": "fake", "fingerprint": "fake-1", "dim": 3},
        "items": {"image": 4, "text": 2},
        "files": {"image": 4, "caption": 1},
        "skipped": 1,
        "generation": {"image": 0, "text": 0},
        "hint": None,
    }


def test_demo_model_comes_with_a_hint(service: Service, client: FlaskClient) -> None:
    from indexer.embedders import hint

    assert "--model open_clip:" in (hint("colour") or "")


def test_skipped_files_are_listed_with_their_reasons(client: FlaskClient) -> None:
    assert client.get("/api/v1/skipped").json == {
        "skipped": [{"path": "cut.jpg", "reason": "the file ends too early"}],
        "total": 1,
    }
    problem(client.get("/api/v1/skipped?limit=0"), 400, "bad_query")


def test_health_is_ok_while_the_catalogue_answers(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").json == {"status": "ok"}

    def down() -> None:
        raise Unavailable("The database does not answer: start it.")

    monkeypatch.setattr(service.catalog, "counts", down)
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
