"""Words for pictures: which of a vocabulary say best what a picture shows.

Some words lie nearer than others to all pictures of a library, whatever these show, so plain
cosines let some come up everywhere. What helps is to look with the picture less half of what
the library's pictures have in common, their mean: words are ranked by their cosine less half of
their usual one. Taking all of it away, or counting in spreads, goes too far: in a library of dogs
"dog" is usual and right. `make bench-labels` measures it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from indexer.errors import BadQuery
from indexer.types import Modality, Vectors
from search_api.aiming import Aiming
from search_api.lookup import Lookup
from search_api.query import Like, Picture, Query, Target, Text
from search_api.view import View

DEFAULT_LABELS = 10
MAX_LABELS = 100
USUAL = 0.5
"""How much of a word's usual cosine is taken from its cosine to a picture; `make bench-labels`."""


@dataclass(frozen=True, slots=True)
class Label:
    """A word or phrase for a picture.

    Attributes:
        text: The word.
        score: Its cosine to the picture.
        usual: The mean of its cosines to the pictures of the library.
    """

    text: str
    score: float
    usual: float


class Labelling:
    """Finds words for pictures; safe to call from many threads."""

    def __init__(self, words: Sequence[str], lookup: Lookup, aiming: Aiming) -> None:
        """Takes the words to choose from, what is known of items, and what makes vectors.

        The words become vectors at the first question, and again in another space.
        """
        self._words = tuple(words)
        self._lookup = lookup
        self._aiming = aiming
        self._lock = Lock()
        self._kept: tuple[View, Vectors] | None = None

    def of_item(self, view: View, id: int, count: int) -> Sequence[Label]:
        """Returns the words that say best what an item shows, best first.

        Raises:
            BadQuery: the item is a caption.
            NotFound: the library does not have it.
        """
        item = self._lookup.item(id)
        if item.modality is Modality.TEXT:
            raise BadQuery(f"Item {id} is a caption: words are found for what is to be seen.")
        return self.best(view, self._aiming.stored(view, item), count)

    def of_query(self, view: View, query: Query, toward: Vectors | None) -> Sequence[Label]:
        """Returns words for the pictures by which a query looks for captions; none for others.

        Args:
            view: The space.
            query: What is asked.
            toward: float32 (1, dim), where that looks in the space; None if nowhere.
        """
        captions = query.target is Target.TEXT and not (query.more or query.less or query.seen)
        finds = [term.what for term in query.terms if term.weight > 0]
        if toward is None or not captions or not all(self._is_seen(what) for what in finds):
            return ()
        return self.best(view, toward, DEFAULT_LABELS)

    def best(self, view: View, picture: Vectors, count: int) -> Sequence[Label]:
        """Returns the words that say best what the picture shows, best first.

        Args:
            view: The space.
            picture: float32 (1, dim), its vector there.
            count: How many words at most.
        """
        if not self._words:
            return ()
        words = self._vectors(view)
        scores = np.einsum("nd,d->n", words, picture[0])
        usual = view.spread(Modality.IMAGE).means(words)
        order = np.argsort(USUAL * usual - scores, kind="stable")[:count]
        return [Label(self._words[at], float(scores[at]), float(usual[at])) for at in order]

    def _vectors(self, view: View) -> Vectors:
        with self._lock:
            if self._kept is None or self._kept[0] is not view:
                self._kept = (view, self._aiming.texts(view.embedder, self._words))
            return self._kept[1]

    def _is_seen(self, what: Text | Picture | Like) -> bool:
        if isinstance(what, Like):
            return self._lookup.item(what.id).modality is not Modality.TEXT
        return isinstance(what, Picture)
