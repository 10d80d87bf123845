"""The read use case: a query in, the best items out. Knows protocols only; no HTTP, no back end."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from time import perf_counter

import numpy as np

from indexer.errors import NotFound
from indexer.types import (
    Catalog,
    Embedder,
    Hit,
    Item,
    Modality,
    Place,
    VectorIndex,
    Vectors,
)
from indexer.vectors.structure import Structure
from indexer.vectors.tuned import TunedIndex
from search_api.lookup import Lookup
from search_api.query import Like, Picture, Query, Term, Text
from search_api.ranking import fuse, ranked
from search_api.view import View

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds that each stage of one search took."""

    embed: float
    search: float
    fetch: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The best items for a query.

    `pictures` holds, by id, the pictures and films that the found captions describe, `films` the
    film of each found moment, `durations` the length in milliseconds of each found film, `copies`
    where exact copies of found files lie; `searched` is the number of vectors that were compared.
    """

    hits: Sequence[Hit]
    pictures: Mapping[int, Item]
    searched: int
    took_ms: Timings
    copies: Mapping[int, Sequence[Place]] = field(default_factory=dict)
    films: Mapping[int, Item] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)


class Searcher(Lookup):
    """Answers queries over one library; safe to call from many threads."""

    def __init__(
        self,
        catalog: Catalog,
        indexes: Mapping[Modality, VectorIndex],
        embedder: Embedder,
        *,
        follow: Callable[[], View | None] = lambda: None,
    ) -> None:
        """Answers from the given parts, until `follow` returns others: another space is live."""
        super().__init__(catalog)
        self._view = View(indexes, embedder)
        self._follow = follow
        # A forward pass already uses every core or the whole GPU: two at once gain nothing, and
        # not every model may be called from two threads.
        self._embedding = Lock()

    @property
    def embedder(self) -> Embedder:
        """The model that answers now."""
        return self._view.embedder

    def warm_up(self) -> None:
        """Makes the first search as fast as the next ones: models and indexes work lazily."""
        for modality in self._view.indexes:
            self.search(Query((Text("warm"),), k=1, target=modality))

    def search(self, query: Query) -> Answer:
        """Returns the `query.k` best items, fewer only if the library has no more.

        Raises:
            BadQuery: the terms cancel each other out.
            NotFound: a `Like` term names an item that the library does not have.
        """
        started = perf_counter()
        view = self._current()
        vector = fuse(np.concatenate([self._vector(view, term) for term in query.terms]))
        embedded = perf_counter()
        index = view.fresh(query.target)
        excluded = {
            id
            for term in query.terms
            if isinstance(term, Like)
            for id in self._same(term.id, query.target)
        }
        hits, fetching = self._best(index, vector, query.k, excluded)
        found = perf_counter()
        items = [hit.item for hit in hits]
        pictures, films = self.pictures_of(items), self.films_of(items)
        copies, durations = self.copies_of(items), self.durations_of(items)
        done = perf_counter()
        return Answer(
            hits=hits,
            pictures=pictures,
            searched=len(index),
            took_ms=Timings(
                embed=(embedded - started) * 1e3,
                search=(found - embedded - fetching) * 1e3,
                fetch=(done - found + fetching) * 1e3,
            ),
            copies=copies,
            films=films,
            durations=durations,
        )

    def generations(self) -> Mapping[Modality, int]:
        """Returns the saved state that each index shows; it grows with every save."""
        view = self._current()
        return {modality: view.fresh(modality).generation for modality in view.indexes}

    def structures(self) -> Mapping[Modality, Structure | None]:
        """Returns what each index is made of, None where all vectors are scanned."""
        indexes = self._current().indexes
        return {
            modality: index.structure if isinstance(index, TunedIndex) else None
            for modality, index in indexes.items()
        }

    def _current(self) -> View:
        """Returns the space to search, one for a whole query: a switch falls between two."""
        if (other := self._follow()) is not None:
            log.info("Another space is live.")
            self._view = other
        return self._view

    def _vector(self, view: View, term: Term) -> Vectors:
        match term:
            case Text(text):
                return view.texts.get(text, partial(self._embed_text, view))
            case Picture(image):
                pixels = view.embedder.preprocess(image)
                with self._embedding:
                    return view.embedder.embed_images([pixels])
            case Like(id):
                item = self.item(id)
                try:
                    return view.fresh(item.modality).vectors(np.array([id], dtype=np.int64))
                except KeyError as error:
                    raise NotFound(
                        f"Item {id} has no vector to search by: index its folder again."
                    ) from error

    def _embed_text(self, view: View, text: str) -> Vectors:
        with self._embedding:
            return view.embedder.embed_texts([text])

    def _best(
        self, index: VectorIndex, vector: Vectors, k: int, excluded: set[int]
    ) -> tuple[list[Hit], float]:
        """Returns the k best hits that may be shown, and the seconds spent in the catalogue.

        The index may hold vectors of items that are hidden or gone, so it is asked for more until
        k items can be shown or there are no more vectors.
        """
        items: dict[int, Item] = {}
        fetching = 0.0
        size = len(index)
        wanted = min(k + len(excluded), size)
        while wanted:
            matches = index.search(vector, wanted)
            scores = {
                int(id): float(score)
                for id, score in zip(matches.ids[0], matches.scores[0], strict=True)
                if id >= 0 and int(id) not in excluded
            }
            started = perf_counter()
            items = dict(self._catalog.fetch(list(scores)))
            fetching += perf_counter() - started
            if len(items) >= k or wanted == size:
                return ranked(Hit(item, scores[id]) for id, item in items.items())[:k], fetching
            wanted = min(wanted * 2, size)
        return [], fetching

    def _same(self, id: int, target: Modality) -> set[int]:
        """Returns what a search for things like the item should not find: it has them already."""
        item = self.item(id)
        if item.modality is Modality.VIDEO and target is Modality.IMAGE:
            return {id, *(moment.id for moment in self._catalog.moments(id))}
        if item.modality is Modality.IMAGE and target is Modality.VIDEO:
            return {id, *(film.id for film in self.films_of([item]).values())}
        return {id}
