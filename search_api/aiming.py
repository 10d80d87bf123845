"""What a query's terms become in a space: where to look, and where to look away from.

Terms are added with weights in units of their spread: cosines between pictures differ several times
as much as those of a text and pictures, so plain sums let a picture drown any words beside it.
Terms with a weight below 0 do not pull the sum, which would turn it away from what is asked for;
they push back what clearly shows them. What is like items marked as right or wrong follows Rocchio
(1971). `make bench-fusion` and `make bench-refine` measure them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL.Image import Image

from indexer.errors import BadQuery, NotFound
from indexer.types import Embedder, Item, Modality, Vectors
from search_api.embedding import Embedding
from search_api.lookup import Lookup
from search_api.query import Like, Picture, Query, Region, Term, Text, texts_of
from search_api.ranking import fuse
from search_api.spread import Spread
from search_api.view import View

MORE, LESS = 1.0, 0.75
"""Shares of what is right and wrong, beside 1 for what was asked; `make bench-refine`."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where to look.

    Attributes:
        toward: float32 (1, dim), the direction of what to find.
        away: Directions of what to push back, each float32 (1, dim) with a weight above 0.
        each: All terms apart, each float32 (1, dim) with its weight, for lists to be fused.
        words: The texts to find, one after the other; empty where something else is to be found
            as well, of which words would only be a part.
    """

    toward: Vectors
    away: tuple[tuple[Vectors, float], ...]
    each: tuple[tuple[Vectors, float], ...]
    words: str


class Aiming:
    """Turns queries into aims; safe to call from many threads."""

    def __init__(self, lookup: Lookup, look: Callable[[Item], Image] | None) -> None:
        """Takes what is known of items, and what shows the picture of one."""
        self._lookup = lookup
        self._look = look
        self._embedding = Embedding()

    def at(self, query: Query, view: View, spread: Callable[[], Spread]) -> Aim:
        """Returns where the query looks in a space.

        Args:
            query: It must say what to find.
            view: The space.
            spread: Returns that of the index that is to be searched; called only if needed.

        Raises:
            BadQuery: the terms cancel each other out.
            NotFound: the library does not have an item that is named.
        """
        weights = [term.weight for term in query.terms]
        each = list(zip(self._vectors(view, query.terms), weights, strict=True))
        finds = [(vector, weight) for vector, weight in each if weight > 0]
        more, less = self._mean(view, query.more), self._mean(view, query.less)
        if len(finds) == 1 and more is None and less is None:
            toward = finds[0][0]
        else:
            toward = self._summed(finds, more, less, spread())
        finds_text = not query.more and all(
            isinstance(term.what, Text) for term in query.terms if term.weight > 0
        )
        return Aim(
            toward=toward,
            away=tuple((vector, -weight) for vector, weight in each if weight < 0),
            each=tuple(each),
            words=" ".join(texts_of(query.terms)) if finds_text else "",
        )

    def _summed(
        self,
        finds: Sequence[tuple[Vectors, float]],
        more: Vectors | None,
        less: Vectors | None,
        spread: Spread,
    ) -> Vectors:
        total = sum(weight for _, weight in finds)
        parts = [(vector, weight / total) for vector, weight in finds]
        parts += [
            (vector, weight if finds else weight / MORE)
            for vector, weight in ((more, MORE), (less, -LESS))
            if vector is not None
        ]
        return fuse(
            np.concatenate([vector for vector, _ in parts]),
            [weight / spread.of(vector)[1] for vector, weight in parts],
        )

    def _mean(self, view: View, ids: Sequence[int]) -> Vectors | None:
        if not ids:
            return None
        return fuse(np.concatenate([self.stored(view, self._lookup.item(id)) for id in ids]))

    def _vectors(self, view: View, terms: Sequence[Term]) -> Iterator[Vectors]:
        """Yields the vector of each term; all its texts go through the model at once."""
        texts = [term.what.text for term in terms if isinstance(term.what, Text)]
        worded = iter(view.texts.get(texts, partial(self._embedding.texts, view.embedder)))
        for term in terms:
            if isinstance(term.what, Text):
                yield next(worded)
            else:
                yield self._vector(view, term.what)

    def _vector(self, view: View, what: Picture | Like) -> Vectors:
        match what:
            case Picture(image):
                return self._embedding.picture(view.embedder, image)
            case Like(id, region):
                item = self._lookup.item(id)
                if region is None:
                    return self.stored(view, item)
                return self._embedding.picture(view.embedder, self._cut_out(item, region))

    def texts(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        """Returns the vectors of many texts, float32 (n, dim); searches get turns meanwhile."""
        return self._embedding.texts(embedder, texts)

    def stored(self, view: View, item: Item) -> Vectors:
        """Returns the vector that the space has of an item, float32 (1, dim).

        Raises:
            NotFound: it has none.
        """
        try:
            return view.fresh(item.modality).vectors(np.array([item.id], dtype=np.int64))
        except KeyError as error:
            raise NotFound(
                f"Item {item.id} has no vector to search by: index its folder again."
            ) from error

    def _cut_out(self, item: Item, region: Region) -> Image:
        if item.modality is Modality.TEXT or self._look is None:
            raise BadQuery(f"Item {item.id} has no picture to take a region of.")
        image = self._look(self._lookup.pictured(item.id))
        width, height = image.size
        left, top = round(region.left * width), round(region.top * height)
        right = max(left + 1, round((region.left + region.width) * width))
        bottom = max(top + 1, round((region.top + region.height) * height))
        return image.crop((left, top, min(right, width), min(bottom, height)))
