"""The texts that were searched for: what is kept of them, and that indexes are judged by them."""

from pathlib import Path

import numpy as np
import pytest

from indexer.asked import AskedTexts
from indexer.tuning import samples_for
from indexer.types import Modality, Vectors
from tests.vectors import World, filled


def test_different_texts_come_back_the_newest_first(tmp_path: Path) -> None:
    asked = AskedTexts(tmp_path)
    for text in ["a dog", "two\ncats ", "a dog", "ein Bär", " "]:
        asked.remember(text)
    assert AskedTexts(tmp_path).texts(10) == ["ein Bär", "a dog", "two cats"]
    assert asked.texts(2) == ["ein Bär", "a dog"]


def test_what_is_typed_on_the_way_to_a_text_is_left_out(tmp_path: Path) -> None:
    asked = AskedTexts(tmp_path)
    for text in ["a", "a d", "a dog", "a bird"]:
        asked.remember(text)
    assert asked.texts(10) == ["a bird", "a dog"]


def test_the_older_half_goes_when_there_are_too_many(tmp_path: Path) -> None:
    asked = AskedTexts(tmp_path, most_bytes=1_000)
    for number in range(1_000):
        asked.remember(f"number {number:04d}")
    kept = asked.texts(1_000)
    assert 35 < len(kept) <= 1_000 / len("number 0000\n")
    assert kept == [f"number {number:04d}" for number in range(999, 999 - len(kept), -1)]


def test_a_folder_that_cannot_be_written_costs_no_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = AskedTexts(tmp_path / "gone")
    asked.remember("a dog")
    asked.remember("a cat")
    assert asked.texts(10) == []
    assert caplog.text.count("not remembered") == 1


class Words:
    """Vectors that are told apart by their place in the world."""

    def __init__(self, past: int) -> None:
        self._texts = World().texts(past + 300)
        self.of_past, self.of_phrases = self._texts[:past], self._texts[past:]

    def past(self) -> Vectors:
        return self.of_past

    def phrases(self) -> Vectors:
        return self.of_phrases


def among(some: Vectors, all: Vectors) -> int:
    return int((np.abs(some[:, None] - all[None]).max(axis=2) < 1e-6).any(axis=1).sum())


@pytest.mark.parametrize(("captions", "past", "phrases"), [
    (200, 50, 0), (200, 0, 0), (0, 150, 0), (0, 50, 300), (50, 20, 300),
])  # fmt: skip
def test_an_index_is_judged_by_captions_and_by_what_was_asked(
    tmp_path: Path, captions: int, past: int, phrases: int
) -> None:
    world = World()
    indexes = {
        Modality.IMAGE: filled(tmp_path / "image", world.pictures(400)),
        Modality.TEXT: filled(tmp_path / "text", world.texts(captions)),
    }
    words = Words(past)
    asked = samples_for(Modality.IMAGE, indexes, words)[Modality.TEXT].vectors
    assert among(asked, words.of_phrases) == phrases
    assert among(asked, words.of_past) == past
    assert len(asked) == captions + past + phrases
    held_out = asked[: len(asked) // 2]
    if captions and past:
        assert among(held_out, words.of_past) > 0
        assert among(held_out, words.of_past) < len(held_out)
