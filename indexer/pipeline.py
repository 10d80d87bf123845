"""Bulk-index a folder: the whole story on one page.

    files -> engine (read, preprocess, embed) -> checkpoint, again and again:
        1. rows, hidden     catalog.add
        2. thumbnails
        3. vectors          index.add, index.save
        4. rows, shown      catalog.publish: new rows appear, rows they replace go, in one step
        5. old vectors      index.remove, durable with the next save

A crash between any two steps shows nothing half done: hidden rows are deleted by `heal` at the next
start and their files count as not indexed; a vector without a row is never shown, and its id is
never given out again.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from indexer.thumbnails import Thumbnails
from indexer.types import (
    CatalogWriter,
    EmbeddedFile,
    Engine,
    Facts,
    Ids,
    Kind,
    Modality,
    Progress,
    Skipped,
    SourceFile,
    VectorIndex,
)


@dataclass(slots=True)
class Report:
    """What a run did; files are counted once whole, items as they come.

    `moments` are those pictures that are stretches of films; `partial` are the files that were read
    in part, with what was left out.
    """

    files: dict[Kind, int] = field(default_factory=dict)
    items: dict[Modality, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    partial: list[Skipped] = field(default_factory=list)
    moments: int = 0
    seconds: float = 0.0

    def count(self, result: EmbeddedFile | Skipped) -> None:
        if isinstance(result, Skipped):
            self.skipped.append(result)
            return
        self.items[result.modality] = self.items.get(result.modality, 0) + len(result.items)
        if result.modality is Modality.IMAGE:
            self.moments += sum(item.span is not None for item in result.items)
        if result.last:
            self.files[result.source.kind] = self.files.get(result.source.kind, 0) + 1
            if result.facts is not None and result.facts.note:
                self.partial.append(Skipped(result.source, result.facts.note))


def bulk_index(
    files: Iterable[SourceFile],
    *,
    engine: Engine,
    catalog: CatalogWriter,
    indexes: Mapping[Modality, VectorIndex],
    thumbnails: Thumbnails,
    progress: Progress = lambda _: None,
    checkpoint_items: int = 4096,
    checkpoint_s: float = 15.0,
) -> Report:
    """Embeds the files and makes them searchable; returns what was done.

    Work is made durable at a checkpoint, after that many items or seconds, whichever comes first.
    A run that was interrupted goes on from its last checkpoint when it is started again.
    """
    checkpoint = _Checkpoint(catalog, indexes, thumbnails)
    report = Report()
    started = last = time.monotonic()
    try:
        for result in engine.run(files):
            checkpoint.take(result)
            report.count(result)
            progress(result)
            if checkpoint.items >= checkpoint_items or time.monotonic() - last >= checkpoint_s:
                checkpoint.write()
                last = time.monotonic()
    except KeyboardInterrupt:
        checkpoint.write()
        raise
    checkpoint.write()
    checkpoint.save()
    report.seconds = time.monotonic() - started
    return report


def heal(
    catalog: CatalogWriter, indexes: Mapping[Modality, VectorIndex], thumbnails: Thumbnails
) -> None:
    """Clears away what a crashed run left; to be called once before a run.

    Hidden rows go, and the vectors and previews of rows that are gone. Previews go first, vectors
    last: after a crash in here, rows or vectors still tell of what is left to clear away.
    """
    _forget_previews(catalog.hidden(), thumbnails)
    _remove(catalog.heal(), indexes)
    rows = catalog.counts().items  # counting is cheap, and most often there is nothing to do
    for modality, index in indexes.items():
        # On the word of an empty catalogue, which may be a wrong one, no vector is given up.
        if len(index) != rows.get(modality, 0) and any(rows.values()):
            strays = np.setdiff1d(index.ids, catalog.ids(modality), assume_unique=True)
            _forget_previews(strays, thumbnails)
            index.remove(strays)
        index.save()


class _Checkpoint:
    """Results that are not durable yet, and how they become so."""

    def __init__(
        self,
        catalog: CatalogWriter,
        indexes: Mapping[Modality, VectorIndex],
        thumbnails: Thumbnails,
    ) -> None:
        self._catalog = catalog
        self._indexes = indexes
        self._thumbnails = thumbnails
        self._embedded: list[EmbeddedFile] = []
        self._done: list[SourceFile | Skipped] = []
        self._facts: dict[SourceFile, Facts] = {}
        self.items = 0

    def take(self, result: EmbeddedFile | Skipped) -> None:
        if isinstance(result, Skipped):
            self._done.append(result)
            return
        self._embedded.append(result)
        self.items += len(result.items)
        if result.last:
            self._done.append(result.source)
            if result.facts is not None:
                self._facts[result.source] = result.facts

    def write(self) -> None:
        ids = self._catalog.add(self._embedded)
        self._write_thumbnails(ids)
        self._add_vectors(ids)
        self.save()
        gone = self._catalog.publish(self._done, self._facts)
        _remove(gone, self._indexes)
        _forget_previews(gone, self._thumbnails)
        self._embedded, self._done, self._facts, self.items = [], [], {}, 0

    def save(self) -> None:
        for index in self._indexes.values():
            index.save()

    def _write_thumbnails(self, ids: Ids) -> None:
        items = (item for file in self._embedded for item in file.items)
        for item_id, item in zip(ids.tolist(), items, strict=True):
            if item.thumbnail is not None:
                self._thumbnails.write(item_id, item.thumbnail)

    def _add_vectors(self, ids: Ids) -> None:
        start = 0
        by_modality: dict[Modality, list[tuple[Ids, EmbeddedFile]]] = {}
        for file in self._embedded:
            end = start + len(file.items)
            by_modality.setdefault(file.modality, []).append((ids[start:end], file))
            start = end
        for modality, parts in by_modality.items():
            self._indexes[modality].add(
                np.concatenate([some for some, _ in parts]),
                np.concatenate([file.vectors for _, file in parts]),
            )


def _forget_previews(ids: Ids, thumbnails: Thumbnails) -> None:
    for item_id in ids.tolist():
        thumbnails.remove(item_id)


def _remove(ids: Ids, indexes: Mapping[Modality, VectorIndex]) -> None:
    if len(ids):
        for index in indexes.values():
            index.remove(ids)
