"""Queries turned into vectors: what many threads ask of a model at once is one forward pass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL.Image import Image

from indexer.batching import Batches
from indexer.types import Embedder, Pixels, Vectors

_MOST = 64


class _Asked(NamedTuple):
    embedder: Embedder
    what: str | Pixels


class Embedding:
    """Asks models for vectors; safe to call from many threads, whatever the models are.

    A forward pass already uses every core or the whole GPU: two at once gain nothing, and not every
    model may be called from two threads. So there is one at a time, and what waits for it goes
    through the model together.
    """

    def __init__(self) -> None:
        self._batches: Batches[_Asked, Vectors] = Batches(_together, _MOST)

    def text(self, embedder: Embedder, text: str) -> Vectors:
        """Returns the vector of a text, float32 (1, dim) of unit length."""
        return self._batches.ask(_Asked(embedder, text))

    def picture(self, embedder: Embedder, image: Image) -> Vectors:
        """Returns the vector of a picture, float32 (1, dim) of unit length."""
        return self._batches.ask(_Asked(embedder, embedder.preprocess(image)))


def _together(asked: Sequence[_Asked]) -> Sequence[Vectors]:
    """Returns a vector for each, by two calls of each model at most."""
    # While another space goes live, there are two models.
    embedders = {id(one.embedder): one.embedder for one in asked}
    found: dict[int, Vectors] = {}
    for embedder in embedders.values():
        ours = [(row, one.what) for row, one in enumerate(asked) if one.embedder is embedder]
        texts = [(row, what) for row, what in ours if isinstance(what, str)]
        pictures = [(row, what) for row, what in ours if not isinstance(what, str)]
        if texts:
            found |= _rows(texts, embedder.embed_texts([text for _, text in texts]))
        if pictures:
            found |= _rows(pictures, embedder.embed_images([pixels for _, pixels in pictures]))
    return [found[row] for row in range(len(asked))]


def _rows(asked: Sequence[tuple[int, str | Pixels]], vectors: Vectors) -> dict[int, Vectors]:
    # copied, or one vector that is kept would keep all of its batch in memory
    return {row: np.array(vectors[at : at + 1]) for at, (row, _) in enumerate(asked)}
