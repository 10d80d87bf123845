"""A space as it is searched, and the texts that were turned into its vectors last."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock

from indexer.types import Embedder, Modality, VectorIndex, Vectors

log = logging.getLogger(__name__)

CACHED_TEXTS = 512


class View:
    """A space as it is searched: vectors, and the model that turns queries into such vectors."""

    def __init__(self, indexes: Mapping[Modality, VectorIndex], embedder: Embedder) -> None:
        self.indexes = indexes
        self.embedder = embedder
        self.texts = TextCache(CACHED_TEXTS)

    def fresh(self, modality: Modality) -> VectorIndex:
        """Returns the index after following what the indexer saved since."""
        index = self.indexes[modality]
        if index.refresh():
            log.info("The %s index has new content: %d vectors.", modality, len(index))
        return index


class TextCache:
    """The vectors of the texts searched last: typing and going back repeat many a query."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()

    def get(self, text: str, make: Callable[[str], Vectors]) -> Vectors:
        """Returns the vector of the text, made only if it is not kept."""
        with self._lock:
            if text in self._vectors:
                self._vectors.move_to_end(text)
                return self._vectors[text]
        vector = make(text)
        with self._lock:
            self._vectors[text] = vector
            if len(self._vectors) > self._size:
                self._vectors.popitem(last=False)
        return vector
