"""Small working stand-ins for the seams: all in memory, no files, no models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL.Image import Image

from indexer.types import (
    Counts,
    Facts,
    Ids,
    Item,
    Kind,
    Matches,
    Modality,
    Pixels,
    Place,
    Skipped,
    Span,
    Vectors,
)


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
    """The items that may be shown, in a dict."""

    def __init__(self, items: Iterable[Item] = (), skipped: Sequence[Skipped] = ()) -> None:
        self.items = {item.id: item for item in items}
        self.failures = list(skipped)
        self.places: dict[int, list[Place]] = {}
        self.beside: dict[int, list[Place]] = {}
        self.cut_short: list[Skipped] = []
        self.told: dict[int, Facts] = {}

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


def _is_moment(item: Item) -> bool:
    return item.span is not None and item.modality is Modality.IMAGE


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
