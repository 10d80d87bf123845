"""Filters of items as conditions in SQL.

What is asked of files is asked as "one of these files", each set found by an index of its own:
then a million items are passed over by their file's id alone, which the index that lists them has.
"""

from collections.abc import Sequence
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Dialect,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from indexer.catalog.patterns import Pattern, Wild, containing, fits, last_part, wildcards
from indexer.catalog.queries import Picture, items_with, shown
from indexer.catalog.said import said_of
from indexer.catalog.tables import FileRow, ItemRow, RootRow, TagRow
from indexer.catalog.told import between, pixels, told, turned
from indexer.filters import (
    AnyOf,
    Between,
    Condition,
    Filter,
    Has,
    InFolder,
    Is,
    Known,
    Measure,
    Named,
    Oriented,
    Says,
    Shown,
    Tagged,
)
from indexer.types import Kind, Modality

_SHARDS = and_(FileRow.state == "indexed", FileRow.kind == Kind.SHARD.value)
_SORTS = {
    Shown.FILM: Modality.VIDEO,
    Shown.CAPTION: Modality.TEXT,
    Shown.PICTURE: Modality.IMAGE,
    Shown.MOMENT: Modality.IMAGE,
}


class Conditions:
    """Makes conditions on the items of one modality; for captions on what they describe too."""

    def __init__(self, dialect: Dialect, modality: Modality) -> None:
        self._dialect = dialect
        self._modality = modality
        self._is_caption = modality is Modality.TEXT
        self._subject: Any = Picture if self._is_caption else ItemRow

    def of(self, filters: Sequence[Filter]) -> ColumnElement[bool]:
        """Returns the condition that an item fulfils all filters."""
        return and_(true(), *map(self._filter, filters))

    def _filter(self, one: Filter) -> ColumnElement[bool]:
        condition = self._condition(one.condition)
        # What is unknown, as of a caption that describes nothing, does not hold.
        return ~func.coalesce(condition, false()) if one.excluded else condition

    def _condition(self, condition: Condition) -> ColumnElement[bool]:
        match condition:
            case AnyOf(conditions):
                return or_(false(), *map(self._condition, conditions))
            case Is(one):
                return self._is(one)
            case InFolder(name):
                return self._lies(self._is_in(name))
            case Named(pattern):
                return self._is_named(pattern)
            case Says(phrase):
                return self._says(phrase)
            case Tagged(name):
                return self._is_tagged(TagRow.name == name) if "\0" not in name else false()
            case Has(known):
                return self._has(known)
            case Between():
                return self._is_between(condition)
            case Oriented(orientation):
                return self._is_oriented(orientation)
        return self._is_of(told(self._dialect, condition))

    def _is(self, one: Shown) -> ColumnElement[bool]:
        if _SORTS[one] is not self._modality:
            return false()
        if self._modality is not Modality.IMAGE:
            return true()
        return ItemRow.best_ms.is_not(None) if one is Shown.MOMENT else ItemRow.best_ms.is_(None)

    def _is_of(self, files: ColumnElement[bool]) -> ColumnElement[bool]:
        """Returns the condition that what is asked about lies in a file of which this is true."""
        condition: ColumnElement[bool] = self._subject.file_id.in_(_files(files))
        return condition

    def _lies(self, files: ColumnElement[bool]) -> ColumnElement[bool]:
        """Returns the same for where a file or a copy of it lies; a caption's own file counts."""
        places: CompoundSelect[Any] = union_all(
            select(FileRow.id).where(files).correlate(None),
            select(FileRow.copy_of).where(FileRow.copy_of.is_not(None), files).correlate(None),
        )
        if not self._is_caption:
            return ItemRow.file_id.in_(places)
        once = select(places.cte().c[0])  # found once for both questions
        return or_(ItemRow.file_id.in_(once), Picture.file_id.in_(once))

    def _is_in(self, folder: str) -> ColumnElement[bool]:
        """Returns the condition on a file that it lies in or below such a folder.

        That may be of its path, of its root, or begin in one and end in the other; roots are few,
        and the path alone is compared a million times.
        """
        names = folder.split("/")
        inside = "/" + RootRow.path + "/"
        found = [
            self._fits(FileRow.path, [*f"{folder}/", Wild.MANY]),
            self._fits(FileRow.path, containing(f"/{folder}/")),
            FileRow.root_id.in_(_roots(self._fits(inside, containing(f"/{folder}/")))),
        ]
        for split in range(1, len(names)):
            head, tail = "/".join(names[:split]), "/".join(names[split:])
            roots = _roots(self._fits(inside, [Wild.MANY, *f"/{head}/"]))
            below = self._fits(FileRow.path, [*f"{tail}/", Wild.MANY])
            found.append(and_(FileRow.root_id.in_(roots), below))
        return or_(*found)

    def _is_named(self, pattern: str) -> ColumnElement[bool]:
        # An entry of a tar is stored with where it begins: "photos/000@1048576.jpg".
        stem, dot, suffix = pattern.rpartition(".")
        entries = [pattern, *([f"{stem}@*.{suffix}"] if dot else [])]
        return or_(
            self._lies(self._has_name(FileRow.path, pattern)),
            self._in_shard(
                lambda entry: or_(*(self._has_name(entry.member, one) for one in entries))
            ),
        )

    def _has_name(self, path: Any, pattern: str) -> ColumnElement[bool]:
        letters = wildcards(pattern)
        if "/" in pattern:
            return self._fits(path, letters)
        # The name alone takes time to find, and most paths do not even end like that.
        ending = self._fits(path, wildcards(f"*{pattern}"))
        return and_(ending, self._fits(last_part(path), letters))

    def _in_shard(self, test: Any) -> ColumnElement[bool]:
        """Returns the condition that the item, or what it describes, is a fitting shard entry."""
        shards = _files(_SHARDS)
        both = (ItemRow, Picture) if self._is_caption else (ItemRow,)
        return or_(*(and_(one.file_id.in_(shards), test(one)) for one in both))

    def _says(self, phrase: str) -> ColumnElement[bool]:
        words = containing(phrase)
        in_path = self._lies(self._fits(FileRow.path, words))
        in_entry = self._in_shard(lambda entry: self._fits(entry.member, words))
        return or_(said_of(self._dialect, self._modality, phrase), in_path, in_entry)

    def _is_tagged(self, tag: ColumnElement[bool]) -> ColumnElement[bool]:
        subject = self._subject
        # A moment has the tags of its film, which is at 0.
        position = case((subject.best_ms.is_not(None), 0), else_=subject.position)
        exact = (
            select(literal(1))
            .where(TagRow.file_id == subject.file_id, TagRow.position == position, tag)
            .correlate(subject)
            .exists()
        )
        return and_(subject.file_id.in_(select(TagRow.file_id).where(tag)), exact)

    def _has(self, known: Known) -> ColumnElement[bool]:
        match known:
            case Known.TAG:
                return self._is_tagged(true())
            case Known.DATE:
                return self._is_of(FileRow.taken_at.is_not(None))
            case Known.GPS:
                return self._is_of(
                    and_(FileRow.latitude.is_not(None), FileRow.longitude.is_not(None))
                )
            case Known.CAPTION:
                return self._is_captioned()
            case _:
                assert_never(known)

    def _is_captioned(self) -> ColumnElement[bool]:
        if self._is_caption:
            return Picture.id.is_not(None)
        # Nearly all captions are about the first of a file, which the file tells alone.
        first = and_(
            ItemRow.file_id.in_(_captioned_files()),
            or_(ItemRow.position == 0, ItemRow.best_ms.is_not(None)),
        )
        later = _described(Picture.id).where(ItemRow.about_position > 0)
        return or_(first, ItemRow.id.in_(later))

    def _is_between(self, asked: Between) -> ColumnElement[bool]:
        if asked.measure is Measure.BYTES:  # the bytes of a shard are not those of its entries
            whole = FileRow.kind != Kind.SHARD.value
            return self._is_of(and_(whole, between(FileRow.size_bytes, asked)))
        if asked.measure is Measure.DURATION_MS:
            return self._is_of(between(FileRow.duration_ms, asked))
        return or_(
            self._is_of(between(pixels(FileRow, asked.measure), asked)),
            self._in_shard(lambda entry: between(pixels(entry, asked.measure), asked)),
        )

    def _is_oriented(self, orientation: str) -> ColumnElement[bool]:
        if "\0" in orientation:
            return false()
        return or_(
            self._is_of(FileRow.orientation == orientation),
            self._in_shard(lambda entry: turned(entry, orientation)),
        )

    def _fits(self, column: Any, pattern: Pattern) -> ColumnElement[bool]:
        return fits(self._dialect, column, pattern)


def _files(condition: ColumnElement[bool]) -> "Select[Any]":
    return select(FileRow.id).where(condition).correlate(None)


def _roots(condition: ColumnElement[bool]) -> "Select[Any]":
    return select(RootRow.id).where(condition).correlate(None)


def _captioned_files() -> Any:
    """Selects the files whose first picture, or film, has captions: beside or inside them."""
    own = aliased(FileRow)
    beside = (
        select(func.coalesce(FileRow.copy_of, FileRow.id))
        .select_from(ItemRow)
        .join(own, own.id == ItemRow.file_id)
        .join(FileRow, and_(FileRow.root_id == own.root_id, FileRow.path == ItemRow.about_path))
        .where(ItemRow.about_path.is_not(None), func.coalesce(ItemRow.about_position, 0) == 0)
    )
    inside = select(ItemRow.file_id).where(
        ItemRow.about_path.is_(None), ItemRow.about_position == 0
    )
    return union_all(*(one.where(shown(ItemRow)).correlate(None) for one in (beside, inside)))


def _described(*columns: Any) -> "Select[*tuple[Any, ...]]":
    """Selects, of all captions, what they describe."""
    return items_with(*columns).where(Picture.id.is_not(None)).correlate(None)
