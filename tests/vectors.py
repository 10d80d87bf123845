"""Rows and queries as models give them: clusters in a cone, and texts in a cone beside it."""

from pathlib import Path

import numpy as np

from indexer.types import Ids, Modality, Vectors
from indexer.vectors import open_index
from indexer.vectors.faiss import FaissIndex
from indexer.vectors.samples import Queries, Samples, strangers

DIM = 48
_LATENT = 12


def _unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class World:
    """Pictures and texts about the same things, in two cones."""

    def __init__(self, seed: int = 0, things: int = 60) -> None:
        self._random = np.random.default_rng(seed)
        self._things = self._random.normal(size=(things, _LATENT))
        self._basis = np.linalg.qr(self._random.normal(size=(DIM, DIM)))[0]
        self._turn = self._random.normal(size=(_LATENT, _LATENT)) / _LATENT**0.5

    def _latent(self, count: int, spread: float) -> np.ndarray:
        which = self._random.integers(0, len(self._things), count)
        return self._things[which] + spread * self._random.normal(size=(count, _LATENT))

    def _placed(self, latent: np.ndarray, cone: int, noise: float) -> Vectors:
        spread = noise * self._random.normal(size=(len(latent), DIM))
        return _unit(latent @ self._basis[:_LATENT] + 2.5 * self._basis[_LATENT + cone] + spread)

    def pictures(self, count: int) -> Vectors:
        return self._placed(self._latent(count, 0.6), 0, 0.15)

    def texts(self, count: int) -> Vectors:
        latent = self._latent(count, 0.5)
        return self._placed(0.7 * latent + 0.4 * latent @ self._turn, 1, 0.15)


def filled(folder: Path, rows: Vectors) -> FaissIndex:
    """Returns an index that holds the rows under ids 100, 101, ..., saved."""
    index = opened(folder)
    index.add(np.arange(100, 100 + len(rows)), rows)
    index.save()
    return index


def opened(folder: Path) -> FaissIndex:
    index = open_index("faiss", folder, DIM)
    assert isinstance(index, FaissIndex)
    return index


def samples(world: World, index: FaissIndex, count: int = 400) -> Samples:
    own = np.random.default_rng(1).choice(index.ids, count, replace=False)
    return {
        Modality.TEXT: strangers(world.texts(count)),
        Modality.IMAGE: Queries(index.vectors(own), own),
    }


def true_best(
    index: FaissIndex, queries: Vectors, k: int, among: Ids | None = None
) -> list[set[int]]:
    ids = index.ids if among is None else np.intersect1d(index.ids, among)
    scores = queries @ index.vectors(ids).T
    return [set(ids[np.argsort(-row)[:k]].tolist()) for row in scores]


def recall(found: Ids, truth: list[set[int]]) -> float:
    hits = [
        len(set(row.tolist()) & best) / max(1, len(best))
        for row, best in zip(found, truth, strict=True)
    ]
    return float(np.mean(hits))
