"""The catalogue in any SQL database that SQLAlchemy speaks; SQLite and PostgreSQL are tested."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import aliased

from indexer.catalog.schema import open_engine, translated
from indexer.catalog.tables import FileRow, ItemRow, LibraryRow, RootRow
from indexer.types import (
    Counts,
    EmbeddedFile,
    Ids,
    Item,
    Kind,
    Links,
    Modality,
    Skipped,
    SourceFile,
)

_IN_AT_MOST = 5_000  # bound parameters of one statement; SQLite allows 32,766
_T = TypeVar("_T")


class SqlCatalog:
    """Both halves of the catalogue: `Catalog` for readers, `CatalogWriter` for the indexer."""

    def __init__(self, url: str | Path) -> None:
        self._engine = open_engine(url)
        self._writer = self._engine.execution_options(writes=True)
        self._root_ids: dict[str, int] = {}

    def close(self) -> None:
        self._engine.dispose()

    def bind(self, library_id: str) -> str:
        """Returns the id of the library that owns this catalogue: the given one if none did yet."""
        with self._writing() as connection:
            bound = connection.execute(select(LibraryRow.id)).scalar()
            if bound is None:
                connection.execute(insert(LibraryRow), {"id": library_id})
            return bound or library_id

    # --- for readers

    def fetch(self, ids: Sequence[int]) -> Mapping[int, Item]:
        with self._reading() as connection:
            return {
                row.id: _item(row)
                for some in _chunks(ids)
                for row in connection.execute(_items().where(ItemRow.id.in_(some)))
            }

    def captions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Item]]:
        found: dict[int, list[Item]] = {}
        with self._reading() as connection:
            for some in _chunks(ids):
                query = _items(with_picture=True).where(_Picture.id.in_(some))
                for row in connection.execute(
                    query.order_by(_Picture.id, FileRow.path, ItemRow.position)
                ):
                    found.setdefault(row.about, []).append(_item(row))
        return found

    def counts(self) -> Counts:
        items = select(ItemRow.modality, func.count()).where(ItemRow.searchable)
        files = select(FileRow.kind, func.count()).where(FileRow.state == "indexed")
        skipped = select(func.count()).where(FileRow.state == "skipped")
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
            )

    def pairs(self) -> tuple[Ids, Ids]:
        linked = _items(with_picture=True).where(ItemRow.modality == Modality.TEXT.value)
        query = linked.with_only_columns(ItemRow.id, _Picture.id, maintain_column_froms=True)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).all()
        ids = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
        return np.ascontiguousarray(ids[:, 0]), np.ascontiguousarray(ids[:, 1])

    def skipped(self, limit: int) -> Sequence[Skipped]:
        query = (
            select(
                RootRow.path.label("root"),
                FileRow.path,
                FileRow.kind,
                FileRow.size_bytes,
                FileRow.mtime_ns,
                FileRow.reason,
            )
            .join(RootRow, RootRow.id == FileRow.root_id)
            .where(FileRow.state == "skipped")
            .order_by(RootRow.path, FileRow.path)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                Skipped(
                    SourceFile(row.root, row.path, Kind(row.kind), row.size_bytes, row.mtime_ns),
                    row.reason or "",
                )
                for row in connection.execute(query)
            ]

    # --- for the indexer

    def heal(self) -> Ids:
        with self._writing() as connection:
            hidden = connection.execute(select(ItemRow.id).where(~ItemRow.searchable)).scalars()
            ids = np.array(hidden.all(), np.int64)
            connection.execute(delete(ItemRow).where(~ItemRow.searchable))
            connection.execute(delete(FileRow).where(FileRow.state == "pending"))
            return ids

    def roots(self) -> Sequence[str]:
        with self._reading() as connection:
            return connection.execute(select(RootRow.path).order_by(RootRow.path)).scalars().all()

    def stored(self, root: str) -> Sequence[SourceFile]:
        query = (
            select(FileRow.path, FileRow.kind, FileRow.size_bytes, FileRow.mtime_ns, FileRow.digest)
            .join(RootRow, RootRow.id == FileRow.root_id)
            .where(RootRow.path == root, FileRow.state != "pending")
            .order_by(FileRow.path)
        )
        with self._reading() as connection:
            return [
                SourceFile(root, row.path, Kind(row.kind), row.size_bytes, row.mtime_ns, row.digest)
                for row in connection.execute(query)
            ]

    def ids(self, modality: Modality) -> Ids:
        query = select(ItemRow.id).where(ItemRow.searchable, ItemRow.modality == modality.value)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).scalars().all()
        return np.array(rows, np.int64)

    def files_of(self, ids: Ids) -> Sequence[SourceFile]:
        found: set[tuple[str, str]] = set()
        query = (
            select(RootRow.path.label("root"), FileRow.path)
            .join(RootRow, RootRow.id == FileRow.root_id)
            .join(ItemRow, ItemRow.file_id == FileRow.id)
        )
        with self._reading() as connection:
            for some in _chunks(ids.tolist()):
                rows = connection.execute(query.where(ItemRow.id.in_(some)))
                found.update((row.root, row.path) for row in rows)
        return self._stored_files(found)

    def _stored_files(self, keys: Collection[tuple[str, str]]) -> Sequence[SourceFile]:
        roots = sorted({root for root, _ in keys})
        return [file for root in roots for file in self.stored(root) if file.key in keys]

    def move(
        self,
        moves: Sequence[tuple[SourceFile, SourceFile]],
        links: Mapping[SourceFile, Links] = MappingProxyType({}),
    ) -> None:
        with self._writing() as connection:
            rows = [
                {
                    "old_root": self._root_id(connection, old.root),
                    "old_path": old.path,
                    "new_root": self._root_id(connection, new.root),
                    "new_path": new.path,
                    "new_size": new.size_bytes,
                    "new_mtime": new.mtime_ns,
                }
                for old, new in moves
            ]
            connection.execute(_MOVE, rows)
            if renamed := [row for row in rows if row["old_path"] != row["new_path"]]:
                connection.execute(_FOLLOW, renamed)
            self._link(connection, links)

    def relink(self, links: Mapping[SourceFile, Links]) -> None:
        with self._writing() as connection:
            self._link(connection, links)

    def _link(self, connection: Connection, links: Mapping[SourceFile, Links]) -> None:
        file_ids = self._file_ids(connection, list(links))
        rows = [
            {"file": file_ids[file.key], "at": position, "new_path": about}
            for file, pairs in links.items()
            for position, about in pairs
        ]
        if rows:
            connection.execute(_LINK, rows)

    def dangling(self) -> Sequence[SourceFile]:
        query = (
            select(RootRow.path.label("root"), FileRow.path)
            .join(RootRow, RootRow.id == FileRow.root_id)
            .join(ItemRow, ItemRow.file_id == FileRow.id)
            .join(
                _PictureFile,
                and_(
                    _PictureFile.root_id == FileRow.root_id, _PictureFile.path == ItemRow.about_path
                ),
                isouter=True,
            )
            .where(ItemRow.about_path.is_not(None), _PictureFile.id.is_(None))
            .distinct()
        )
        with self._reading() as connection:
            found = {(row.root, row.path) for row in connection.execute(query)}
        return self._stored_files(found)

    def forget(self, files: Sequence[SourceFile]) -> Ids:
        gone: list[int] = []
        with self._writing() as connection:
            for root in sorted({file.root for file in files}):
                root_id = self._root_id(connection, root)
                for some in _chunks([file.path for file in files if file.root == root]):
                    ours = select(FileRow.id).where(
                        FileRow.root_id == root_id, FileRow.path.in_(some)
                    )
                    items = ItemRow.file_id.in_(ours)
                    gone.extend(connection.execute(select(ItemRow.id).where(items)).scalars())
                    connection.execute(delete(ItemRow).where(items))
                    connection.execute(
                        delete(FileRow).where(FileRow.root_id == root_id, FileRow.path.in_(some))
                    )
        return np.array(gone, np.int64)

    def changed(self, files: Sequence[SourceFile]) -> Sequence[SourceFile]:
        stored: dict[tuple[str, str], tuple[int, int]] = {}
        query = select(FileRow.path, FileRow.size_bytes, FileRow.mtime_ns).where(
            FileRow.state != "pending"
        )
        with self._reading() as connection:
            for root in {file.root for file in files}:
                root_id = select(RootRow.id).where(RootRow.path == root).scalar_subquery()
                for row in connection.execute(query.where(FileRow.root_id == root_id)):
                    stored[root, row.path] = (row.size_bytes, row.mtime_ns)
        return [file for file in files if stored.get(file.key) != (file.size_bytes, file.mtime_ns)]

    def add(self, files: Sequence[EmbeddedFile]) -> Ids:
        with self._writing() as connection:
            file_ids = self._file_ids(connection, [file.source for file in files])
            rows = [
                {
                    "file_id": file_ids[file.source.key],
                    "modality": file.modality.value,
                    "position": item.position,
                    "text": item.text,
                    "about_path": item.about,
                    "width": item.width,
                    "height": item.height,
                    "searchable": False,
                }
                for file in files
                for item in file.items
            ]
            if not rows:
                return np.empty(0, np.int64)
            new = insert(ItemRow).returning(ItemRow.id, sort_by_parameter_order=True)
            return np.array(connection.execute(new, rows).scalars().all(), np.int64)

    def publish(self, done: Sequence[SourceFile | Skipped]) -> Ids:
        sources = [one.source if isinstance(one, Skipped) else one for one in done]
        with self._writing() as connection:
            file_ids = self._file_ids(connection, sources)
            skipped = [file_ids[one.source.key] for one in done if isinstance(one, Skipped)]
            gone: list[int] = []
            for some in _chunks(list(file_ids.values())):
                old = select(ItemRow.id).where(ItemRow.file_id.in_(some), ItemRow.searchable)
                gone.extend(connection.execute(old).scalars())
            for some in _chunks(skipped):
                hidden = select(ItemRow.id).where(ItemRow.file_id.in_(some), ~ItemRow.searchable)
                gone.extend(connection.execute(hidden).scalars())
            for some in _chunks(gone):
                connection.execute(delete(ItemRow).where(ItemRow.id.in_(some)))
            for some in _chunks(list(file_ids.values())):
                show = update(ItemRow).where(ItemRow.file_id.in_(some)).values(searchable=True)
                connection.execute(show)
            if done:
                connection.execute(_SETTLE, [_settled(one, file_ids) for one in done])
            return np.array(gone, np.int64)

    def _file_ids(
        self, connection: Connection, sources: Iterable[SourceFile]
    ) -> dict[tuple[str, str], int]:
        """Returns the row id of each file, making pending rows for files not seen before."""
        wanted = {source.key: source for source in sources}
        found: dict[tuple[str, str], int] = {}
        for root in {root for root, _ in wanted}:
            root_id = self._root_id(connection, root)
            paths = [path for other, path in wanted if other == root]
            for some in _chunks(paths):
                query = select(FileRow.path, FileRow.id).where(
                    FileRow.root_id == root_id, FileRow.path.in_(some)
                )
                found.update({(root, row.path): row.id for row in connection.execute(query)})
            rows = [
                {
                    "root_id": root_id,
                    "path": path,
                    "kind": wanted[root, path].kind.value,
                    "size_bytes": 0,
                    "mtime_ns": 0,
                    "state": "pending",
                }
                for path in paths
                if (root, path) not in found
            ]
            if rows:
                new = insert(FileRow).returning(FileRow.path, FileRow.id)
                found.update({(root, row.path): row.id for row in connection.execute(new, rows)})
        return found

    def _root_id(self, connection: Connection, path: str) -> int:
        if path not in self._root_ids:
            found = connection.execute(select(RootRow.id).where(RootRow.path == path)).scalar()
            if found is None:
                new = insert(RootRow).returning(RootRow.id)
                found = connection.execute(new, {"path": path}).scalar_one()
            self._root_ids[path] = found
        return self._root_ids[path]

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._engine), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with translated(self._engine), self._writer.begin() as connection:
            yield connection


_Picture = aliased(ItemRow)
_PictureFile = aliased(FileRow)
_SETTLE = (
    update(FileRow)
    .where(FileRow.id == bindparam("file_id"))
    .values(
        kind=bindparam("new_kind"),
        size_bytes=bindparam("new_size"),
        mtime_ns=bindparam("new_mtime"),
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        digest=bindparam("new_digest"),
    )
)
_MOVE = (
    update(FileRow)
    .where(FileRow.root_id == bindparam("old_root"), FileRow.path == bindparam("old_path"))
    .values(
        root_id=bindparam("new_root"),
        path=bindparam("new_path"),
        size_bytes=bindparam("new_size"),
        mtime_ns=bindparam("new_mtime"),
    )
)
_LINK = (
    update(ItemRow)
    .where(ItemRow.file_id == bindparam("file"), ItemRow.position == bindparam("at"))
    .values(about_path=bindparam("new_path"))
)
_FOLLOW = (
    update(ItemRow)
    .where(
        ItemRow.about_path == bindparam("old_path"),
        ItemRow.file_id.in_(select(FileRow.id).where(FileRow.root_id == bindparam("new_root"))),
    )
    .values(about_path=bindparam("new_path"))
)


def _settled(done: SourceFile | Skipped, file_ids: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    source = done.source if isinstance(done, Skipped) else done
    return {
        "file_id": file_ids[source.key],
        "new_kind": source.kind.value,
        "new_size": source.size_bytes,
        "new_mtime": source.mtime_ns,
        "new_state": "skipped" if isinstance(done, Skipped) else "indexed",
        "new_digest": source.digest,
        "new_reason": done.reason if isinstance(done, Skipped) else None,
    }


def _items(*, with_picture: bool = False) -> "Select[*tuple[Any, ...]]":
    """Selects what `_item` needs of items that may be shown; of captions with a picture only."""
    return (
        select(
            ItemRow.id,
            ItemRow.modality,
            ItemRow.position,
            ItemRow.text,
            ItemRow.width,
            ItemRow.height,
            FileRow.path,
            FileRow.kind,
            RootRow.path.label("root"),
            _Picture.id.label("about"),
        )
        .join(FileRow, FileRow.id == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .join(
            _PictureFile,
            and_(_PictureFile.root_id == FileRow.root_id, _PictureFile.path == ItemRow.about_path),
            isouter=not with_picture,
        )
        .join(
            _Picture,
            and_(_Picture.file_id == _PictureFile.id, _Picture.position == 0, _Picture.searchable),
            isouter=not with_picture,
        )
        .where(ItemRow.searchable)
    )


def _item(row: Row[Any]) -> Item:
    return Item(
        id=row.id,
        root=row.root,
        path=row.path,
        kind=Kind(row.kind),
        modality=Modality(row.modality),
        position=row.position,
        text=row.text,
        about=row.about,
        width=row.width,
        height=row.height,
    )


def _chunks(values: Sequence[_T]) -> Iterator[list[_T]]:
    remaining = iter(values)
    while some := list(islice(remaining, _IN_AT_MOST)):
        yield some
