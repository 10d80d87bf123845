"""The catalogue in any SQL database that SQLAlchemy speaks; SQLite and PostgreSQL are tested."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from sqlalchemy import (
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import aliased

from indexer.catalog.bulk import among, insert_rows, update_rows
from indexer.catalog.queries import FACTS, chunks, facts_of, shown, stored_facts
from indexer.catalog.reading import CatalogReader
from indexer.catalog.readonly import read_only_file
from indexer.catalog.schema import open_engine, translated
from indexer.catalog.tables import FileRow, ItemRow, LibraryRow, RootRow
from indexer.catalog.tagging import CHANGED, drop_tags, set_tags, spots_of, take_over
from indexer.errors import Unavailable
from indexer.tags import tag_names
from indexer.types import EmbeddedFile, Facts, Ids, Links, Skipped, SourceFile


class SqlCatalog(CatalogReader):
    """`Catalog` for readers, `CatalogWriter` for the indexer, and `Tagger` for users."""

    def __init__(self, url: str | Path) -> None:
        super().__init__(open_engine(url))
        self._writer = self._engine.execution_options(writes=True)
        self._root_ids: dict[str, int] = {}

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

    def heal(self) -> Ids:
        with self._writing() as connection:
            hidden = connection.execute(select(ItemRow.id).where(~ItemRow.searchable)).scalars()
            ids = np.sort(np.array(hidden.all(), np.int64))
            connection.execute(delete(ItemRow).where(~ItemRow.searchable))
            connection.execute(delete(FileRow).where(FileRow.state == "pending"))
            return ids

    def drop_roots(self, roots: Sequence[str]) -> None:
        with self._writing() as connection:
            held = select(FileRow.id).where(FileRow.root_id == RootRow.id).exists()
            connection.execute(delete(RootRow).where(RootRow.path.in_(roots), ~held))
        self._root_ids.clear()

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

    def forget(self, files: Sequence[SourceFile]) -> Ids:
        with self._writing() as connection:
            ids = self._known_ids(connection, files)
            gone = _released(connection, ids)
            for some in chunks(ids):
                connection.execute(delete(FileRow).where(self._among(FileRow.id, some)))
        return gone

    def keep_out(self, files: Sequence[SourceFile]) -> Ids:
        with self._writing() as connection:
            ids = self._known_ids(connection, files)
            gone = _released(connection, ids)
            out = {"state": "skipped", "reason": None, "forgotten": True}
            for some in chunks(ids):
                connection.execute(update(FileRow).where(self._among(FileRow.id, some)).values(out))
            drop_tags(connection, ids)
        return gone

    def copy(self, copies: Sequence[tuple[SourceFile, SourceFile]]) -> Ids:
        originals = {original.key: original for _, original in copies}
        with self._writing() as connection:
            known = self._settled_rows(connection, list(originals.values()))
            pairs = [(copy, known[one.key]) for copy, one in copies if one.key in known]
            file_ids = self._file_ids(connection, [copy for copy, _ in pairs])
            gone = _released(connection, list(file_ids.values()))
            _tags_follow(
                connection,
                {file_ids[one.key]: known[of.key].id for one, of in copies if of.key in known},
            )
            rows = [
                {
                    **_settled(copy, file_ids, facts_of(original)),
                    "state": original.state,
                    "reason": original.reason,
                    "copy_of": original.id if original.state == "indexed" else None,
                }
                for copy, original in pairs
            ]
            update_rows(connection, _FILES, rows)
        return gone

    def attach(self, companions: Sequence[tuple[SourceFile, SourceFile]]) -> Ids:
        with self._writing() as connection:
            known = self._settled_rows(connection, [primary for _, primary in companions])
            file_ids = self._file_ids(connection, [one for one, _ in companions])
            gone = _released(connection, list(file_ids.values()))
            _tags_follow(
                connection,
                {file_ids[one.key]: known[of.key].id for one, of in companions if of.key in known},
            )
            rows = [
                {
                    **_settled(one, file_ids, Facts()),
                    "companion_of": known[primary.key].id if primary.key in known else None,
                }
                for one, primary in companions
            ]
            update_rows(connection, _FILES, rows)
        return gone

    def tag(
        self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> int:
        """See `Tagger`.

        Raises:
            BadQuery: a name can be no tag.
            Unavailable: the catalogue cannot be written.
        """
        new, old = tag_names(add), tag_names(remove)
        if path := read_only_file(self._engine.url.database):
            raise Unavailable(
                f"the catalogue {path} cannot be written here, so nothing can be tagged. Tag where "
                "the library can be written."
            )
        with self._writing() as connection:
            spots = set(spots_of(connection, ids).values())
            set_tags(connection, sorted(spots), new, old)
        return len(spots)

    def _known_ids(self, connection: Connection, files: Sequence[SourceFile]) -> list[int]:
        """Returns the row ids of those files that are in the catalogue."""
        found: list[int] = []
        for root in sorted({file.root for file in files}):
            ours = FileRow.root_id == self._root_id(connection, root)
            for some in chunks([file.path for file in files if file.root == root]):
                query = select(FileRow.id).where(ours, self._among(FileRow.path, some))
                found.extend(connection.execute(query).scalars())
        return found

    def _settled_rows(
        self, connection: Connection, files: Sequence[SourceFile]
    ) -> "dict[tuple[str, str], Row[*tuple[Any, ...]]]":
        """Returns id, state, reason and facts of the files that were indexed or skipped."""
        query = (
            select(
                FileRow.id,
                FileRow.state,
                FileRow.reason,
                FileRow.path,
                RootRow.path.label("root"),
                *FACTS,
            )
            .join(RootRow, RootRow.id == FileRow.root_id)
            .where(FileRow.state != "pending")
        )
        ids = self._known_ids(connection, files)
        rows = (
            row
            for some in chunks(ids)
            for row in connection.execute(query.where(self._among(FileRow.id, some)))
        )
        return {(row.root, row.path): row for row in rows}

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
                    "about_position": item.about_position,
                    "width": item.width,
                    "height": item.height,
                    "start_ms": item.span.start_ms if item.span else None,
                    "end_ms": item.span.end_ms if item.span else None,
                    "best_ms": item.span.best_ms if item.span else None,
                    "origin": item.origin,
                    "member": item.member,
                    "searchable": False,
                }
                for file in files
                for item in file.items
            ]
            return np.array(insert_rows(connection, _ITEMS, rows), np.int64)

    def publish(
        self,
        done: Sequence[SourceFile | Skipped],
        facts: Mapping[SourceFile, Facts] = MappingProxyType({}),
    ) -> Ids:
        with self._writing() as connection:
            file_ids = self._file_ids(connection, map(_source, done))
            kept = self._kept(connection, done, file_ids)
            settled = [one for one in done if _source(one).key not in kept]
            gone = _released(connection, [file_ids[_source(one).key] for one in settled]).tolist()
            skipped = [file_ids[one.source.key] for one in done if isinstance(one, Skipped)]
            for some in chunks(skipped):
                hidden = and_(self._among(ItemRow.file_id, some), ItemRow.searchable != true())
                gone.extend(connection.execute(select(ItemRow.id).where(hidden)).scalars())
                connection.execute(delete(ItemRow).where(hidden))
            for some in chunks(list(file_ids.values())):
                show = (
                    update(ItemRow)
                    .where(self._among(ItemRow.file_id, some))
                    .values(searchable=True)
                )
                connection.execute(show)
            rows = [_settled(one, file_ids, facts.get(_source(one), Facts())) for one in settled]
            update_rows(connection, _FILES, rows)
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
            for some in chunks(list(unread))
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
            for some in chunks(paths):
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

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with translated(self._engine), self._writer.begin() as connection:
                connection.execute(CHANGED)
                yield connection
        except BaseException:
            self._root_ids.clear()  # some may be of rows that were not kept
            raise


_Original = aliased(FileRow)
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
    for some in chunks(file_ids):
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
        take_over(connection, heirs)
        for original, heir in heirs.items():
            theirs = and_(ItemRow.file_id == original, shown(ItemRow))
            connection.execute(update(ItemRow).where(theirs).values(file_id=heir))
            others = update(FileRow).where(FileRow.copy_of == original)
            connection.execute(others.values(copy_of=heir))
            connection.execute(update(FileRow).where(FileRow.id == heir).values(copy_of=None))
        alone = update(FileRow).where(or_(one_of(FileRow.id, some), one_of(FileRow.copy_of, some)))
        connection.execute(alone.values(copy_of=None))
        companions = update(FileRow).where(one_of(FileRow.companion_of, some))
        connection.execute(companions.values(companion_of=None))
        theirs = and_(one_of(ItemRow.file_id, some), shown(ItemRow))
        gone.extend(connection.execute(select(ItemRow.id).where(theirs)).scalars())
        connection.execute(delete(ItemRow).where(theirs))
    return np.array(gone, np.int64)


def _tags_follow(connection: Connection, files: Mapping[int, int]) -> None:
    """Leaves the tags of files that will have no items to the files that stand for them."""
    take_over(connection, files)
    drop_tags(connection, list(files))


def _source(done: SourceFile | Skipped) -> SourceFile:
    return done.source if isinstance(done, Skipped) else done


def _settled(
    done: SourceFile | Skipped, file_ids: Mapping[tuple[str, str], int], facts: Facts
) -> dict[str, Any]:
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
        "companion_of": None,
        "forgotten": False,
        **stored_facts(facts),
    }
