"""Fixtures that every kind of test may use."""

import os
from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real media beside the checkout, or the one ATISBO_TEST_DATA names."""
    folder = Path(os.environ.get("ATISBO_TEST_DATA", _SHARED_DATA))
    if not folder.is_dir():
        pytest.skip(f"there is no test data in {folder}; name its folder in ATISBO_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def teacher(shared_data: Path) -> str:
    """The name of the small real dual encoder among the test data."""
    return f"open_clip:local-dir:{shared_data / 'teacher'}"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the settings of the person who runs the tests out of them."""
    for name in os.environ:
        if name.startswith("ATISBO_") and name != "ATISBO_TEST_DATA":
            monkeypatch.delenv(name)
