"""Rows to search and queries with their true neighbours, drawn or taken from a library, in files.

Drawn vectors have 512 dimensions and follow what is known of dual encoders. Meanings lie in 96
dimensions that fade (the i-th by i^-0.4): 4,000 clusters of unequal size (weights are squares of
uniform numbers), rows around them with 0.7 of the clusters' own spread. Pictures stand in a cone
(a direction of their own, 0.7) with noise of length 0.35. Texts stand in another cone (0.9) with
noise of 0.45, and say the same only in part: 0.6 of a meaning (spread 0.5), and 0.5 of it turned
into other directions. So pictures that are asked with lie among the rows, and texts off them.

    base/base.npy          float16 (n, dim); a row's id is its number
    image.npy, text.npy    float32 (queries, dim), held out: only measured with
    image_own.npy          int64 (queries,), the rows that these queries are, -1 for none
    image_truth.npy ...    float32 (queries,), the score of the tenth best row but the own one
    image_among.npy ...    float32 (shares, 200), the same of the first queries, among the ids of
                           `among` that belong to the query; -inf where these are fewer than ten
    learn_text.npy         float32 (10000, dim), learn_rows.npy int64 (10000,): to learn from
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Modality, Vectors

ASKED_IN = ("image", "text")
AT = 10
DIM = 512
QUERIES, LEARNED = 1_000, 10_000
AMONG_SHARES, AMONG_SETS, AMONG_QUERIES = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9), 4, 200
_MEANINGS, _CLUSTERS = 96, 4_000
_BLOCK = 50_000
_FEWEST = 4_000
_MODEL, _HELD_OUT, _LEARNED, _AMONG, _ROWS = range(5)
"""What a seed is for. Blocks of rows count on from the last: fewer rows are the first of more."""

_Half = NDArray[np.float16]


@dataclass(frozen=True)
class Case:
    """Rows and queries in a folder."""

    folder: Path

    @cached_property
    def base(self) -> _Half:
        rows: _Half = np.load(self.folder / "base" / "base.npy", mmap_mode="r")
        return rows

    def let_go(self) -> None:
        """Takes the rows out of the process's memory; they are mapped again where needed."""
        self.__dict__.pop("base", None)

    @cached_property
    def queries(self) -> Mapping[str, Vectors]:
        return {one: np.load(self.folder / f"{one}.npy") for one in ASKED_IN}

    def own(self, asked_in: str) -> Ids:
        """Returns the rows that the queries are, -1 for none."""
        own: Ids = np.load(self.folder / f"{asked_in}_own.npy")
        return own

    def tenth(self, asked_in: str) -> NDArray[np.float32]:
        """Returns the least score that a true neighbour of each query has."""
        tenth: NDArray[np.float32] = np.load(self.folder / f"{asked_in}_truth.npy")
        return tenth

    def tenth_among(self, asked_in: str, share: int) -> NDArray[np.float32]:
        """Returns the same for the first queries, among their ids of that share."""
        tenth: NDArray[np.float32] = np.load(self.folder / f"{asked_in}_among.npy")[share]
        return tenth

    def among(self, share: int, query: int) -> Ids:
        """Returns the ids, of that share of all, that the query may find when it is filtered."""
        return amongs(len(self.base), share)[query % AMONG_SETS]

    def learn(self) -> tuple[Vectors, Ids]:
        """Returns texts, and the numbers of rows, that an index may learn from."""
        return np.load(self.folder / "learn_text.npy"), np.load(self.folder / "learn_rows.npy")


class Drawn:
    """Pictures and texts without end, always the same."""

    def __init__(self) -> None:
        random = np.random.default_rng(_MODEL)
        fading = np.arange(1, _MEANINGS + 1, dtype=np.float32) ** -0.4
        self._fading = fading / np.linalg.norm(fading)
        self._clusters = self._spread(random, _CLUSTERS)
        self._weights = np.cumsum(random.random(_CLUSTERS) ** 2)
        axes = np.linalg.qr(random.standard_normal((DIM, DIM)))[0].astype(np.float32)
        self._meanings, self._image, self._text = axes[:_MEANINGS], axes[-1], axes[-2]
        turn = random.standard_normal((_MEANINGS, _MEANINGS)) / _MEANINGS**0.5
        self._turn = turn.astype(np.float32)

    def images(self, n: int, seed: int) -> Vectors:
        """Returns float32 (n, 512), rows of unit length."""
        random = np.random.default_rng((_MODEL, seed))
        meant = self._meant(random, n, 0.7)
        return self._seen(random, 0.7 * self._image + meant @ self._meanings, 0.35)

    def texts(self, n: int, seed: int) -> Vectors:
        """Returns float32 (n, 512), rows of unit length."""
        random = np.random.default_rng((_MODEL, seed, 1))
        meant = self._meant(random, n, 0.5)
        said = 0.6 * meant + 0.5 * (meant @ self._turn)
        return self._seen(random, 0.9 * self._text + said @ self._meanings, 0.45)

    def _spread(self, random: np.random.Generator, n: int) -> Vectors:
        return random.standard_normal((n, _MEANINGS), np.float32) * self._fading

    def _meant(self, random: np.random.Generator, n: int, spread: float) -> Vectors:
        cluster = np.searchsorted(self._weights, random.random(n) * self._weights[-1])
        return self._clusters[cluster] + spread * self._spread(random, n)

    @staticmethod
    def _seen(random: np.random.Generator, clear: Vectors, noise: float) -> Vectors:
        vectors = clear + random.standard_normal(clear.shape, np.float32) * (noise / DIM**0.5)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def drawn(cache: Path, n: int) -> Case:
    """Returns a case of n drawn rows, kept in the cache."""
    folder = cache / f"drawn-{n}"

    def rows(at: int) -> Vectors:
        return source.images(min(_BLOCK, n - at), _ROWS + at // _BLOCK)

    if not (folder / "done").exists():
        source = Drawn()
        none = np.full(QUERIES, -1, np.int64)
        _write(folder, n, rows, {
            "image": source.images(QUERIES, _HELD_OUT), "text": source.texts(QUERIES, _HELD_OUT),
            "image_own": none, "text_own": none,
            "learn_text": source.texts(LEARNED, _LEARNED),
            "learn_rows": np.random.default_rng(_LEARNED).permutation(n)[:LEARNED],
        })  # fmt: skip
    return Case(folder)


def taken(cache: Path, library: Path) -> Case:
    """Returns a case of the library's pictures, asked by some of them and by its captions."""
    from indexer.library import open_library  # slow to load, and no part of a search

    indexes = open_library(library, index="exact").indexes
    pictures, captions = indexes[Modality.IMAGE], indexes[Modality.TEXT]
    ids, n = pictures.ids, len(pictures)
    if n < _FEWEST or len(captions) < 100:
        raise SystemExit(
            f"{library} holds {n:,} pictures and {len(captions):,} captions. Name a library with "
            f"at least {_FEWEST:,} pictures and 100 captions."
        )
    folder = cache / f"taken-{n}"
    random = np.random.default_rng(_HELD_OUT)
    row, caption = random.permutation(n), random.permutation(captions.ids)
    asked, said = min(QUERIES, n // 2), min(QUERIES, len(caption) // 2)

    def rows(at: int) -> Vectors:
        return pictures.vectors(ids[at : at + _BLOCK])

    _write(folder, n, rows, {
        "image": pictures.vectors(ids[row[:asked]]), "text": captions.vectors(caption[:said]),
        "image_own": row[:asked], "text_own": np.full(said, -1, np.int64),
        "learn_text": captions.vectors(caption[said : said + LEARNED]),
        "learn_rows": row[asked : asked + LEARNED],
    })  # fmt: skip
    return Case(folder)


def _write(
    folder: Path, n: int, rows: Callable[[int], Vectors], arrays: Mapping[str, NDArray[np.generic]]
) -> None:
    (folder / "base").mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    dim = arrays["image"].shape[1]
    base = np.lib.format.open_memmap(folder / "base" / "base.npy", "w+", np.float16, (n, dim))
    for at in range(0, n, _BLOCK):
        base[at : at + _BLOCK] = rows(at)
    base.flush()
    case = Case(folder)
    for one in ASKED_IN:
        truth, among = _tenths(case, one)
        np.save(folder / f"{one}_truth.npy", truth)
        np.save(folder / f"{one}_among.npy", among)
    (folder / "done").touch()


@cache
def amongs(n: int, share: int) -> list[Ids]:
    """Returns sets of ids of that share of the rows, ascending."""
    random = np.random.default_rng((_AMONG, n, share))
    size = max(1, int(AMONG_SHARES[share] * n))
    return [np.sort(random.choice(n, size, replace=False)) for _ in range(AMONG_SETS)]


def _tenths(case: Case, asked_in: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns the tenth best score of each query, in float32, over all rows, and among its ids."""
    queries, own, n = case.queries[asked_in], case.own(asked_in), len(case.base)
    best = np.full((len(queries), AT), -np.inf, np.float32)
    few = min(AMONG_QUERIES, len(queries))
    among = np.full((len(AMONG_SHARES), few, AT), -np.inf, np.float32)
    for at in range(0, n, _BLOCK):
        block = case.base[at : at + _BLOCK].astype(np.float32)
        scores = _but_own(queries @ block.T, own, np.arange(at, at + len(block)))
        best = _best(best, scores)
        for share, one in np.ndindex(len(AMONG_SHARES), AMONG_SETS):
            ids = amongs(n, share)[one]
            here = ids[slice(*np.searchsorted(ids, (at, at + len(block))))] - at
            mine = slice(one, few, AMONG_SETS)
            among[share, mine] = _best(among[share, mine], scores[mine][:, here])
    return best[:, -1], among[:, :, -1]


def _best(before: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the ten best of both, best first."""
    if scores.shape[1] > AT:
        scores = -np.partition(-scores, AT - 1, axis=1)[:, :AT]
    return -np.sort(-np.concatenate([before, scores], axis=1), axis=1)[:, :AT]


def _but_own(scores: NDArray[np.float32], own: Ids, ids: Ids) -> NDArray[np.float32]:
    scores[own[:, None] == ids] = -np.inf
    return scores


def portions(case: Case) -> Iterator[tuple[Ids, Vectors]]:
    """Yields all rows, some at a time: ids, and vectors in float32."""
    for at in range(0, len(case.base), _BLOCK):
        block = case.base[at : at + _BLOCK].astype(np.float32)
        yield np.arange(at, at + len(block)), block
