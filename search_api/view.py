"""A space as it is searched, and the texts that were turned into its vectors last."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from indexer.calibration import BUILT_IN, Calibration
from indexer.types import Embedder, Ids, Modality, VectorIndex, Vectors
from search_api.spread import Spread, SpreadKeeper

log = logging.getLogger(__name__)

CACHED_TEXTS = 512


class View:
    """A space as it is searched: vectors, and the model that turns queries into such vectors."""

    def __init__(
        self,
        indexes: Mapping[Modality, VectorIndex],
        embedder: Embedder,
        calibration: Callable[[], Calibration | None] | None = None,
    ) -> None:
        """Takes what there is to search.

        Args:
            indexes: The vectors of each modality.
            embedder: Turns queries into such vectors.
            calibration: Returns what the scores are worth now; None for what comes with the model.
        """
        self.indexes = indexes
        self.embedder = embedder
        self.calibration = calibration or (lambda: BUILT_IN.get(embedder.fingerprint))
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

    def get(
        self, texts: Sequence[str], make: Callable[[Sequence[str]], Vectors]
    ) -> Sequence[Vectors]:
        """Returns a vector for each text, float32 (1, dim).

        `make` gets those, each once, that are neither kept nor being made. Who waits for one that
        is being made gets the error as well if that fails.
        """
        found: dict[str, Vectors] = {}
        ours: dict[str, Future[Vectors]] = {}
        others: dict[str, Future[Vectors]] = {}
        with self._lock:
            for text in dict.fromkeys(texts):
                if text in self._vectors:
                    self._vectors.move_to_end(text)
                    found[text] = self._vectors[text]
                elif text in self._making:
                    others[text] = self._making[text]
                else:
                    ours[text] = self._making[text] = Future()
        if ours:
            found |= self._made(ours, make)
        # Only now, when nobody who is waited for can be waiting for ours.
        found |= {text: making.result() for text, making in others.items()}
        return [found[text] for text in texts]

    def _made(
        self, making: Mapping[str, "Future[Vectors]"], make: Callable[[Sequence[str]], Vectors]
    ) -> dict[str, Vectors]:
        try:
            rows = make(list(making))
        except BaseException as error:
            with self._lock:
                for text in making:
                    del self._making[text]
            for one in making.values():
                one.set_exception(error)
            raise
        # Copied, or one text that is kept would keep all that were made with it.
        made = {text: rows[at : at + 1].copy() for at, text in enumerate(making)}
        with self._lock:
            for text, vector in made.items():
                del self._making[text]
                self._vectors[text] = vector
            while len(self._vectors) > self._size:
                self._vectors.popitem(last=False)
        for text, one in making.items():
            one.set_result(made[text])
        return made
