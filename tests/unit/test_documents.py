"""What exists is documented, and what is documented exists."""

import re
from pathlib import Path

import pytest

from indexer.cli import _COMMANDS
from indexer.config import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme_with_its_description(name: str) -> None:
    assert f"`{name}`" in README
    assert str(Settings.model_fields[name].description) in README


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    assert f"atisbo {name}" in README


def test_the_readme_names_no_setting_or_command_that_is_not_there() -> None:
    commands = set(re.findall(r"^atisbo ([a-z]+)", README, re.MULTILINE))
    assert commands <= set(_COMMANDS)


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) <= 200
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"])
def test_the_documents_are_there(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200
