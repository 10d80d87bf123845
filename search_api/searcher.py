"""The read use case: a query in, the best items out. Knows protocols only; no HTTP, no back end."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

import numpy as np
from PIL.Image import Image

from indexer.calibration import Calibration
from indexer.filters import FAVOURITE, Filter, Tagged
from indexer.types import Catalog, Embedder, Hit, Item, Modality, Place, VectorIndex, Vectors
from indexer.vectors.structure import Structure
from indexer.vectors.tuned import TunedIndex
from search_api.aiming import Aim, Aiming
from search_api.gathering import Gathering
from search_api.grouping import Group, grouped
from search_api.judging import judged
from search_api.labels import DEFAULT_LABELS, Label, Labelling
from search_api.lookup import Lookup
from search_api.narrowing import Narrowing, Now
from search_api.pages import cursor_of
from search_api.query import Like, Query, Sort, Target, Term, Text, texts_of
from search_api.ranking import diverse
from search_api.relevance import Verdict
from search_api.scenes import Scene, Scored, scenes, timeline
from search_api.view import View, among

log = logging.getLogger(__name__)

_MIXED = 4
"""Where results are reordered or grouped, so many times as many are looked at."""
_SORTED = 200
"""So many of the best are put in order of time, where that is asked for."""
_DEEPEST = 4_000


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds that each stage of one search took."""

    embed: float
    search: float
    fetch: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The best items for a query.

    Attributes:
        hits: Best first, or as the query sorts them.
        pictures: By id, the pictures and films that the found captions describe.
        searched: How many vectors were compared.
        took_ms: What each stage took.
        copies: Where exact copies of found files lie.
        films: The film of each found moment.
        durations: The length in milliseconds of each found film.
        groups: By a hit's id, all hits that count as one with it, itself first.
        scenes: By a hit's id, where in its film the query is answered, best first.
        next: The cursor of what follows; None where nothing does.
        verdict: What the answer is worth; None where that is not known.
        likely: How many of the first hits are likely right; None where that is not known.
        favourites: The ids of those hits that are marked as favourites.
        labels: Words for what is to be seen, where captions were searched by pictures alone.
    """

    hits: Sequence[Hit]
    pictures: Mapping[int, Item]
    searched: int
    took_ms: Timings
    copies: Mapping[int, Sequence[Place]] = field(default_factory=dict)
    films: Mapping[int, Item] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)
    groups: Mapping[int, Sequence[Hit]] = field(default_factory=dict)
    scenes: Mapping[int, Sequence[Scene]] = field(default_factory=dict)
    next: str | None = None
    verdict: Verdict | None = None
    likely: int | None = None
    favourites: frozenset[int] = frozenset()
    labels: Sequence[Label] = ()


@dataclass(slots=True)
class _Found:
    """What a search found so far, where it looked, and what it cost."""

    hits: list[Hit]
    toward: Vectors | None = None
    searched: int = 0
    embed_s: float = 0.0
    fetch_s: float = 0.0


class Searcher(Lookup):
    """Answers queries over one library; safe to call from many threads."""

    def __init__(
        self,
        catalog: Catalog,
        indexes: Mapping[Modality, VectorIndex],
        embedder: Embedder,
        *,
        follow: Callable[[], View | None] = lambda: None,
        look: Callable[[Item], Image] | None = None,
        remember: Callable[[str], None] | None = None,
        vocabulary: Sequence[str] = (),
        calibration: Callable[[], Calibration | None] | None = None,
    ) -> None:
        """Answers from the given parts, until `follow` returns others: another space is live.

        Args:
            catalog: What may be shown.
            indexes: The vectors of each modality.
            embedder: Turns queries into such vectors.
            follow: Returns another view once after each switch of spaces.
            look: Returns the picture of an item, to take regions of; None where there are none.
            remember: Takes each text that was searched for.
            vocabulary: Words to say what pictures show.
            calibration: Returns what scores are worth in the space; None for what comes with the
                model.
        """
        super().__init__(catalog)
        self._view = View(indexes, embedder, calibration)
        self._follow = follow
        self._remember = remember
        self._aiming = Aiming(self, look)
        self._labelling = Labelling(vocabulary, self, self._aiming)
        self._narrowing = Narrowing(catalog)

    @property
    def embedder(self) -> Embedder:
        """The model that answers now."""
        return self._view.embedder

    def warm_up(self) -> None:
        """Makes the first search as fast as the next ones: models and indexes work lazily."""
        for modality in self._view.indexes:
            query = Query((Term(Text("warm")),), k=1, target=Target(modality), words=False)
            self._closest(self._current(), query, self._narrowing.now(), query.k)

    def search(self, query: Query) -> Answer:
        """Returns the `query.k` best items, fewer only if the library has no more.

        Raises:
            BadQuery: the terms cancel each other out.
            NotFound: the query names an item that the library does not have.
        """
        started = perf_counter()
        view = self._current()
        wanted = query.k if _as_ranked(query) else min(_MIXED * query.k + _SORTED, _DEEPEST)
        now = self._narrowing.now()
        if query.finds:
            found = self._closest(view, query, now, wanted)
        else:
            found = self._listed(query, wanted)
        groups = self._arranged(view, query, found.hits)
        shown = groups[: query.k]
        judgement = judged(view, query, [group.leader for group in shown])
        hits = judgement.hits
        fetching = perf_counter()
        items = [hit.item for group in shown for hit in group.hits]
        pictures, films = self.pictures_of(items), self.films_of(items)
        copies = now.copies([item.id for item in items if item.modality is not Modality.TEXT])
        durations = self.durations_of(items)
        favourites = _favourites(now, [group.leader.item for group in shown])
        done = perf_counter()
        fetch_s = found.fetch_s + done - fetching
        if self._remember is not None and not query.seen:
            for text in texts_of(query.terms):
                self._remember(text)
        seen = query.seen.union(hit.item.id for group in shown for hit in group.hits)
        return Answer(
            hits=hits,
            pictures=pictures,
            searched=found.searched,
            took_ms=Timings(
                embed=found.embed_s * 1e3,
                search=(done - started - found.embed_s - fetch_s) * 1e3,
                fetch=fetch_s * 1e3,
            ),
            copies=copies,
            films=films,
            durations=durations,
            groups={group.leader.item.id: group.hits for group in shown if len(group.hits) > 1},
            scenes=self._scenes(view, query, shown),
            next=cursor_of(query, seen) if len(hits) == query.k else None,
            verdict=judgement.verdict,
            likely=judgement.likely,
            favourites=favourites,
            labels=self._labelling.of_query(view, query, found.toward),
        )

    def labels(self, id: int, count: int = DEFAULT_LABELS) -> Sequence[Label]:
        """Returns the words of the vocabulary that say best what the item shows, best first.

        Raises:
            BadQuery: the item is a caption.
            NotFound: the library does not have it.
        """
        return self._labelling.of_item(self._current(), id, count)

    def timeline(self, id: int, query: Query) -> Sequence[Scored]:
        """Returns the moments of the film that the item is, or is part of, with their scores.

        Raises:
            BadQuery: the query does not say what to find.
            NotFound: the library does not have the item, or it has nothing to do with a film.
        """
        view = self._current()
        moments = self.moments(id)
        return self._line(view, self._aim(view, query), moments)

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

    def _aim(self, view: View, query: Query) -> Aim:
        first = query.target.modalities[0]
        return self._aiming.at(query, view, lambda: view.spread(first))

    def _closest(self, view: View, query: Query, now: Now, wanted: int) -> _Found:
        """Returns the best items of all indexes that hold what is to be found."""
        started = perf_counter()
        aim = self._aim(view, query)
        found = _Found([], aim.toward, embed_s=perf_counter() - started)
        named = [term.what.id for term in query.terms if isinstance(term.what, Like)]
        modalities = [one for one in query.target.modalities if one in view.indexes]
        for modality in modalities:
            gathering = Gathering(
                view,
                modality,
                query,
                aim,
                now=now,
                excluded=self._excluded(query, named, modality),
            )
            found.hits.extend(gathering.best(wanted))
            found.searched += gathering.searched
            found.fetch_s += gathering.fetch_s
        if len(modalities) > 1:
            found.hits = self._across(view, aim, found.hits)
        return found

    def _across(self, view: View, aim: Aim, hits: Sequence[Hit]) -> list[Hit]:
        """Returns the hits of several indexes in one order, in which each list keeps its own.

        A place counts by how far the score that stands there stands out among the scores of its own
        index, or captions would come first for every text, and pictures for every picture (the
        modality gap). A list may be ordered by more than scores, by words above all: then its best
        score still goes with its first place. `make bench-mixed` measures it.
        """
        values: list[tuple[float, Hit]] = []
        for modality in view.indexes:
            ours = [hit for hit in hits if hit.item.modality is modality]
            # Films are pooled from pictures and lie among them; a few tell no spread of their own.
            like = Modality.IMAGE if modality is Modality.VIDEO else modality
            mean, spread = view.spread(like).of(aim.toward)
            best = sorted((hit.score for hit in ours), reverse=True)
            values += [
                ((score - mean) / spread, hit) for score, hit in zip(best, ours, strict=True)
            ]
        return [hit for _, hit in sorted(values, key=lambda one: -one[0])]

    def _listed(self, query: Query, wanted: int) -> _Found:
        """Returns what passes the filters, in order of time: nothing says what is best."""
        started = perf_counter()
        limit = wanted + len(query.seen)
        found = _Found([])
        for modality in query.target.modalities:
            ids = self._catalog.dated(
                query.every_filter, modality, limit, oldest=query.sort is Sort.OLDEST
            )
            items = self._catalog.fetch([id for id in ids if id not in query.seen])
            found.hits.extend(Hit(items[id], 0.0) for id in ids if id in items)
        if len(query.target.modalities) > 1:
            found.hits = self._by_time(found.hits, oldest=query.sort is Sort.OLDEST)
        found.fetch_s = perf_counter() - started
        return found

    def _arranged(self, view: View, query: Query, hits: Sequence[Hit]) -> list[Group]:
        """Returns the hits grouped and ordered as the query wants them."""
        hits = list(hits)
        if query.sort is not Sort.SCORE and query.finds:
            hits = self._by_time(hits[:_SORTED], oldest=query.sort is Sort.OLDEST)
        if query.collapse:
            films = {id: film.id for id, film in self.films_of([h.item for h in hits]).items()}
            groups = grouped(hits, self._stored(view, hits), films)
        else:
            groups = [Group((hit,)) for hit in hits]
        if query.diversity and query.finds:
            groups = self._diverse(view, query, groups)
        return groups

    def _diverse(self, view: View, query: Query, groups: list[Group]) -> list[Group]:
        vectors = self._stored(view, [group.leader for group in groups])
        known = [group for group in groups if group.leader.item.id in vectors]
        if not known:
            return groups
        rows = np.stack([vectors[group.leader.item.id] for group in known])
        # By rank, not by score: what made the order may be more than the cosine.
        values = -np.log1p(np.arange(len(known), dtype=np.float64))
        return [known[at] for at in diverse(rows, values, query.k, query.diversity)]

    def _by_time(self, hits: Sequence[Hit], *, oldest: bool) -> list[Hit]:
        """Returns the hits by when they were taken; what has no date comes last."""
        described = {hit.item.id: _described(hit.item) for hit in hits}
        facts = self._catalog.facts(sorted(set(described.values())))

        def key(hit: Hit) -> tuple[bool, float, int]:
            one = facts.get(described[hit.item.id])
            taken = None if one is None else one.taken_at
            sign = 1 if oldest else -1
            return (taken is None, sign * _seconds(taken), sign * hit.item.id)

        return sorted(hits, key=key)

    def _scenes(
        self, view: View, query: Query, groups: Sequence[Group]
    ) -> dict[int, Sequence[Scene]]:
        if not (query.collapse and query.finds):
            return {}
        films = {
            group.leader.item.id: group.film or group.leader.item.id
            for group in groups
            if group.film is not None or group.leader.item.modality is Modality.VIDEO
        }
        if not films:
            return {}
        aim = self._aim(view, query)
        return {
            id: scenes(self._line(view, aim, self._catalog.moments(film)))
            for id, film in films.items()
        }

    def _line(self, view: View, aim: Aim, moments: Sequence[Item]) -> Sequence[Scored]:
        vectors = self._stored_ids(view, Modality.IMAGE, [moment.id for moment in moments])
        scores = np.array(
            [
                float(vectors[moment.id] @ aim.toward[0]) if moment.id in vectors else np.nan
                for moment in moments
            ]
        )
        return timeline(moments, scores)

    def _stored(self, view: View, hits: Sequence[Hit]) -> dict[int, Vectors]:
        found: dict[int, Vectors] = {}
        for modality in view.indexes:
            ids = [hit.item.id for hit in hits if hit.item.modality is modality]
            found |= self._stored_ids(view, modality, ids)
        return found

    def _stored_ids(self, view: View, modality: Modality, ids: Sequence[int]) -> dict[int, Vectors]:
        """Returns the vectors of those ids that the index has, by id."""
        if not ids:
            return {}
        wanted, rows = view.stored(modality, np.array(ids, np.int64))
        return dict(zip(wanted.tolist(), rows, strict=True))

    def _excluded(self, query: Query, named: Sequence[int], target: Modality) -> Collection[int]:
        """Returns what a search should not find: what it has already."""
        excluded = set(query.seen).union(query.more, query.less)
        for id in named:
            excluded |= self._same(id, target)
        return excluded

    def _same(self, id: int, target: Modality) -> set[int]:
        """Returns what a search for things like the item should not find: it has them already."""
        item = self.item(id)
        if item.modality is Modality.VIDEO and target is Modality.IMAGE:
            return {id, *(moment.id for moment in self._catalog.moments(id))}
        if item.modality is Modality.IMAGE and target is Modality.VIDEO:
            return {id, *(film.id for film in self.films_of([item]).values())}
        return {id}


def _as_ranked(query: Query) -> bool:
    """Whether the best k, as they come, are the answer."""
    return not (query.collapse or query.diversity or (query.finds and query.sort is not Sort.SCORE))


def _described(item: Item) -> int:
    return item.id if item.about is None else item.about


def _seconds(taken: datetime | None) -> float:
    return 0.0 if taken is None else (taken - datetime(1, 1, 1)).total_seconds()


def _favourites(now: Now, items: Sequence[Item]) -> frozenset[int]:
    """Returns the ids of those items that are favourites, or belong to one."""
    ids = np.array([item.id for item in items], np.int64)
    found: set[int] = set()
    for modality in {item.modality for item in items}:
        all_of_them = now.among((Filter(Tagged(FAVOURITE)),), modality)
        if all_of_them is not None:
            found.update(ids[among(ids, all_of_them)].tolist())
    return frozenset(found)
