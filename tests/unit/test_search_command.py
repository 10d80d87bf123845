from dataclasses import replace

import pytest

from indexer.types import Span
from search_api.cli import clock, place, tab_separated, warn_if_reachable
from tests.fakes import caption, moment, picture


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "photos.example"])
def test_service_that_others_can_reach_warns_of_it(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_if_reachable(host, f"http://{host}:8420/")
    output = capsys.readouterr()
    assert "no authentication" in output.err
    assert output.out == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_local_service_starts_without_a_warning(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_if_reachable(host, "http://127.0.0.1:8420/")
    assert capsys.readouterr().err == ""


def test_each_result_is_one_line_of_fields() -> None:
    assert tab_separated(0.31274, picture(1, "a b.jpg")) == "0.3127\t/library/a b.jpg"
    item = caption(2, "first\tcolumn\nsecond line")
    assert tab_separated(-0.5, item) == "-0.5000\t/library/a.txt\tfirst column second line"


def test_result_from_a_film_says_when() -> None:
    item = moment(1, "film.mp4", 80_000, 91_000, 83_999)
    assert place(item) == "/library/film.mp4 at 1:23"
    assert tab_separated(0.5, item) == "0.5000\t/library/film.mp4\t1:23"
    said = caption(2, "ahoy", path="film.srt", span=Span(3_661_000, 3_662_000, 3_661_500))
    assert tab_separated(0.5, said) == "0.5000\t/library/film.srt\tahoy\t1:01:01"


def test_result_from_a_shard_names_its_entry() -> None:
    item = replace(picture(1, "many.tar"), member="a/1@512.png")
    assert place(item) == "/library/many.tar (a/1.png)"
    assert tab_separated(0.5, item) == "0.5000\t/library/many.tar\ta/1@512.png"


@pytest.mark.parametrize(
    ("at_ms", "shown"),
    [(0, "0:00"), (59_999, "0:59"), (60_000, "1:00"), (3_599_999, "59:59"), (3_600_000, "1:00:00")],
)
def test_time_is_written_as_players_do(at_ms: int, shown: str) -> None:
    assert clock(at_ms) == shown
