"""What a library holds: the half of the catalogue that only reads."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    and_,
    func,
    select,
)

from indexer.catalog.copying import copy_database
from indexer.catalog.queries import (
    FAILED,
    IN_AT_MOST,
    OWN_AND_COPIED,
    PARTIAL,
    UNREAD,
    WHOLE,
    PictureFile,
    by_item,
    chunks,
    files_with,
    picture_files,
    shown,
    stored_file,
)
from indexer.catalog.schema import translated
from indexer.catalog.tables import FileRow, ItemRow, RootRow
from indexer.catalog.worded import WordReader
from indexer.types import Ids, Modality, Skipped, SourceFile

_UNKNOWN = (-1, -1, "")


class CatalogReader(WordReader):
    """Reads the catalogue in an engine's database; safe to use from many threads."""

    def skipped(self, limit: int) -> Sequence[Skipped]:
        return self._remarks(FAILED, FileRow.reason, limit)

    def partial(self, limit: int) -> Sequence[Skipped]:
        return self._remarks(PARTIAL, FileRow.note, limit)

    def _remarks(self, condition: Any, remark: Any, limit: int) -> Sequence[Skipped]:
        query = (
            files_with(remark.label("remark"))
            .where(condition)
            .order_by(RootRow.path, FileRow.path)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                Skipped(stored_file(row), row.remark or "") for row in connection.execute(query)
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
                FileRow.kind.in_(WHOLE),
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
                    picture_files(held).where(FileRow.digest.in_(digests), ItemRow.position == 0)
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
            FileRow.kind.in_(WHOLE),
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
        return self.matching((), modality)

    def stills(self) -> Ids:
        query = select(ItemRow.id).where(
            ItemRow.searchable,
            ItemRow.modality == Modality.IMAGE.value,
            ItemRow.best_ms.is_(None),
            ItemRow.member.is_(None),
            ItemRow.position == 0,
        )
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

    def about(self, ids: Ids) -> Mapping[int, tuple[str | None, int | None]]:
        query = select(ItemRow.id, ItemRow.about_path, ItemRow.about_position).where(
            ItemRow.modality == Modality.TEXT.value
        )
        with self._reading() as connection:
            return {
                row.id: (row.about_path, row.about_position)
                for some in chunks(ids.tolist())
                for row in connection.execute(query.where(self._among(ItemRow.id, some)))
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

    def changed(self, files: Sequence[SourceFile], *, again: bool = False) -> Sequence[SourceFile]:
        stored: dict[tuple[str, str], tuple[int, int, str] | None] = {}
        query = select(
            FileRow.path,
            FileRow.size_bytes,
            FileRow.mtime_ns,
            FileRow.kind,
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
                for path, size, mtime, kind, forgotten, unread in connection.execute(ours):
                    if not unread:
                        stored[root, path] = None if forgotten else (size, mtime, kind)
        return [
            file
            for file in files
            if (known := stored.get(file.key, _UNKNOWN)) is not None
            and (again or known != (file.size_bytes, file.mtime_ns, file.kind.value))
        ]
