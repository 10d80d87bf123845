"""A space as it is searched, and the texts that were turned into its vectors last."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.types import Embedder, Ids, Modality, VectorIndex, Vectors
from search_api.spread import Spread, SpreadKeeper

log = logging.getLogger(__name__)

CACHED_TEXTS = 512


class View:
    """A space as it is searched: vectors, and the model that turns queries into such vectors."""

    def __init__(self, indexes: Mapping[Modality, VectorIndex], embedder: Embedder) -> None:
        self.indexes = indexes
        self.embedder = embedder
        self.texts = TextCache(CACHED_TEXTS)
        self._spreads = {modality: SpreadKeeper() for modality in indexes}

    def fresh(self, modality: Modality) -> VectorIndex:
        """Returns the index after following what the indexer saved since."""
        index = self.indexes[modality]
        if index.refresh():
            log.info("The %s index has new content: %d vectors.", modality, len(index))
        return index

    def spread(self, modality: Modality) -> Spread:
        """Returns how scores spread over the index."""
        return self._spreads[modality].of(self.indexes[modality])

    def stored(self, modality: Modality, ids: Ids) -> tuple[Ids, Vectors]:
        """Returns those of the ids that the index has, and their vectors, float32 (n, dim)."""
        index = self.indexes[modality]
        try:
            return ids, index.vectors(ids)
        except KeyError:  # removed since they were found, or not of this index
            there = ids[among(ids, index.ids)]
            return there, index.vectors(there)


def among(ids: Ids, known: Ids) -> NDArray[np.bool_]:
    """Returns which ids are among the known ones, which ascend, bool (n,)."""
    if not len(known):
        return np.zeros(len(ids), bool)
    at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.asarray(known[at] == ids)


class TextCache:
    """The vectors of the texts searched last: typing and going back repeat many a query."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._making: dict[str, Future[Vectors]] = {}

    def get(self, text: str, make: Callable[[str], Vectors]) -> Vectors:
        """Returns the vector of the text, made only if it is neither kept nor being made.

        Who waits for one that is being made gets the error as well if that fails.
        """
        with self._lock:
            if text in self._vectors:
                self._vectors.move_to_end(text)
                return self._vectors[text]
            making = self._making.get(text)
            if is_first := making is None:
                making = self._making[text] = Future()
        if not is_first:
            return making.result()
        try:
            vector = make(text)
        except BaseException as error:
            with self._lock:
                del self._making[text]
            making.set_exception(error)
            raise
        with self._lock:
            del self._making[text]
            self._vectors[text] = vector
            if len(self._vectors) > self._size:
                self._vectors.popitem(last=False)
        making.set_result(vector)
        return vector
