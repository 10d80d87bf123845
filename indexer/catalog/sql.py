"""The catalogue in any SQL database that SQLAlchemy speaks; SQLite and PostgreSQL are tested."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import aliased

from indexer.catalog.bulk import among, insert_rows, update_rows
from indexer.catalog.copying import copy_database
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
    Place,
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
        with self._reading() as connection:  # most often it did, and a reader need not write
            bound = connection.execute(select(LibraryRow.id)).scalar()
        if bound is not None:
            return bound
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
                for row in connection.execute(_items().where(self._among(ItemRow.id, some)))
            }

    def captions(self, ids: Sequence[int]) -> Mapping[int, Sequence[Item]]:
        found: dict[int, list[Item]] = {}
        with self._reading() as connection:
            for some in _chunks(ids):
                for row in connection.execute(_captions(self._among(_Picture.id, some))):
                    found.setdefault(row.about, []).append(_item(row))
        return found

    def copies(self, ids: Sequence[int]) -> Mapping[int, Sequence[Place]]:
        found: dict[int, list[Place]] = {}
        query = (
            select(ItemRow.id, RootRow.path.label("root"), FileRow.path)
            .join(FileRow, FileRow.copy_of == ItemRow.file_id)
            .join(RootRow, RootRow.id == FileRow.root_id)
            .where(_shown(ItemRow))
            .order_by(RootRow.path, FileRow.path)
        )
        with self._reading() as connection:
            for some in _chunks(ids):
                for row in connection.execute(query.where(self._among(ItemRow.id, some))):
                    found.setdefault(row.id, []).append(Place(row.root, row.path))
        return found

    def counts(self) -> Counts:
        items = select(ItemRow.modality, func.count()).where(ItemRow.searchable)
        files = select(FileRow.kind, func.count()).where(FileRow.state == "indexed")
        skipped = select(func.count()).where(_FAILED)
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
        query = _items(ItemRow.id, _Picture.id).where(
            ItemRow.modality == Modality.TEXT.value, _Picture.id.is_not(None)
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).all()
        ids = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
        return np.ascontiguousarray(ids[:, 0]), np.ascontiguousarray(ids[:, 1])

    def skipped(self, limit: int) -> Sequence[Skipped]:
        query = (
            _files(FileRow.reason).where(_FAILED).order_by(RootRow.path, FileRow.path).limit(limit)
        )
        with self._reading() as connection:
            return [
                Skipped(
                    _stored_file(row),
                    row.reason or "",
                )
                for row in connection.execute(query)
            ]

    def places(self, ids: Sequence[int]) -> Mapping[int, Sequence[SourceFile]]:
        with self._reading() as connection:
            return _by_item(
                row
                for some in _chunks(ids)
                for row in connection.execute(_picture_files().where(self._among(ItemRow.id, some)))
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
            return _by_item(connection.execute(_picture_files().where(FileRow.digest.in_(digests))))

    def backup(self, path: Path) -> None:
        """Writes all rows into a new SQLite file, as they are at one moment.

        Raises:
            Unavailable: the database does not answer, or the file cannot be written.
        """
        with translated(self._engine):
            copy_database(self._engine, path)

    # --- for the indexer

    def hidden(self) -> Ids:
        query = select(ItemRow.id).where(~ItemRow.searchable).order_by(ItemRow.id)
        with self._reading() as connection:
            return np.array(connection.execute(query).scalars().all(), np.int64)

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
            _files().where(RootRow.path == root, FileRow.state != "pending").order_by(FileRow.path)
        )
        with self._reading() as connection:
            return [_stored_file(row) for row in connection.execute(query)]

    def originals(self, sizes: Collection[int]) -> Sequence[SourceFile]:
        query = _files().where(
            FileRow.kind == Kind.IMAGE.value,
            FileRow.state == "indexed",
            FileRow.copy_of.is_(None),
            FileRow.digest.is_not(None),
        )
        with self._reading() as connection:
            return [
                _stored_file(row)
                for some in _chunks(sorted(sizes))
                for row in connection.execute(query.where(self._among(FileRow.size_bytes, some)))
            ]

    def ids(self, modality: Modality) -> Ids:
        query = select(ItemRow.id).where(ItemRow.searchable, ItemRow.modality == modality.value)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(ItemRow.id)).scalars().all()
        return np.array(rows, np.int64)

    def sources(self, ids: Ids) -> Sequence[tuple[int, int, SourceFile]]:
        query = (
            _files(ItemRow.id, ItemRow.position)
            .join(ItemRow, ItemRow.file_id == FileRow.id)
            .where(_shown(ItemRow))
            .order_by(ItemRow.id)
        )
        with self._reading() as connection:
            return [
                (row.id, row.position, _stored_file(row))
                for some in _chunks(ids.tolist())
                for row in connection.execute(query.where(self._among(ItemRow.id, some)))
            ]

    def about_paths(self, ids: Ids) -> Mapping[int, str]:
        named = select(ItemRow.id, ItemRow.about_path).where(ItemRow.about_path.is_not(None))
        with self._reading() as connection:
            return {
                row.id: row.about_path or ""
                for some in _chunks(ids.tolist())
                for row in connection.execute(named.where(self._among(ItemRow.id, some)))
            }

    def drop_roots(self, roots: Sequence[str]) -> None:
        with self._writing() as connection:
            held = select(FileRow.id).where(FileRow.root_id == RootRow.id).exists()
            connection.execute(delete(RootRow).where(RootRow.path.in_(roots), ~held))
        self._root_ids.clear()

    def files_of(self, ids: Ids) -> Sequence[SourceFile]:
        found: set[SourceFile] = set()
        query = _files().join(
            ItemRow, or_(ItemRow.file_id == FileRow.id, ItemRow.file_id == FileRow.copy_of)
        )
        with self._reading() as connection:
            for some in _chunks(ids.tolist()):
                rows = connection.execute(query.where(self._among(ItemRow.id, some)).distinct())
                found.update(map(_stored_file, rows))
        return sorted(found, key=lambda file: file.key)

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
            _files()
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
            found = map(_stored_file, connection.execute(query))
            return sorted(found, key=lambda file: file.key)

    def forget(self, files: Sequence[SourceFile]) -> Ids:
        with self._writing() as connection:
            ids = self._known_ids(connection, files)
            gone = _released(connection, ids)
            for some in _chunks(ids):
                connection.execute(delete(FileRow).where(self._among(FileRow.id, some)))
        return gone

    def keep_out(self, files: Sequence[SourceFile]) -> Ids:
        with self._writing() as connection:
            ids = self._known_ids(connection, files)
            gone = _released(connection, ids)
            out = {"state": "skipped", "reason": None, "forgotten": True}
            for some in _chunks(ids):
                connection.execute(update(FileRow).where(self._among(FileRow.id, some)).values(out))
        return gone

    def kept_out(self) -> Sequence[SourceFile]:
        with self._reading() as connection:
            return [
                _stored_file(row)
                for row in connection.execute(
                    _files().where(FileRow.state == "skipped", FileRow.forgotten)
                )
            ]

    def copy(self, copies: Sequence[tuple[SourceFile, SourceFile]]) -> Ids:
        originals = {original.key: original for _, original in copies}
        with self._writing() as connection:
            known = self._settled_rows(connection, list(originals.values()))
            pairs = [(copy, known[one.key]) for copy, one in copies if one.key in known]
            file_ids = self._file_ids(connection, [copy for copy, _ in pairs])
            gone = _released(connection, list(file_ids.values()))
            rows = [
                {
                    **_settled(copy, file_ids),
                    "state": original.state,
                    "reason": original.reason,
                    "copy_of": original.id if original.state == "indexed" else None,
                }
                for copy, original in pairs
            ]
            update_rows(connection, _FILES, rows)
        return gone

    def _known_ids(self, connection: Connection, files: Sequence[SourceFile]) -> list[int]:
        """Returns the row ids of those files that are in the catalogue."""
        found: list[int] = []
        for root in sorted({file.root for file in files}):
            ours = FileRow.root_id == self._root_id(connection, root)
            for some in _chunks([file.path for file in files if file.root == root]):
                query = select(FileRow.id).where(ours, self._among(FileRow.path, some))
                found.extend(connection.execute(query).scalars())
        return found

    def _settled_rows(
        self, connection: Connection, files: Sequence[SourceFile]
    ) -> "dict[tuple[str, str], Row[int, str, str | None, str, str]]":
        """Returns id, state and reason of the files that were indexed or skipped."""
        query = (
            select(
                FileRow.id,
                FileRow.state,
                FileRow.reason,
                FileRow.path,
                RootRow.path.label("root"),
            )
            .join(RootRow, RootRow.id == FileRow.root_id)
            .where(FileRow.state != "pending")
        )
        ids = self._known_ids(connection, files)
        rows = (
            row
            for some in _chunks(ids)
            for row in connection.execute(query.where(self._among(FileRow.id, some)))
        )
        return {(row.root, row.path): row for row in rows}

    def changed(self, files: Sequence[SourceFile]) -> Sequence[SourceFile]:
        stored: dict[tuple[str, str], tuple[int, int] | None] = {}
        query = select(
            FileRow.path,
            FileRow.size_bytes,
            FileRow.mtime_ns,
            FileRow.forgotten,
            _UNREAD.label("unread"),
        ).where(FileRow.state != "pending")
        with self._reading() as connection:
            for root in {file.root for file in files}:
                root_id = select(RootRow.id).where(RootRow.path == root).scalar_subquery()
                ours = query.where(FileRow.root_id == root_id)
                paths = [file.path for file in files if file.root == root]
                if len(paths) < _IN_AT_MOST:  # else it is quicker to read all there are
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
            return np.array(insert_rows(connection, _ITEMS, rows), np.int64)

    def publish(self, done: Sequence[SourceFile | Skipped]) -> Ids:
        with self._writing() as connection:
            file_ids = self._file_ids(connection, map(_source, done))
            kept = self._kept(connection, done, file_ids)
            settled = [one for one in done if _source(one).key not in kept]
            gone = _released(connection, [file_ids[_source(one).key] for one in settled]).tolist()
            skipped = [file_ids[one.source.key] for one in done if isinstance(one, Skipped)]
            for some in _chunks(skipped):
                hidden = and_(self._among(ItemRow.file_id, some), ItemRow.searchable != true())
                gone.extend(connection.execute(select(ItemRow.id).where(hidden)).scalars())
                connection.execute(delete(ItemRow).where(hidden))
            for some in _chunks(list(file_ids.values())):
                show = (
                    update(ItemRow)
                    .where(self._among(ItemRow.file_id, some))
                    .values(searchable=True)
                )
                connection.execute(show)
            update_rows(connection, _FILES, [_settled(one, file_ids) for one in settled])
            return np.array(gone, np.int64)

    def _kept(
        self,
        connection: Connection,
        done: Sequence[SourceFile | Skipped],
        file_ids: Mapping[tuple[str, str], int],
    ) -> set[tuple[str, str]]:
        """Returns the files that were indexed and that cannot be read just now: they stay."""
        unread = {
            file_ids[one.source.key]: one.source.key
            for one in done
            if isinstance(one, Skipped) and one.source.digest is None
        }
        indexed = select(FileRow.id).where(FileRow.state == "indexed")
        return {
            unread[row]
            for some in _chunks(list(unread))
            for row in connection.execute(indexed.where(self._among(FileRow.id, some))).scalars()
        }

    def _file_ids(
        self, connection: Connection, sources: Iterable[SourceFile]
    ) -> dict[tuple[str, str], int]:
        """Returns the row id of each file, making pending rows for files not seen before."""
        wanted = {source.key: source for source in sources}
        found: dict[tuple[str, str], int] = {}
        for root in sorted({root for root, _ in wanted}):
            root_id = self._root_id(connection, root)
            paths = [path for other, path in wanted if other == root]
            for some in _chunks(paths):
                query = select(FileRow.path, FileRow.id).where(
                    FileRow.root_id == root_id, self._among(FileRow.path, some)
                )
                found.update({(root, row.path): row.id for row in connection.execute(query)})
            unknown = [path for path in paths if (root, path) not in found]
            rows = [
                {
                    "root_id": root_id,
                    "path": path,
                    "kind": wanted[root, path].kind.value,
                    "size_bytes": 0,
                    "mtime_ns": 0,
                    "state": "pending",
                }
                for path in unknown
            ]
            new = insert_rows(connection, _FILES, rows)
            found.update({(root, path): one for path, one in zip(unknown, new, strict=True)})
        return found

    def _root_id(self, connection: Connection, path: str) -> int:
        if path not in self._root_ids:
            found = connection.execute(select(RootRow.id).where(RootRow.path == path)).scalar()
            if found is None:
                new = insert(RootRow).returning(RootRow.id)
                found = connection.execute(new, {"path": path}).scalar_one()
            self._root_ids[path] = found
        return self._root_ids[path]

    def _among(self, one: Any, values: Sequence[Any]) -> ColumnElement[bool]:
        return among(self._engine.dialect, one, values)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self._engine), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with translated(self._engine), self._writer.begin() as connection:
                yield connection
        except BaseException:
            self._root_ids.clear()  # some may be of rows that were not kept
            raise


_Picture = aliased(ItemRow)
_PictureFile = aliased(FileRow)
_Original = aliased(FileRow)
_ITEM = (
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
_FAILED = and_(FileRow.state == "skipped", ~FileRow.forgotten)
_UNREAD = and_(_FAILED, FileRow.digest.is_(None))
_FILES = cast(Table, FileRow.__table__)
_ITEMS = cast(Table, ItemRow.__table__)
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
        # Asked for each caption found by its path; as a join, databases list all files of a root.
        select(FileRow.root_id).where(FileRow.id == ItemRow.file_id).scalar_subquery()
        == bindparam("new_root"),
    )
    .values(about_path=bindparam("new_path"))
)


def _released(connection: Connection, file_ids: Sequence[int]) -> Ids:
    """Returns the ids of the items that the files showed, now deleted.

    A copy inherits the items of its original instead, unless it is among the files itself; one of
    the same root goes first.
    """
    one_of = partial(among, connection.dialect)
    gone: list[int] = []
    leaving = set(file_ids)
    for some in _chunks(file_ids):
        heirs: dict[int, int] = {}
        copies = (
            select(FileRow.id, FileRow.copy_of)
            .join(_Original, _Original.id == FileRow.copy_of)
            .where(one_of(FileRow.copy_of, some))
            .order_by(FileRow.root_id != _Original.root_id, FileRow.path)
        )
        for row in connection.execute(copies):
            if row.id not in leaving:
                heirs.setdefault(row.copy_of, row.id)
        for original, heir in heirs.items():
            theirs = and_(ItemRow.file_id == original, _shown(ItemRow))
            connection.execute(update(ItemRow).where(theirs).values(file_id=heir))
            others = update(FileRow).where(FileRow.copy_of == original)
            connection.execute(others.values(copy_of=heir))
            connection.execute(update(FileRow).where(FileRow.id == heir).values(copy_of=None))
        alone = update(FileRow).where(or_(one_of(FileRow.id, some), one_of(FileRow.copy_of, some)))
        connection.execute(alone.values(copy_of=None))
        shown = and_(one_of(ItemRow.file_id, some), _shown(ItemRow))
        gone.extend(connection.execute(select(ItemRow.id).where(shown)).scalars())
        connection.execute(delete(ItemRow).where(shown))
    return np.array(gone, np.int64)


def _source(done: SourceFile | Skipped) -> SourceFile:
    return done.source if isinstance(done, Skipped) else done


def _settled(done: SourceFile | Skipped, file_ids: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    source = _source(done)
    return {
        "id": file_ids[source.key],
        "kind": source.kind.value,
        "size_bytes": source.size_bytes,
        "mtime_ns": source.mtime_ns,
        "state": "skipped" if isinstance(done, Skipped) else "indexed",
        "digest": source.digest,
        "reason": done.reason if isinstance(done, Skipped) else None,
        "copy_of": None,
        "forgotten": False,
    }


def _items(*columns: Any) -> "Select[*tuple[Any, ...]]":
    """Selects of items that may be shown what `_item` needs, or other columns.

    The picture that a caption is about is that of the file named there, or of the file that this
    one is a copy of.
    """
    return (
        select(*(columns or _ITEM))
        .select_from(ItemRow)
        .join(FileRow, FileRow.id == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .join(
            _PictureFile,
            and_(_PictureFile.root_id == FileRow.root_id, _PictureFile.path == ItemRow.about_path),
            isouter=True,
        )
        .join(
            _Picture,
            and_(
                _Picture.file_id == func.coalesce(_PictureFile.copy_of, _PictureFile.id),
                _Picture.position == 0,
                _shown(_Picture),
            ),
            isouter=True,
        )
        .where(_shown(ItemRow))
    )


def _captions(pictures: ColumnElement[bool]) -> "Select[*tuple[Any, ...]]":
    """Selects the captions of these pictures: as `_items`, joined from the other end."""
    chosen = and_(pictures, _shown(_Picture), _Picture.position == 0)
    named = union_all(
        *(
            select(_Picture.id.label("about"), _PictureFile.root_id, _PictureFile.path)
            .join(_PictureFile, held == _Picture.file_id)
            .where(chosen)
            for held in (_PictureFile.id, _PictureFile.copy_of)
        )
    ).subquery()
    return (
        select(*_ITEM[:-1], named.c.about)
        .select_from(named)
        .join(ItemRow, ItemRow.about_path == named.c.path)
        .join(FileRow, and_(FileRow.id == ItemRow.file_id, FileRow.root_id == named.c.root_id))
        .join(RootRow, RootRow.id == FileRow.root_id)
        .where(_shown(ItemRow))
        .order_by(named.c.about, FileRow.path, ItemRow.position)
    )


def _files(*columns: Any) -> "Select[*tuple[Any, ...]]":
    """Selects of files what `_stored_file` needs, and other columns."""
    return (
        select(
            RootRow.path.label("root"),
            FileRow.path,
            FileRow.kind,
            FileRow.size_bytes,
            FileRow.mtime_ns,
            FileRow.digest,
            *columns,
        )
        .select_from(FileRow)
        .join(RootRow, RootRow.id == FileRow.root_id)
    )


def _picture_files() -> "Select[*tuple[Any, ...]]":
    """Selects the files that hold pictures, exact copies included, with the pictures' ids."""
    return (
        _files(ItemRow.id)
        .join(ItemRow, or_(ItemRow.file_id == FileRow.id, ItemRow.file_id == FileRow.copy_of))
        .where(_shown(ItemRow), ItemRow.modality == Modality.IMAGE.value)
        .order_by(ItemRow.id, RootRow.path, FileRow.path)
    )


def _by_item(rows: "Iterable[Row[*tuple[Any, ...]]]") -> Mapping[int, Sequence[SourceFile]]:
    found: dict[int, list[SourceFile]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(_stored_file(row))
    return found


def _shown(item: type[ItemRow]) -> ColumnElement[bool]:
    """Whether the item may be shown, of rows that are found by something else.

    As an inequality, or SQLite takes the index on `searchable`, which leads to all items.
    """
    return item.searchable != false()


def _stored_file(row: Row[Any]) -> SourceFile:
    return SourceFile(row.root, row.path, Kind(row.kind), row.size_bytes, row.mtime_ns, row.digest)


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
