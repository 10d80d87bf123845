"""What is known of items: one by one, and what belongs to those of an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.errors import BadQuery, NotFound, Unavailable
from indexer.tags import tag_names
from indexer.types import (
    Catalog,
    Counts,
    Facts,
    Item,
    Modality,
    Place,
    Skipped,
    Span,
    Tagger,
)


@dataclass(frozen=True, slots=True)
class Detail:
    """One item with its captions and copies, or with the picture or film that it describes.

    A moment comes with its film, and both with all moments of it; a moment's captions are those of
    the film that are said while it lasts, or that are about the film as a whole.
    """

    item: Item
    captions: Sequence[Item] = ()
    picture: Item | None = None
    copies: Sequence[Place] = ()
    companions: Sequence[Place] = ()
    film: Item | None = None
    moments: Sequence[Item] = ()
    facts: Facts | None = None
    tags: Sequence[str] = ()


class Lookup:
    """Reads a catalogue; safe to call from many threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def item(self, id: int) -> Item:
        """Returns the item.

        Raises:
            NotFound: the library does not have it, or may not show it yet.
        """
        item = self._catalog.fetch([id]).get(id)
        if item is None:
            raise NotFound(f"Item {id} is not in this library: it may have been removed since.")
        return item

    def detail(self, id: int) -> Detail:
        """Returns the item with all that belongs to it.

        Raises:
            NotFound: the library does not have it.
        """
        item = self.item(id)
        facts = self._catalog.facts([id]).get(id)
        tags = self.tags_of([id]).get(id, ())
        if item.modality is Modality.TEXT:
            picture = self.pictures_of([item]).get(item.about) if item.about is not None else None
            return Detail(item, picture=picture, facts=facts, tags=tags)
        film = self.films_of([item]).get(id)
        described = (film or item).id
        captions = self._catalog.captions([described]).get(described, ())
        return Detail(
            item,
            captions=[one for one in captions if _is_said_in(item, one)],
            copies=self._catalog.copies([id]).get(id, ()),
            companions=self._catalog.companions([id]).get(id, ()),
            film=film,
            moments=self._catalog.moments(id),
            facts=facts,
            tags=tags,
        )

    def moments(self, id: int) -> Sequence[Item]:
        """Returns the moments of the film that the item is, belongs to or describes, by time.

        Raises:
            NotFound: the library does not have the item, or it has nothing to do with a film.
        """
        item = self.item(id)
        about = item.about if item.modality is Modality.TEXT else None
        moments = self._catalog.moments(id if about is None else about)
        if not moments:
            raise NotFound(f"Item {id} is no film and not part of one: it has no moments.")
        return moments

    def pictured(self, id: int, at_ms: int | None = None) -> Item:
        """Returns the item whose preview stands for this one.

        For a film that is a moment: the one that holds the time `at_ms`, with that as its best
        frame, else the longest. Every other item stands for itself.

        Raises:
            NotFound: the library does not have it.
        """
        item = self.item(id)
        if item.modality is Modality.TEXT or (item.modality is Modality.IMAGE and at_ms is None):
            return item
        moments = self._catalog.moments(id)
        spans = [(moment, moment.span) for moment in moments if moment.span is not None]
        if not spans:
            return item
        if at_ms is None:
            return max(spans, key=lambda pair: pair[1].end_ms - pair[1].start_ms)[0]
        begun = [pair for pair in spans if pair[1].start_ms <= at_ms]
        moment, span = begun[-1] if begun else spans[0]
        inside = max(span.start_ms, min(at_ms, span.end_ms - 1))
        return replace(moment, span=Span(span.start_ms, span.end_ms, inside))

    def counts(self) -> Counts:
        """Returns how many items, files and skipped files the library holds."""
        return self._catalog.counts()

    def changes(self) -> int:
        """Returns how often the library was written into."""
        return self._catalog.changes()

    def skipped(self, limit: int) -> Sequence[Skipped]:
        """Returns the first `limit` files that could not be read, by path."""
        return self._catalog.skipped(limit)

    def partial(self, limit: int) -> Sequence[Skipped]:
        """Returns the first `limit` files that were read in part, by path, and what was not."""
        return self._catalog.partial(limit)

    def tags(self) -> Mapping[str, int]:
        """Returns all tags by name, and how many items have each."""
        return self._catalog.tags()

    def tags_of(self, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """Returns the tags of each item in order of name (absent if none)."""
        return self._catalog.tags_of(ids)

    def tag(
        self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> int:
        """Gives items tags and takes others away; returns how many pictures and films it did.

        Of a moment its film is tagged, of a caption what it describes. Unknown ids are passed over.

        Raises:
            BadQuery: there is no name, or one that can be no tag.
            Unavailable: the library cannot be written.
        """
        new, old = tag_names(add), tag_names(remove)
        if not new and not old:
            raise BadQuery("No tag is named: give one to add or to remove.")
        if not isinstance(self._catalog, Tagger):
            raise Unavailable("this library takes no tags")
        return self._catalog.tag(ids, add=new, remove=old)

    def pictures_of(self, items: Sequence[Item]) -> Mapping[int, Item]:
        """Returns, by id, the pictures and films that these items describe."""
        ids = sorted({item.about for item in items if item.about is not None})
        return self._catalog.fetch(ids) if ids else {}

    def films_of(self, items: Sequence[Item]) -> Mapping[int, Item]:
        """Returns the film of each moment among the items, by the moment's id."""
        ids = [item.id for item in items if _is_moment(item)]
        return self._catalog.films(ids) if ids else {}

    def durations_of(self, items: Sequence[Item]) -> Mapping[int, int]:
        """Returns the length of each film among the items, in milliseconds, by its id."""
        films = [item.id for item in items if item.modality is Modality.VIDEO]
        facts = self._catalog.facts(films) if films else {}
        return {id: one.duration_ms for id, one in facts.items() if one.duration_ms is not None}


def _is_moment(item: Item) -> bool:
    return item.modality is Modality.IMAGE and item.span is not None


def _is_said_in(item: Item, caption: Item) -> bool:
    """Whether a caption of the item's film belongs to it: to a moment, only what is said then."""
    if item.span is None or caption.span is None:
        return True
    return caption.span.start_ms < item.span.end_ms and item.span.start_ms < caption.span.end_ms
