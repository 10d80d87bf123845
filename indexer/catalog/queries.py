"""The selections that reading and writing the catalogue share, and the records they become."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    false,
    func,
    select,
)
from sqlalchemy.orm import aliased

from indexer.catalog.tables import FileRow, ItemRow, RootRow
from indexer.types import Item, Kind, Modality, SourceFile

IN_AT_MOST = 5_000  # bound parameters of one statement; SQLite allows 32,766
_T = TypeVar("_T")

Picture = aliased(ItemRow)
PictureFile = aliased(FileRow)
ITEM = (
    ItemRow.id,
    ItemRow.modality,
    ItemRow.position,
    ItemRow.text,
    ItemRow.width,
    ItemRow.height,
    FileRow.path,
    FileRow.kind,
    RootRow.path.label("root"),
    Picture.id.label("about"),
)
FAILED = and_(FileRow.state == "skipped", ~FileRow.forgotten)
UNREAD = and_(FAILED, FileRow.digest.is_(None))


def items_with(*columns: Any) -> "Select[*tuple[Any, ...]]":
    """Selects of items that may be shown what `item_of` needs, or other columns.

    The picture that a caption is about is that of the file named there, or of the file that this
    one is a copy of.
    """
    return (
        select(*(columns or ITEM))
        .select_from(ItemRow)
        .join(FileRow, FileRow.id == ItemRow.file_id)
        .join(RootRow, RootRow.id == FileRow.root_id)
        .join(
            PictureFile,
            and_(PictureFile.root_id == FileRow.root_id, PictureFile.path == ItemRow.about_path),
            isouter=True,
        )
        .join(
            Picture,
            and_(
                Picture.file_id == func.coalesce(PictureFile.copy_of, PictureFile.id),
                Picture.position == 0,
                shown(Picture),
            ),
            isouter=True,
        )
        .where(shown(ItemRow))
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
        .where(shown(ItemRow), ItemRow.modality == Modality.IMAGE.value)
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
    )


def chunks(values: Sequence[_T]) -> Iterator[list[_T]]:
    remaining = iter(values)
    while some := list(islice(remaining, IN_AT_MOST)):
        yield some
