"""The items of a library again, by another model: a second space while the first one serves.

    captions  their texts from the catalogue         -> vectors under the ids that they have
    pictures  their files, as they were indexed      -> the same
              their previews, where a file is out of reach or is no longer what was indexed
    films     the new vectors of their moments       -> the same

Rows stay as they are, so there is nothing to undo: a run that was stopped goes on with the ids that
have no vector yet.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from PIL.Image import Image

from indexer.pooling import Pool
from indexer.types import (
    Catalog,
    CatalogWriter,
    Embedder,
    Engine,
    Ids,
    Modality,
    Skipped,
    SourceFile,
    VectorIndex,
    Vectors,
)

_BLOCK = 4096

Progress = Callable[[int], None]
"""Called with the number of items that have just got a vector."""


class Items(Catalog, CatalogWriter, Protocol):
    """Both halves of the catalogue."""


@dataclass(slots=True)
class Reembedded:
    """What was done: items by modality, how many pictures from previews, and which not at all."""

    items: dict[Modality, int] = field(default_factory=dict)
    previews: int = 0
    missing: list[SourceFile] = field(default_factory=list)
    seconds: float = 0.0


def lacking(catalog: CatalogWriter, indexes: Mapping[Modality, VectorIndex]) -> int:
    """Returns how many items have no vector in these indexes."""
    return sum(len(_without(catalog, modality, index)) for modality, index in indexes.items())


def reembed(
    catalog: Items,
    indexes: Mapping[Modality, VectorIndex],
    *,
    embedder: Embedder,
    engine: Engine,
    preview: Callable[[int], Image | None],
    progress: Progress = lambda _: None,
    batch_size: int = 32,
    checkpoint_s: float = 15.0,
) -> Reembedded:
    """Gives each item of the catalogue a vector in `indexes`, and returns what was done.

    Args:
        catalog: The library's items.
        indexes: The new space.
        embedder: The new space's model.
        engine: Reads pictures for that model.
        preview: Returns the stored small picture of an item, by id, None where there is none.
        progress: Told how the work goes on.
        batch_size: Texts and previews embedded at once.
        checkpoint_s: Work is made durable after so many seconds.
    """
    done = Reembedded()
    started = saved = time.monotonic()
    for modality, index in indexes.items():
        index.remove(np.setdiff1d(index.ids, catalog.ids(modality)))
        done.items[modality] = 0
        ids = _without(catalog, modality, index)
        for start in range(0, len(ids), _BLOCK):
            block = ids[start : start + _BLOCK]
            match modality:
                case Modality.TEXT:
                    parts = _texts(catalog, block, embedder, batch_size)
                case Modality.IMAGE:
                    parts = _pictures(catalog, block, embedder, engine, preview, batch_size, done)
                case Modality.VIDEO:
                    parts = _films(catalog, block, indexes[Modality.IMAGE])
            for some, vectors in parts:
                index.add(some, vectors)
                done.items[modality] += len(some)
                progress(len(some))
                if time.monotonic() - saved >= checkpoint_s:
                    index.save()
                    saved = time.monotonic()
        index.save()
    done.seconds = time.monotonic() - started
    return done


def _without(catalog: CatalogWriter, modality: Modality, index: VectorIndex) -> Ids:
    return np.setdiff1d(catalog.ids(modality), index.ids, assume_unique=True)


def _texts(
    catalog: Items, ids: Ids, embedder: Embedder, batch_size: int
) -> Iterator[tuple[Ids, Vectors]]:
    items = catalog.fetch(ids.tolist())
    for start in range(0, len(ids), batch_size):
        some = ids[start : start + batch_size]
        yield some, embedder.embed_texts([items[one].text or "" for one in some.tolist()])


def _films(catalog: Items, ids: Ids, moments: VectorIndex) -> Iterator[tuple[Ids, Vectors]]:
    known = moments.ids
    for film in ids.tolist():
        spans = {one.id: one.span for one in catalog.moments(film) if one.span is not None}
        there = np.intersect1d(np.array(list(spans), np.int64), known)
        pool = Pool()
        pool.add(moments.vectors(there), [spans[one] for one in there.tolist()])
        if (vector := pool.vector()) is not None:
            yield np.array([film], np.int64), vector


def _pictures(
    catalog: Items,
    ids: Ids,
    embedder: Embedder,
    engine: Engine,
    preview: Callable[[int], Image | None],
    batch_size: int,
    done: Reembedded,
) -> Iterator[tuple[Ids, Vectors]]:
    places = catalog.sources(ids)
    stored = {file.key: file for _, _, file in places}
    wanted = {(file.key, position): id for id, position, file in places}
    # Read again what they hold: a file that changed since belongs to the next run, not to its row.
    unread = [replace(file, digest=None) for file in stored.values()]
    for result in engine.run(unread):
        if isinstance(result, Skipped) or result.modality is not Modality.IMAGE:
            continue
        if _same(result.source, stored[result.source.key]):
            keys = [(result.source.key, item.position) for item in result.items]
            known = [row for row, key in enumerate(keys) if key in wanted]
            some = np.array([wanted.pop(keys[row]) for row in known], np.int64)
            yield some, result.vectors[known]
    left = sorted(wanted.values())
    for start in range(0, len(left), batch_size):
        found = [(id, preview(id)) for id in left[start : start + batch_size]]
        seen = [(id, image) for id, image in found if image is not None]
        if seen:
            pixels = [embedder.preprocess(image) for _, image in seen]
            yield np.array([id for id, _ in seen], np.int64), embedder.embed_images(pixels)
        done.previews += len(seen)
        lost = {id for id, image in found if image is None}
        done.missing += [file for id, _, file in places if id in lost]


def _same(read: SourceFile, stored: SourceFile) -> bool:
    """Whether the file holds what was indexed; libraries of old know no digest."""
    if stored.digest is None:
        stat = stored.location.stat()
        return (stat.st_size, stat.st_mtime_ns) == (stored.size_bytes, stored.mtime_ns)
    return read.digest == stored.digest
