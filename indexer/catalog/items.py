"""What may be shown of a library: items, what belongs to them, and how many there are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    func,
    select,
)

from indexer.catalog.bulk import among, as_given, given
from indexer.catalog.queries import (
    FAILED,
    OWN_AND_COPIED,
    PARTIAL,
    Moment,
    Picture,
    captions_of,
    chunks,
    facts_of,
    facts_with,
    films_with,
    item_of,
    items_with,
    own_captions,
    pointing,
    shown,
)
from indexer.catalog.schema import translated
from indexer.catalog.tables import FileRow, ItemRow
from indexer.types import Counts, Facts, Ids, Item, Kind, Modality, Place


class ItemReader:
    """Reads the items of the catalogue in an engine's database; safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

        # Made once: putting such statements together takes longer than a database to answer them.
        one_of = given(engine.dialect, ItemRow.id)
        self._items = items_with().where(one_of)
        self._films = films_with().where(given(engine.dialect, Moment.id))
        self._facts = facts_with().where(one_of)
        self._companions = pointing(FileRow.companion_of).where(one_of)
        self._copies = pointing(FileRow.copy_of).where(one_of)

    def close(self) -> None:
        self._engine.dispose()

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        with self._reading() as connection:
            return {
                row.id: item_of(row, row.about)
                for some in chunks(ids)
                for row in connection.execute(self._items, self._given(some))
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
        with self._reading() as connection:
            return {
                row.moment: item_of(row, row.about)
                for some in chunks(ids)
                for row in connection.execute(self._films, self._given(some))
            }

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
        with self._reading() as connection:
            found = {
                row.id: facts_of(row)
                for some in chunks(ids)
                for row in connection.execute(self._facts, self._given(some))
            }
        return {id: facts for id, facts in found.items() if facts != Facts()}

    def companions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        return self._beside(self._companions, ids)

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        return self._beside(self._copies, ids)

    def _beside(
        self, query: "Select[*tuple[Any, ...]]", ids: Sequence[int]
    ) -> Mapping[int, Sequence[Place]]:
        """Returns, for each item, the files that point to the one it is part of."""
        found: dict[int, list[Place]] = {}
        with self._reading() as connection:
            for some in chunks(ids):
                for row in connection.execute(query, self._given(some)):
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

    def _given(self, ids: Sequence[int]) -> Mapping[str, Any]:
        return as_given(self._engine.dialect, ids)

    def _among(self, one: Any, values: Sequence[Any]) -> ColumnElement[bool]:
        return among(self._engine.dialect, one, values)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._engine), self._engine.begin() as connection:
            yield connection
