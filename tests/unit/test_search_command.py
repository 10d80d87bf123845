import pytest

from search_api.cli import tab_separated, warn_if_reachable
from tests.fakes import caption, picture


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
