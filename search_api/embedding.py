"""Queries turned into vectors: what many threads ask of a model at once is one forward pass."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL.Image import Image

from indexer.batching import Batches
from indexer.types import Embedder, Pixels, Vectors

_MOST = 64
_AT_ONCE = 32


class _Asked(NamedTuple):
    embedder: Embedder
    what: Sequence[str] | Pixels


def _size(asked: _Asked) -> int:
    return 1 if isinstance(asked.what, np.ndarray) else len(asked.what)


class Embedding:
    """Asks models for vectors; safe to call from many threads, whatever the models are.

    A forward pass already uses every core or the whole GPU: two at once gain nothing, and not every
    model may be called from two threads. So there is one at a time, and what waits for it goes
    through the model together.
    """

    def __init__(self) -> None:
        self._batches: Batches[_Asked, Vectors] = Batches(_together, _MOST, _size)

    def texts(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        """Returns the vectors of texts, float32 (n, dim) of unit length.

        Of many texts some go at a time, so that other calls get their turn in between.
        """
        parts = [texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE)]
        return np.concatenate([self._batches.ask(_Asked(embedder, part)) for part in parts])

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
        texts = [(row, what) for row, what in ours if not isinstance(what, np.ndarray)]
        pictures = [(row, what) for row, what in ours if isinstance(what, np.ndarray)]
        if texts:
            vectors = embedder.embed_texts([text for _, some in texts for text in some])
            found |= _parts(vectors, [(row, len(some)) for row, some in texts])
        if pictures:
            vectors = embedder.embed_images([pixels for _, pixels in pictures])
            found |= _parts(vectors, [(row, 1) for row, _ in pictures])
    return [found[row] for row in range(len(asked))]


def _parts(vectors: Vectors, counts: Sequence[tuple[int, int]]) -> dict[int, Vectors]:
    """Returns for each row of what was asked its vectors, of which it has so many."""
    ends = np.cumsum([count for _, count in counts]).tolist()
    # copied, or one vector that is kept would keep all of its batch in memory
    return {
        row: np.array(vectors[end - count : end])
        for end, (row, count) in zip(ends, counts, strict=True)
    }
