"""What a library holds: the half of the catalogue that only reads."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
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

from indexer.catalog.bulk import among
from indexer.catalog.copying import copy_database
from indexer.catalog.queries import (
    FAILED,
    IN_AT_MOST,
    OWN_AND_COPIED,
    UNREAD,
    Picture,
    PictureFile,
    by_item,
    captions_of,
    chunks,
    files_with,
    item_of,
    items_with,
    picture_files,
    shown,
    stored_file,
)
from indexer.catalog.schema import translated
from indexer.catalog.tables import FileRow, ItemRow, RootRow
from indexer.types import Counts, Ids, Item, Kind, Modality, Place, Skipped, SourceFile


class CatalogReader:
    """Reads the catalogue in an engine's database; safe to use from many threads."""

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
                # Two questions, not one: joined, SQLite reads all items for a thousand pictures.
                for paths in chunks(sorted({path for _, path in named})):
                    query = captions_of(self._among(ItemRow.about_path, paths))
                    for row in connection.execute(query):
                        if about := named.get((row.root_id, row.about_path)):
                            found.setdefault(about, []).append(item_of(row, about))
        return {id: found[id] for id in sorted(found)}

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        found: dict[int, list[Place]] = {}
        query = (
            select(ItemRow.id, RootRow.path.label("root"), FileRow.path)
            .join(FileRow, FileRow.copy_of == ItemRow.file_id)
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
            )

    def pairs(self) -> tuple[Ids, Ids]:
        query = items_with(ItemRow.id, Picture.id).where(
            ItemRow.modality == Modality.TEXT.value, Picture.id.is_not(None)
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).all()
        ids = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
        return np.ascontiguousarray(ids[:, 0]), np.ascontiguousarray(ids[:, 1])

    def skipped(self, limit: int) -> Sequence[Skipped]:
        query = (
            files_with(FileRow.reason)
            .where(FAILED)
            .order_by(RootRow.path, FileRow.path)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                Skipped(
                    stored_file(row),
                    row.reason or "",
                )
                for row in connection.execute(query)
            ]

    def places(self, ids: Sequence[int]) -> Mapping[int, Sequence[SourceFile]]:
        with self._reading() as connection:
            return by_item(
                row
                for some in chunks(ids)
                for held in OWN_AND_COPIED
                for row in connection.execute(
                    picture_files(held).where(self._among(ItemRow.id, some))
                )
            )

    def repeated(self) -> Mapping[int, Sequence[SourceFile]]:
        digests = (
            select(FileRow.digest)
            .where(
                FileRow.kind == Kind.IMAGE.value,
                FileRow.state == "indexed",
                FileRow.digest.is_not(None),
            )
            .group_by(FileRow.digest)
            .having(func.count() > 1)
        )
        with self._reading() as connection:
            return by_item(
                row
                for held in OWN_AND_COPIED
                for row in connection.execute(
                    picture_files(held).where(FileRow.digest.in_(digests))
                )
            )

    def backup(self, path: Path) -> None:
        """Writes all rows into a new SQLite file, as they are at one moment.

        Raises:
            Unavailable: the database does not answer, or the file cannot be written.
        """
        with translated(self._engine):
            copy_database(self._engine, path)

    def roots(self) -> Sequence[str]:
        with self._reading() as connection:
            return connection.execute(select(RootRow.path).order_by(RootRow.path)).scalars().all()

    def stored(self, root: str) -> Sequence[SourceFile]:
        query = (
            files_with()
            .where(RootRow.path == root, FileRow.state != "pending")
            .order_by(FileRow.path)
        )
        with self._reading() as connection:
            return [stored_file(row) for row in connection.execute(query)]

    def originals(self, sizes: Collection[int]) -> Sequence[SourceFile]:
        query = files_with().where(
            FileRow.kind == Kind.IMAGE.value,
            FileRow.state == "indexed",
            FileRow.copy_of.is_(None),
            FileRow.digest.is_not(None),
        )
        with self._reading() as connection:
            return [
                stored_file(row)
                for some in chunks(sorted(sizes))
                for row in connection.execute(query.where(self._among(FileRow.size_bytes, some)))
            ]

    def ids(self, modality: Modality) -> Ids:
        query = select(ItemRow.id).where(ItemRow.searchable, ItemRow.modality == modality.value)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).scalars().all()
        return np.array(rows, np.int64)

    def hidden(self) -> Ids:
        query = select(ItemRow.id).where(~ItemRow.searchable).order_by(ItemRow.id)
        with self._reading() as connection:
            return np.array(connection.execute(query).scalars().all(), np.int64)

    def sources(self, ids: Ids) -> Sequence[tuple[int, int, SourceFile]]:
        query = (
            files_with(ItemRow.id, ItemRow.position)
            .join(ItemRow, ItemRow.file_id == FileRow.id)
            .where(shown(ItemRow))
            .order_by(ItemRow.id)
        )
        with self._reading() as connection:
            return [
                (row.id, row.position, stored_file(row))
                for some in chunks(ids.tolist())
                for row in connection.execute(query.where(self._among(ItemRow.id, some)))
            ]

    def about_paths(self, ids: Ids) -> Mapping[int, str]:
        named = select(ItemRow.id, ItemRow.about_path).where(ItemRow.about_path.is_not(None))
        with self._reading() as connection:
            return {
                row.id: row.about_path or ""
                for some in chunks(ids.tolist())
                for row in connection.execute(named.where(self._among(ItemRow.id, some)))
            }

    def files_of(self, ids: Ids) -> Sequence[SourceFile]:
        found: set[SourceFile] = set()
        with self._reading() as connection:
            for some in chunks(ids.tolist()):
                for held in OWN_AND_COPIED:
                    query = files_with().join(ItemRow, ItemRow.file_id == held).distinct()
                    rows = connection.execute(query.where(self._among(ItemRow.id, some)))
                    found.update(map(stored_file, rows))
        return sorted(found, key=lambda file: file.key)

    def dangling(self) -> Sequence[SourceFile]:
        query = (
            files_with()
            .join(ItemRow, ItemRow.file_id == FileRow.id)
            .join(
                PictureFile,
                and_(
                    PictureFile.root_id == FileRow.root_id, PictureFile.path == ItemRow.about_path
                ),
                isouter=True,
            )
            .where(ItemRow.about_path.is_not(None), PictureFile.id.is_(None))
            .distinct()
        )
        with self._reading() as connection:
            found = map(stored_file, connection.execute(query))
            return sorted(found, key=lambda file: file.key)

    def kept_out(self) -> Sequence[SourceFile]:
        with self._reading() as connection:
            return [
                stored_file(row)
                for row in connection.execute(
                    files_with().where(FileRow.state == "skipped", FileRow.forgotten)
                )
            ]

    def changed(self, files: Sequence[SourceFile]) -> Sequence[SourceFile]:
        stored: dict[tuple[str, str], tuple[int, int] | None] = {}
        query = select(
            FileRow.path,
            FileRow.size_bytes,
            FileRow.mtime_ns,
            FileRow.forgotten,
            UNREAD.label("unread"),
        ).where(FileRow.state != "pending")
        with self._reading() as connection:
            for root in {file.root for file in files}:
                root_id = select(RootRow.id).where(RootRow.path == root).scalar_subquery()
                ours = query.where(FileRow.root_id == root_id)
                paths = [file.path for file in files if file.root == root]
                if len(paths) < IN_AT_MOST:  # else it is quicker to read all there are
                    ours = ours.where(self._among(FileRow.path, paths))
                for path, size, mtime, forgotten, unread in connection.execute(ours):
                    if not unread:
                        stored[root, path] = None if forgotten else (size, mtime)
        return [
            file
            for file in files
            if file.key not in stored
            or stored[file.key] not in (None, (file.size_bytes, file.mtime_ns))
        ]

    def _among(self, one: Any, values: Sequence[Any]) -> ColumnElement[bool]:
        return among(self._engine.dialect, one, values)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._engine), self._engine.begin() as connection:
            yield connection
