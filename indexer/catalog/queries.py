"""The selections that reading and writing the catalogue share, and the records they become."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    false,
    func,
    select,
)
from sqlalchemy.orm import aliased

from indexer.catalog.tables import FileRow, ItemRow, RootRow
from indexer.types import Facts, Item, Kind, Modality, SourceFile, Span, TakenFrom

IN_AT_MOST = 5_000  # bound parameters of one statement; SQLite allows 32,766
_T = TypeVar("_T")

Picture = aliased(ItemRow)
PictureFile = aliased(FileRow)
Moment = aliased(ItemRow)
ITEM = (
    ItemRow.id,
    ItemRow.modality,
    ItemRow.position,
    ItemRow.text,
    ItemRow.width,
    ItemRow.height,
    ItemRow.start_ms,
    ItemRow.end_ms,
    ItemRow.best_ms,
    ItemRow.origin,
    ItemRow.member,
    FileRow.path,
    FileRow.kind,
    RootRow.path.label("root"),
    Picture.id.label("about"),
)
FACTS = tuple(getattr(FileRow, one.name) for one in fields(Facts))
FAILED = and_(FileRow.state == "skipped", ~FileRow.forgotten)
PARTIAL = FileRow.note.is_not(None)
WHOLE = (Kind.IMAGE.value, Kind.VIDEO.value)
"""The kinds of files that are known by their content when they come twice."""
UNREAD = and_(FAILED, FileRow.digest.is_(None))


def items_with(*columns: Any, among: CTE | None = None) -> "Select[*tuple[Any, ...]]":
    """Selects of items that may be shown, or of those `among` them, what `item_of` needs, or other
    columns.

    The picture that a caption is about is that of the file named there, or of the file that this
    one is a copy of, or of the caption's own file.
    """
    within = and_(ItemRow.about_path.is_(None), ItemRow.about_position.is_not(None))
    own = case((within, ItemRow.file_id))
    query = select(*(columns or ITEM))
    if among is None:
        query = query.select_from(ItemRow)
    else:
        query = query.select_from(among).join(ItemRow, ItemRow.id == among.c.id)
    return (
        query.join(FileRow, FileRow.id == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .join(
            PictureFile,
            and_(PictureFile.root_id == FileRow.root_id, PictureFile.path == ItemRow.about_path),
            isouter=True,
        )
        .join(
            Picture,
            and_(
                Picture.file_id == func.coalesce(PictureFile.copy_of, PictureFile.id, own),
                Picture.position == func.coalesce(ItemRow.about_position, 0),
                shown(Picture),
            ),
            isouter=True,
        )
        .where(shown(ItemRow))
    )


def films_with() -> "Select[*tuple[Any, ...]]":
    """Selects whole films as `items_with` does, each with the id of a `Moment` of it."""
    return (
        items_with(*ITEM, Moment.id.label("moment"))
        .join(Moment, Moment.file_id == ItemRow.file_id)
        .where(
            ItemRow.position == 0,
            ItemRow.modality == Modality.VIDEO.value,
            Moment.best_ms.is_not(None),
            Moment.modality == Modality.IMAGE.value,
        )
    )


def facts_with() -> "Select[*tuple[Any, ...]]":
    """Selects what the files of items that may be shown tell, with the items' ids."""
    return (
        select(ItemRow.id, *FACTS)
        .join(FileRow, FileRow.id == ItemRow.file_id)
        .where(shown(ItemRow))
    )


def pointing(pointer: Any) -> "Select[*tuple[Any, ...]]":
    """Selects the files whose `pointer` is the file of an item that may be shown, and its id."""
    return (
        select(ItemRow.id, RootRow.path.label("root"), FileRow.path)
        .join(FileRow, pointer == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .where(shown(ItemRow))
        .order_by(RootRow.path, FileRow.path)
    )


def captions_of(paths: ColumnElement[bool]) -> "Select[*tuple[Any, ...]]":
    """Selects the captions that name one of the paths, in order, with what they name."""
    return (
        select(*ITEM[:-1], FileRow.root_id, ItemRow.about_path)
        .select_from(ItemRow)
        .join(FileRow, FileRow.id == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .where(paths, shown(ItemRow))
        .order_by(FileRow.path, ItemRow.position)
    )


def own_captions() -> "Select[*tuple[Any, ...]]":
    """Selects the captions that stand in the files of pictures themselves, in order.

    `Picture` is what they describe, and which of them are wanted is to be said of it.
    """
    return (
        select(*ITEM)
        .select_from(Picture)
        .join(
            ItemRow,
            and_(ItemRow.file_id == Picture.file_id, ItemRow.about_position == Picture.position),
        )
        .join(FileRow, FileRow.id == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .where(ItemRow.about_path.is_(None), shown(ItemRow))
        .order_by(ItemRow.position)
    )


def files_with(*columns: Any) -> "Select[*tuple[Any, ...]]":
    """Selects of files what `stored_file` needs, and other columns."""
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


OWN_AND_COPIED = (FileRow.id, FileRow.copy_of)
"""What leads from a file to the file of its items. Asked for one after the other: with OR between
them, SQLite looks at all files for thousands of items."""


def picture_files(held: Any) -> "Select[*tuple[Any, ...]]":
    """Selects the files that hold pictures, by one of `OWN_AND_COPIED`, with the pictures' ids."""
    return (
        files_with(ItemRow.id)
        .join(ItemRow, ItemRow.file_id == held)
        .where(shown(ItemRow), ItemRow.modality != Modality.TEXT.value)
    )


def by_item(rows: "Iterable[Row[*tuple[Any, ...]]]") -> Mapping[int, Sequence[SourceFile]]:
    """Returns the files of each item, by root and path."""
    found: dict[int, list[SourceFile]] = {}
    for row in rows:
        found.setdefault(row.id, []).append(stored_file(row))
    return {id: sorted(found[id], key=lambda file: file.key) for id in sorted(found)}


def shown(item: type[ItemRow]) -> ColumnElement[bool]:
    """Whether the item may be shown, of rows that are found by something else.

    As an inequality, or SQLite takes the index on `searchable`, which leads to all items.
    """
    return item.searchable != false()


def stored_file(row: Row[Any]) -> SourceFile:
    return SourceFile(row.root, row.path, Kind(row.kind), row.size_bytes, row.mtime_ns, row.digest)


def item_of(row: Row[Any], about: int | None) -> Item:
    return Item(
        id=row.id,
        root=row.root,
        path=row.path,
        kind=Kind(row.kind),
        modality=Modality(row.modality),
        position=row.position,
        text=row.text,
        about=about,
        width=row.width,
        height=row.height,
        span=None if row.best_ms is None else Span(row.start_ms, row.end_ms, row.best_ms),
        origin=row.origin,
        member=row.member,
    )


def facts_of(row: Row[Any]) -> Facts:
    known = {one.name: getattr(row, one.name) for one in fields(Facts)}
    known["taken_from"] = None if row.taken_from is None else TakenFrom(row.taken_from)
    return Facts(**known)


def stored_facts(facts: Facts) -> dict[str, Any]:
    """Returns the columns of a file that hold the facts."""
    columns = {one.name: getattr(facts, one.name) for one in fields(Facts)}
    return {**columns, "orientation": facts.orientation}


def chunks(values: Sequence[_T]) -> Iterator[list[_T]]:
    remaining = iter(values)
    while some := list(islice(remaining, IN_AT_MOST)):
        yield some
