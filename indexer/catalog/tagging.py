"""Tags that users give, kept with the file and the position of what they stand for."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from indexer.catalog.bulk import among
from indexer.catalog.items import ItemReader
from indexer.catalog.queries import Picture, chunks, items_with, shown
from indexer.catalog.tables import ChangesRow, ItemRow, TagRow
from indexer.types import Modality

Spot = tuple[int, int]
"""A file and a position in it."""

CHANGED = update(ChangesRow).values(number=ChangesRow.number + 1)
"""What each writing transaction begins with, so that readers know what they read by its number."""

_TAG = (TagRow.file_id, TagRow.position, TagRow.name)
_ONE = delete(TagRow).where(
    TagRow.file_id == bindparam("file"),
    TagRow.position == bindparam("at"),
    TagRow.name == bindparam("tag"),
)


class TagReader(ItemReader):
    """Reads tags; safe to use from many threads."""

    def tags(self) -> Mapping[str, int]:
        query = (
            select(TagRow.name, func.count())
            .join(
                ItemRow,
                and_(ItemRow.file_id == TagRow.file_id, ItemRow.position == TagRow.position),
            )
            .where(shown(ItemRow), ItemRow.modality != Modality.TEXT.value)
            .group_by(TagRow.name)
        )
        with self._reading() as connection:
            return dict(sorted((name, count) for name, count in connection.execute(query)))

    def tags_of(self, ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        with self._reading() as connection:
            spots = spots_of(connection, ids)
            known: dict[Spot, list[str]] = {}
            for some in chunks(sorted({file_id for file_id, _ in spots.values()})):
                query = select(*_TAG).where(self._among(TagRow.file_id, some))
                for row in connection.execute(query):
                    known.setdefault((row.file_id, row.position), []).append(row.name)
        return {id: sorted(known[spot]) for id, spot in spots.items() if spot in known}

    def changes(self) -> int:
        with self._reading() as connection:
            return connection.execute(select(ChangesRow.number)).scalar() or 0


def spots_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, Spot]:
    """Returns where the tags of these items are kept; absent where they can have none.

    A moment has those of its film, which is at 0, a caption those of what it describes.
    """
    query = items_with(
        ItemRow.id,
        ItemRow.modality,
        ItemRow.file_id,
        ItemRow.position,
        ItemRow.best_ms,
        Picture.file_id.label("about_file"),
        Picture.position.label("about_position"),
        Picture.best_ms.label("about_ms"),
    )
    found: dict[int, Spot] = {}
    for some in chunks(ids):
        for row in connection.execute(query.where(among(connection.dialect, ItemRow.id, some))):
            if row.modality != Modality.TEXT.value:
                found[row.id] = (row.file_id, row.position if row.best_ms is None else 0)
            elif row.about_file is not None:
                found[row.id] = (row.about_file, row.about_position if row.about_ms is None else 0)
    return found


def set_tags(
    connection: Connection, spots: Iterable[Spot], add: Sequence[str], remove: Sequence[str]
) -> None:
    """Gives all of them these tags, and takes others away."""
    touched = [
        {"file": file_id, "at": position, "tag": name}
        for file_id, position in spots
        for name in {*add, *remove}
    ]
    if touched:
        connection.execute(_ONE, touched)
    if new := [
        {"file_id": row["file"], "position": row["at"], "name": row["tag"]}
        for row in touched
        if row["tag"] not in remove
    ]:
        connection.execute(insert(TagRow), new)


def take_over(connection: Connection, heirs: Mapping[int, int]) -> None:
    """Gives files, the second of each pair, the tags of the first ones too."""
    for some in chunks(sorted(heirs)):
        query = select(*_TAG).where(among(connection.dialect, TagRow.file_id, some))
        for row in connection.execute(query).all():
            set_tags(connection, [(heirs[row.file_id], row.position)], [row.name], ())


def drop_tags(connection: Connection, file_ids: Sequence[int]) -> None:
    """Takes all tags of these files away."""
    for some in chunks(file_ids):
        theirs = among(connection.dialect, TagRow.file_id, some)
        connection.execute(delete(TagRow).where(theirs))
