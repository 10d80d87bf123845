"""Small working stand-ins for the seams: all in memory, no files, no models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL.Image import Image

from indexer.filters import Filter
from indexer.types import (
    Counts,
    Facts,
    Ids,
    Item,
    Kind,
    Matches,
    Modality,
    Part,
    Pixels,
    Place,
    Skipped,
    Span,
    Vectors,
    Worded,
)
from tests.passing import Seen, passes


def unit(*rows: Sequence[float]) -> Vectors:
    """Returns the rows as float32 (n, dim), scaled to unit length."""
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def picture(id: int, path: str = "", *, root: str | Path = "/library", **more: object) -> Item:
    """Returns an item that is a picture."""
    return Item(
        id=id,
        root=str(root),
        path=path or f"{id}.jpg",
        kind=Kind.IMAGE,
        modality=Modality.IMAGE,
        width=more.get("width", 64),
        height=more.get("height", 48),
    )


def film(id: int, path: str, *, root: str | Path = "/library") -> Item:
    """Returns an item that is a whole film."""
    return replace(picture(id, path, root=root), kind=Kind.VIDEO, modality=Modality.VIDEO)


def moment(
    id: int, path: str, start_ms: int, end_ms: int, best_ms: int, *, root: str | Path = "/library"
) -> Item:
    """Returns an item that is a moment of the film of that path."""
    span = Span(start_ms, end_ms, best_ms)
    return replace(picture(id, path, root=root), kind=Kind.VIDEO, position=id, span=span)


def caption(
    id: int,
    text: str,
    *,
    about: int | None = None,
    path: str = "a.txt",
    span: Span | None = None,
    origin: str | None = None,
) -> Item:
    """Returns an item that is a caption."""
    return Item(
        id=id,
        root="/library",
        path=path,
        kind=Kind.CAPTION,
        modality=Modality.TEXT,
        text=text,
        about=about,
        span=span,
        origin=origin,
    )


class FakeCatalog:
    """The items that may be shown, in a dict.

    `told` are facts, `given` tags and `sizes` bytes, by the item's id, of a film or its moments;
    a test that alters what is here raises `edition`.
    """

    def __init__(self, items: Iterable[Item] = (), skipped: Sequence[Skipped] = ()) -> None:
        self.items = {item.id: item for item in items}
        self.failures = list(skipped)
        self.places: dict[int, list[Place]] = {}
        self.beside: dict[int, list[Place]] = {}
        self.cut_short: list[Skipped] = []
        self.told: dict[int, Facts] = {}
        self.given: dict[int, set[str]] = {}
        self.sizes: dict[int, int] = {}
        self.edition = 0

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        return {id: self.items[id] for id in ids if id in self.items}

    def captions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Item]]:
        found = {id: [item for item in self.items.values() if item.about == id] for id in ids}
        return {id: items for id, items in found.items() if items}

    def films(self, ids: Sequence[int]) -> Mapping[int, Item]:
        moments = [item for item in self.fetch(ids).values() if _is_moment(item)]
        whole = {
            (item.root, item.path): item
            for item in self.items.values()
            if item.modality is Modality.VIDEO
        }
        keys = {item.id: (item.root, item.path) for item in moments}
        return {id: whole[key] for id, key in keys.items() if key in whole}

    def moments(self, id: int) -> Sequence[Item]:
        item = self.items[id]
        same = [
            one
            for one in self.items.values()
            if (one.root, one.path) == (item.root, item.path) and _is_moment(one)
        ]
        return sorted(same, key=lambda one: one.position)

    def facts(self, ids: Sequence[int]) -> Mapping[int, Facts]:
        return {id: self.told[id] for id in ids if id in self.told}

    def companions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        return {id: self.beside[id] for id in ids if id in self.beside}

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        return {id: self.places[id] for id in ids if id in self.places}

    def counts(self) -> Counts:
        items = list(self.items.values())
        return Counts(
            items={m: sum(item.modality is m for item in items) for m in Modality},
            files={k: len({item.path for item in items if item.kind is k}) for k in Kind},
            skipped=len(self.failures),
            moments=sum(_is_moment(item) for item in items),
            partial=len(self.cut_short),
        )

    def pairs(self) -> tuple[Ids, Ids]:
        linked = [item for item in self.items.values() if item.about is not None]
        captions = np.array([item.id for item in linked], dtype=np.int64)
        return captions, np.array([item.about for item in linked], dtype=np.int64)

    def skipped(self, limit: int) -> Sequence[Skipped]:
        return self.failures[:limit]

    def partial(self, limit: int) -> Sequence[Skipped]:
        return self.cut_short[:limit]

    def matching(self, filters: Sequence[Filter], modality: Modality) -> Ids:
        found = sorted(
            item.id
            for item in self.items.values()
            if item.modality is modality and passes(filters, self.seen(item))
        )
        return np.array(found, dtype=np.int64)

    def dated(
        self, filters: Sequence[Filter], modality: Modality, limit: int, *, oldest: bool = False
    ) -> Sequence[int]:
        ids = self.matching(filters, modality).tolist()
        dates = {id: self.seen(self.items[id]).facts.taken_at for id in ids}
        dated = sorted((date, id) for id, date in dates.items() if date is not None)
        bare = [id for id, date in dates.items() if date is None]
        if oldest:
            return [*(id for _, id in dated), *bare][:limit]
        return [*(id for _, id in reversed(dated)), *reversed(bare)][:limit]

    def worded(self, words: str, modality: Modality, limit: int) -> Sequence[Worded]:
        found = []
        for item in self.items.values():
            if item.modality is not modality:
                continue
            said = [(one.text or "", one) for one in self._said(item)]
            places = [(item.path, None)] if item.modality is not Modality.TEXT else []
            for text, one in [*said, *places]:
                if words.casefold() in text.casefold():
                    spoken = one is not None and (one.origin or "").startswith("subtitle")
                    words_of = Part.SUBTITLE if spoken else Part.CAPTION
                    part = Part.NAME if one is None else words_of
                    score = len(words) / len(text)
                    found.append(Worded(item.id, part, score, text, one.id if one else None))
                    break
        return sorted(found, key=lambda one: (-one.score, one.id))[:limit]

    def tag(
        self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> int:
        items = [self._stands_for(item) for item in self.fetch(ids).values()]
        subjects = {item.id for item in items if item is not None}
        for id in subjects:
            self.given[id] = (self.given.get(id, set()) | set(add)) - set(remove)
        self.edition += 1
        return len(subjects)

    def tags(self) -> Mapping[str, int]:
        names = sorted(name for tags in self.given.values() for name in tags)
        return {name: names.count(name) for name in names}

    def tags_of(self, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        found = {}
        for item in self.fetch(ids).values():
            subject = self._stands_for(item)
            if subject is not None and self.given.get(subject.id):
                found[item.id] = sorted(self.given[subject.id])
        return found

    def changes(self) -> int:
        return self.edition

    def seen(self, item: Item) -> Seen:
        """Returns the item as conditions see it."""
        described = item if item.modality is not Modality.TEXT else self.items.get(item.about or 0)
        films = self.films([described.id]) if described else {}
        known = [one for one in (described, *films.values()) if one is not None]
        both = dict.fromkeys([item, *known])
        facts = next((self.told[one.id] for one in known if one.id in self.told), None)
        if facts is None and known:
            facts = Facts(width=known[0].width, height=known[0].height)
        copies = [place for one in known for place in self.places.get(one.id, ())]
        return Seen(
            item,
            facts or Facts(),
            places=[*(Place(one.root, one.path) for one in both), *copies],
            members=[one.member for one in both if one.member],
            said=[one.text or "" for one in self._said(item)],
            tags=self.tags_of([item.id]).get(item.id, ()),
            captioned=bool(self.captions([one.id for one in known])),
            size_bytes=next((self.sizes[one.id] for one in known if one.id in self.sizes), None),
        )

    def _stands_for(self, item: Item) -> Item | None:
        """Returns what is tagged in place of the item."""
        described = item if item.modality is not Modality.TEXT else self.items.get(item.about or 0)
        return self.films([described.id]).get(described.id, described) if described else None

    def _said(self, item: Item) -> Sequence[Item]:
        """Returns the captions that are words of the item: of a moment what is said meanwhile."""
        if item.modality is Modality.TEXT:
            return [item]
        film = self.films([item.id]).get(item.id)
        own = self.captions([item.id]).get(item.id, ())
        of_film = self.captions([film.id]).get(film.id, ()) if film else ()
        return [*own, *(one for one in of_film if _is_said_in(item, one))]


def _is_moment(item: Item) -> bool:
    return item.span is not None and item.modality is Modality.IMAGE


def _is_said_in(moment: Item, caption: Item) -> bool:
    if moment.span is None or caption.span is None:
        return True
    return caption.span.start_ms < moment.span.end_ms and moment.span.start_ms < caption.span.end_ms


class FakeIndex:
    """Exact search over float32 rows; `others` is what another process saved meanwhile."""

    def __init__(self, ids: Sequence[int] = (), vectors: Vectors | None = None) -> None:
        self.rows: dict[int, Vectors] = {}
        self.others: dict[int, Vectors] = {}
        self.generation = 0
        self.asked: list[int] = []
        if vectors is not None:
            self.add(np.array(ids, dtype=np.int64), vectors)

    @property
    def ids(self) -> Ids:
        return np.array(sorted(self.rows), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self.rows |= {int(id): vector for id, vector in zip(ids, vectors, strict=True)}

    def remove(self, ids: Ids) -> None:
        for id in ids:
            self.rows.pop(int(id), None)

    def search(self, queries: Vectors, k: int, among: Ids | None = None) -> Matches:
        self.asked.append(k)
        known = [id for id in sorted(self.rows) if among is None or id in among]
        found_ids = np.full((len(queries), k), -1, dtype=np.int64)
        found_scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        for row, query in enumerate(queries):
            scores = np.array([query @ self.rows[id] for id in known], dtype=np.float32)
            best = np.argsort(-scores, kind="stable")[:k]
            found_ids[row, : len(best)] = np.array(known, dtype=np.int64)[best]
            found_scores[row, : len(best)] = scores[best]
        return Matches(found_ids, found_scores)

    def vectors(self, ids: Ids) -> Vectors:
        return np.stack([self.rows[int(id)] for id in ids])

    def save(self) -> None:
        self.generation += 1

    def refresh(self) -> bool:
        if not self.others:
            return False
        self.rows, self.others = self.rows | self.others, {}
        self.generation += 1
        return True


@dataclass
class FakeEmbedder:
    """A model whose vector for each text is written down; a picture's is its mean colour."""

    texts: Mapping[str, Sequence[float]]
    name: str = "fake"
    fingerprint: str = "fake-1"
    dim: int = 3
    image_side: int = 8
    uses_cores: bool = True
    asked: list[str] = field(default_factory=list)

    def preprocess(self, image: Image) -> Pixels:
        small = image.convert("RGB").resize((8, 8))
        return np.asarray(small, dtype=np.float32).transpose(2, 0, 1) / 255

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        return unit(*(picture.mean(axis=(1, 2)) + 1e-3 for picture in pixels))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        self.asked.extend(texts)
        return unit(*(self.texts[text] for text in texts))


class FakeThumbnails:
    """Stored previews, in a dict."""

    def __init__(self, stored: Mapping[int, bytes] | None = None) -> None:
        self.stored = dict(stored or {})

    def read(self, item_id: int) -> bytes | None:
        return self.stored.get(item_id)
