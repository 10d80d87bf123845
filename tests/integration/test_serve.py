"""`atisbo serve` and `atisbo search` as a person runs them: real processes, a real library."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

COMMAND = [sys.executable, "-m", "indexer"]
PATIENCE_S = 60


def atisbo(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs the command to its end and asserts its exit status."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


@dataclass
class Photos:
    """A folder of plain squares with captions, and the library made of it."""

    folder: Path
    library: Path

    def add(self, name: str, colour: str, words: str | None = None) -> None:
        Image.new("RGB", (60, 40), colour).save(self.folder / f"{name}.png")
        if words:
            (self.folder / f"{name}.txt").write_text(words, encoding="utf-8")

    def index(self) -> None:
        atisbo("index", self.folder, "--library", self.library, "--model", "colour")


def made_in(folder: Path) -> Photos:
    photos = Photos(folder / "photos", folder / "library")
    photos.folder.mkdir()
    photos.add("rose", "red", "a red rose\n")
    photos.add("leaf", "green")
    photos.add("ñandú 緑", "blue", "a blue\tbird\n")
    photos.index()
    return photos


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    """For tests that only look."""
    return made_in(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def own_photos(tmp_path: Path) -> Photos:
    """For tests that change the folder or the library."""
    return made_in(tmp_path)


@dataclass
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    url: str
    process: subprocess.Popen[str]

    def get(self, path: str, **headers: str) -> Answer:
        return self._answer(urllib.request.Request(self.url + path.lstrip("/"), headers=headers))

    def post(self, path: str, body: object) -> Answer:
        return self._answer(
            urllib.request.Request(
                self.url + path.lstrip("/"),
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
        )

    def _answer(self, asked: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def names(self, query: str) -> list[str]:
        return [hit["item"]["path"] for hit in self.get(f"api/v1/search?q={query}").json["hits"]]


@contextmanager
def serving(*arguments: object) -> Iterator[Running]:
    """Runs `atisbo serve` on a free port until the block ends."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+/", line)
        if found is None:
            process.kill()
            pytest.fail(f"no address in {line!r}: {process.communicate()[1]}")
        yield Running(found[0], process)
    finally:
        if process.poll() is None:
            process.terminate()
        told, log = process.communicate(timeout=PATIENCE_S)
    assert told == "", "it announced itself again"
    assert "Traceback" not in log, log


def test_service_answers_follows_the_indexer_and_stops_cleanly(own_photos: Photos) -> None:
    with serving("--library", own_photos.library, "--threads", 3) as service:
        assert service.get("healthz").json == {"status": "ok"}
        assert service.names("red")[0] == "rose.png"
        assert service.names("blue")[0] == "ñandú 緑.png"

        found = service.get("api/v1/search?q=red&k=1").json["hits"][0]["item"]
        preview = service.get(found["thumbnail"])
        assert (preview.status, preview.headers["Content-Type"]) == (200, "image/webp")
        media = service.get(found["media"], Range="bytes=0-7")
        assert (media.status, media.body) == (206, b"\x89PNG\r\n\x1a\n")
        captions = service.get(f"api/v1/items/{found['id']}").json["captions"]
        assert [caption["text"] for caption in captions] == ["a red rose"]

        assert service.get("healthz", Host="evil.example").status == 400
        assert service.get("nowhere").json["error"]["code"] == "not_found"

        own_photos.add("lemon", "yellow")
        own_photos.index()
        assert service.names("yellow")[0] == "lemon.png"
        assert service.get("api/v1/status").json["items"] == {"image": 4, "text": 2, "video": 0}

        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(PATIENCE_S) == 0


@pytest.mark.skipif(
    not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="this system hands over silent connections"
)
def test_connections_that_say_nothing_hold_nobody_up(photos: Photos) -> None:
    with serving("--library", photos.library, "--threads", 1) as service, ExitStack() as silent:
        host, port = service.url.removeprefix("http://").rstrip("/").split(":")
        for _ in range(30):  # each of which would hold the thread for 5 s
            silent.enter_context(socket.create_connection((host, int(port))))
        assert service.names("red")[0] == "rose.png"


def test_several_processes_serve_one_library_and_replace_one_that_dies(own_photos: Photos) -> None:
    with serving("--library", own_photos.library, "--processes", 2) as service:
        workers = children(service.process.pid)
        assert len(workers) == 2
        found = service.get("api/v1/search?q=red&k=1").json["hits"][0]["item"]["id"]
        assert service.post("api/v1/tags", {"items": [found], "add": ["rosy"]}).status == 200
        # Whichever process answers, it knows what another one has written.
        for _ in range(20):
            assert service.names("red+tag:rosy") == ["rose.png"]

        os.kill(workers[0], signal.SIGKILL)
        for _ in range(20):
            assert service.names("blue")[0] == "ñandú 緑.png"
        until = time.monotonic() + PATIENCE_S
        while len(now := children(service.process.pid)) < 2 or workers[0] in now:
            assert time.monotonic() < until, "the process that died was not replaced"
            time.sleep(0.1)


def children(process: int) -> list[int]:
    told = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in told.stdout.splitlines()]
    return [pid for pid, parent in pairs if parent == process]


def test_ctrl_c_ends_the_service_at_once(photos: Photos) -> None:
    with serving("--library", photos.library) as service:
        started = time.monotonic()
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(PATIENCE_S) == 0
        assert time.monotonic() - started < 5


def test_taken_port_is_named_with_the_way_out(photos: Photos) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = atisbo("serve", "--library", photos.library, "--port", port, status=2)
    assert f"port {port}" in done.stderr
    assert "--port 0" in done.stderr


def test_serving_a_missing_library_says_how_to_make_one(tmp_path: Path) -> None:
    done = atisbo("serve", "--library", tmp_path / "none", "--port", 0, status=2)
    assert "atisbo index FOLDER" in done.stderr
    assert done.stdout == ""


def test_library_of_other_weights_ends_the_service_with_the_reason(
    own_photos: Photos,
) -> None:
    (space,) = own_photos.library.glob("spaces/*/space.json")
    space.write_text(space.read_text().replace("colour-1", "colour-0"))
    done = atisbo("serve", "--library", own_photos.library, "--port", 0, status=2)
    opening, reason = done.stderr.splitlines()
    assert opening.startswith("Opening the library")
    assert "was made with colour" in reason
    assert done.stdout == ""


def test_search_prints_tab_separated_lines_into_a_pipe(photos: Photos) -> None:
    done = atisbo("search", "red", "--library", photos.library, "-k", 1)
    score, path = done.stdout.rstrip("\n").split("\t")
    assert 0.9 < float(score) <= 1.0001
    assert path == str(photos.folder / "rose.png")


def test_search_for_captions_prints_their_words_on_one_line(photos: Photos) -> None:
    done = atisbo("search", "blue", "--target", "text", "--library", photos.library)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [len(line) for line in lines] == [3, 3]
    assert lines[0][2] == "a blue bird"


def test_search_by_a_picture_finds_its_like(photos: Photos, tmp_path: Path) -> None:
    Image.new("RGB", (30, 30), "green").save(tmp_path / "query.jpg")
    done = atisbo("search", "--image", tmp_path / "query.jpg", "-k", 1, "--library", photos.library)
    assert done.stdout.rstrip().endswith("leaf.png")


def test_search_as_json_has_the_shape_of_the_service(photos: Photos) -> None:
    done = atisbo("search", "red", "--json", "-k", 1, "--library", photos.library)
    printed = json.loads(done.stdout)
    path = printed["hits"][0]["item"].pop("absolute_path")
    assert path == str(photos.folder / "rose.png")
    assert printed["hits"][0]["item"].pop("absolute_copies") == []
    with serving("--library", photos.library) as service:
        answered = service.get("api/v1/search?q=red&k=1").json
    del printed["took_ms"], answered["took_ms"]
    assert printed == answered


def test_search_like_an_item_leaves_it_out(photos: Photos) -> None:
    best = json.loads(atisbo("search", "red", "--json", "--library", photos.library).stdout)
    id = best["hits"][0]["item"]["id"]
    done = atisbo("search", "--like", id, "--library", photos.library)
    assert len(done.stdout.splitlines()) == 2
    assert "rose.png" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Give a text, --image FILE, --like ID or --more ID"),
        (["  "], "Give a text"),
        (["red", "-k", "0"], "-k"),
        (["red", "-k", "201"], "-k"),
        (["red", "--target", "film"], "'film'"),
        (["x" * 1001], "1,001 characters"),
        (["--image", "/nowhere.jpg"], "does not exist"),
        (["--like", "4000"], "Item 4000"),
    ],
)
def test_wrong_use_of_search_exits_with_2_and_the_reason(
    photos: Photos, arguments: list[str], reason: str
) -> None:
    done = atisbo("search", *arguments, "--library", photos.library, status=2)
    assert reason in done.stderr
    assert done.stdout == ""


def test_searching_with_a_file_that_is_no_picture_says_so(photos: Photos) -> None:
    done = atisbo(
        "search", "--image", photos.folder / "rose.txt", "--library", photos.library, status=2
    )
    assert "cannot be read" in done.stderr
