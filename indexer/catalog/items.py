"""What may be shown of a library: items, what belongs to them, and how many there are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    func,
    select,
)
from sqlalchemy.orm import aliased

from indexer.catalog.bulk import among
from indexer.catalog.queries import (
    FACTS,
    FAILED,
    OWN_AND_COPIED,
    PARTIAL,
    Picture,
    captions_of,
    chunks,
    facts_of,
    item_of,
    items_with,
    own_captions,
    shown,
)
from indexer.catalog.schema import translated
from indexer.catalog.tables import FileRow, ItemRow, RootRow
from indexer.types import Counts, Facts, Ids, Item, Kind, Modality, Place


class ItemReader:
    """Reads the items of the catalogue in an engine's database; safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        self._engine.dispose()

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        with self._reading() as connection:
            return {
                row.id: item_of(row, row.about)
                for some in chunks(ids)
                for row in connection.execute(items_with().where(self._among(ItemRow.id, some)))
            }

    def captions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Item]]:
        found: dict[int, list[Item]] = {}
        with self._reading() as connection:
            for some in chunks(ids):
                named = {
                    (row.root_id, row.path): row.id
                    for held in OWN_AND_COPIED
                    for row in connection.execute(
                        select(ItemRow.id, FileRow.root_id, FileRow.path)
                        .join(ItemRow, ItemRow.file_id == held)
                        .where(self._among(ItemRow.id, some), shown(ItemRow), ItemRow.position == 0)
                    )
                }
                own = own_captions().where(self._among(Picture.id, some))
                for row in connection.execute(own):
                    found.setdefault(row.about, []).append(item_of(row, row.about))
                # Two questions, not one: joined, SQLite reads all items for a thousand pictures.
                for paths in chunks(sorted({path for _, path in named})):
                    query = captions_of(self._among(ItemRow.about_path, paths))
                    for row in connection.execute(query):
                        if about := named.get((row.root_id, row.about_path)):
                            found.setdefault(about, []).append(item_of(row, about))
        return {id: found[id] for id in sorted(found)}

    def films(self, ids: Sequence[int]) -> Mapping[int, Item]:
        film = aliased(ItemRow)
        query = (
            select(ItemRow.id, film.id.label("film"))
            .join(film, and_(film.file_id == ItemRow.file_id, film.position == 0, shown(film)))
            .where(
                ItemRow.best_ms.is_not(None),
                ItemRow.modality == Modality.IMAGE.value,
                film.modality == Modality.VIDEO.value,
            )
        )
        with self._reading() as connection:
            found = {
                row.id: row.film
                for some in chunks(ids)
                for row in connection.execute(query.where(self._among(ItemRow.id, some)))
            }
        items = self.fetch(sorted(set(found.values())))
        return {id: items[film_id] for id, film_id in found.items() if film_id in items}

    def moments(self, id: int) -> Sequence[Item]:
        file_id = select(ItemRow.file_id).where(ItemRow.id == id).scalar_subquery()
        query = items_with().where(
            ItemRow.file_id == file_id,
            ItemRow.best_ms.is_not(None),
            ItemRow.modality == Modality.IMAGE.value,
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.position))
            return [item_of(row, row.about) for row in rows]

    def facts(self, ids: Sequence[int]) -> Mapping[int, Facts]:
        query = (
            select(ItemRow.id, *FACTS)
            .join(ItemRow, ItemRow.file_id == FileRow.id)
            .where(shown(ItemRow))
        )
        with self._reading() as connection:
            found = {
                row.id: facts_of(row)
                for some in chunks(ids)
                for row in connection.execute(query.where(self._among(ItemRow.id, some)))
            }
        return {id: facts for id, facts in found.items() if facts != Facts()}

    def companions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        return self._beside(FileRow.companion_of, ids)

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        return self._beside(FileRow.copy_of, ids)

    def _beside(self, pointer: Any, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        """Returns, for each item, the files that point to the one it is part of."""
        found: dict[int, list[Place]] = {}
        query = (
            select(ItemRow.id, RootRow.path.label("root"), FileRow.path)
            .join(FileRow, pointer == ItemRow.file_id)
            .join(RootRow, RootRow.id == FileRow.root_id)
            .where(shown(ItemRow))
            .order_by(RootRow.path, FileRow.path)
        )
        with self._reading() as connection:
            for some in chunks(ids):
                for row in connection.execute(query.where(self._among(ItemRow.id, some))):
                    found.setdefault(row.id, []).append(Place(row.root, row.path))
        return found

    def counts(self) -> Counts:
        items = select(ItemRow.modality, func.count()).where(ItemRow.searchable)
        files = select(FileRow.kind, func.count()).where(FileRow.state == "indexed")
        skipped = select(func.count()).where(FAILED)
        copies = select(func.count()).where(FileRow.copy_of.is_not(None))
        moments = select(func.count()).where(
            ItemRow.best_ms.is_not(None),
            ItemRow.modality == Modality.IMAGE.value,
            ItemRow.searchable,
        )
        partial = select(func.count()).where(PARTIAL)
        with self._reading() as connection:
            return Counts(
                items={
                    Modality(modality): count
                    for modality, count in connection.execute(items.group_by(ItemRow.modality))
                },
                files={
                    Kind(kind): count
                    for kind, count in connection.execute(files.group_by(FileRow.kind))
                },
                skipped=connection.execute(skipped).scalar_one(),
                copies=connection.execute(copies).scalar_one(),
                moments=connection.execute(moments).scalar_one(),
                partial=connection.execute(partial).scalar_one(),
            )

    def pairs(self) -> tuple[Ids, Ids]:
        query = items_with(ItemRow.id, Picture.id).where(
            ItemRow.modality == Modality.TEXT.value, Picture.modality == Modality.IMAGE.value
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).all()
        ids = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
        return np.ascontiguousarray(ids[:, 0]), np.ascontiguousarray(ids[:, 1])

    def _among(self, one: Any, values: Sequence[Any]) -> ColumnElement[bool]:
        return among(self._engine.dialect, one, values)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._engine), self._engine.begin() as connection:
            yield connection
