"""The demo model can be checked by hand."""

import numpy as np
import pytest
from PIL import Image

from indexer.embedders import open_embedder
from indexer.errors import ConfigError


def test_a_red_picture_lies_nearest_to_the_word_red() -> None:
    model = open_embedder("colour")
    picture = model.embed_images([model.preprocess(Image.new("RGB", (30, 20), "red"))])
    words = ["green", "a RED house", "blue", "white", "black"]
    scores = model.embed_texts(words) @ picture[0]
    assert words[int(scores.argmax())] == "a RED house"
    assert scores.max() == pytest.approx(1, abs=1e-3)


def test_vectors_are_the_direction_from_middle_grey() -> None:
    model = open_embedder("colour")
    vectors = model.embed_texts(["white", "black", "red", "no colour at all", "black white"])
    third = 1 / np.sqrt(3)
    expected = np.array([[1, 1, 1], [-1, -1, -1], [1, -1, -1], [1, 1, 1], [1, 1, 1]]) * third
    assert np.abs(vectors - expected).max() < 1e-3
    assert vectors.dtype == np.float32


def test_nothing_in_gives_nothing_out() -> None:
    model = open_embedder("colour")
    assert model.embed_texts([]).shape == model.embed_images([]).shape == (0, 3)


@pytest.mark.parametrize("name", ["nonsense", "colour:1", "open_clip:", ""])
def test_an_unknown_model_is_an_error_that_names_the_choices(name: str) -> None:
    with pytest.raises(ConfigError, match=r"open_clip:MODEL@/path.*colour"):
        open_embedder(name)
