"""Items by words about them: in captions, subtitles and names."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, Select, func, literal, select, union_all

from indexer.catalog.filtering import FilteringReader
from indexer.catalog.queries import Picture, items_with, shown
from indexer.catalog.tables import FileRow, ItemRow
from indexer.catalog.words import CAPTIONS, ENTRIES, PATHS, FullText
from indexer.types import Modality, Part, Worded

_CAPTIONS_FOR_ONE = 3
"""So many captions are looked at for each item that is wanted: several are about the same one."""


class _Said(NamedTuple):
    """A caption or subtitle that was found, and what it describes, if anything."""

    id: int
    score: float
    text: str | None
    origin: str | None
    start_ms: int | None
    end_ms: int | None
    about: int | None
    modality: str | None
    file: int | None


class _Name(NamedTuple):
    """A name that was found, and an item that has it; a whole film's stands for its moments."""

    score: float
    name: str
    of_file: bool
    id: int
    file: int
    best_ms: int | None
    start_ms: int | None
    end_ms: int | None


class WordReader(FilteringReader):
    """Reads which items are found by words; safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._full_text = FullText()

    def worded(self, words: str, modality: Modality, limit: int) -> Sequence[Worded]:
        best: dict[int, _Said | _Name] = {}
        with self._reading() as connection:
            for id, said in self._said(connection, words, modality, _CAPTIONS_FOR_ONE * limit):
                if id not in best or said.score > best[id].score:
                    best[id] = said
            if modality is not Modality.TEXT:
                for named in self._named(connection, words, modality, limit):
                    if named.id not in best or named.score > best[named.id].score:
                        best[named.id] = named
        found = sorted(best.items(), key=lambda pair: (-pair[1].score, pair[0]))[:limit]
        return [_worded(id, one) for id, one in found]

    def _said(
        self, connection: Connection, words: str, modality: Modality, limit: int
    ) -> Sequence[tuple[int, _Said]]:
        """Returns what captions and subtitles find, by the item that is found."""
        found = self._full_text.best(connection, CAPTIONS, words, limit)
        if found is None:
            return []
        query = items_with(
            ItemRow.id,
            found.c.score,
            ItemRow.text,
            ItemRow.origin,
            ItemRow.start_ms,
            ItemRow.end_ms,
            Picture.id.label("about"),
            Picture.modality,
            Picture.file_id,
            among=found,
        )
        rows = sorted(_Said(*row) for row in connection.execute(query))
        if modality is Modality.TEXT:
            return [(row.id, row) for row in rows]
        wanted = modality.value
        here = [
            (row.about, row) for row in rows if row.about is not None and row.modality == wanted
        ]
        if modality is Modality.IMAGE:
            films = [row for row in rows if row.modality == Modality.VIDEO.value]
            here += self._meanwhile(connection, films)
        return here

    def _meanwhile(
        self, connection: Connection, said: Sequence[_Said]
    ) -> Iterable[tuple[int, _Said]]:
        """Yields the moments of films that last while something is said."""
        timed = [row for row in said if row.start_ms is not None]
        moments: dict[int | None, list[Row[Any]]] = {}
        for moment in self._moments(connection, sorted({row.file or 0 for row in timed})):
            moments.setdefault(moment.file_id, []).append(moment)
        for row in timed:
            for moment in moments.get(row.file, ()):
                if row.start_ms < moment.end_ms and moment.start_ms < row.end_ms:
                    yield moment.id, row

    def _moments(self, connection: Connection, files: Sequence[int]) -> Sequence[Row[Any]]:
        if not files:
            return []
        query = select(ItemRow.id, ItemRow.file_id, ItemRow.start_ms, ItemRow.end_ms).where(
            self._among(ItemRow.file_id, files),
            ItemRow.best_ms.is_not(None),
            ItemRow.modality == Modality.IMAGE.value,
            shown(ItemRow),
        )
        return list(connection.execute(query))

    def _named(
        self, connection: Connection, words: str, modality: Modality, limit: int
    ) -> Iterator[_Name]:
        """Yields what the names of files, folders and entries of shards find."""
        entries = self._full_text.best(connection, ENTRIES, words, limit)
        paths = self._full_text.best(connection, PATHS, words, limit)
        if entries is None or paths is None:
            return
        entry = (
            _names(entries.c.score, FileRow.path + "/" + ItemRow.member, of_file=False)
            .select_from(entries)
            .join(ItemRow, ItemRow.id == entries.c.id)
            .join(FileRow, FileRow.id == ItemRow.file_id)
        )
        path = (
            _names(paths.c.score, FileRow.path, of_file=True)
            .select_from(paths)
            .join(FileRow, FileRow.id == paths.c.id)
            .join(ItemRow, ItemRow.file_id == func.coalesce(FileRow.copy_of, FileRow.id))
        )
        here = (ItemRow.modality == modality.value, shown(ItemRow))
        query = union_all(entry.where(*here), path.where(*here))
        longest: dict[int, _Name] = {}
        for row in sorted(_Name(*one) for one in connection.execute(query)):
            if row.best_ms is None or not row.of_file:
                yield row
            else:  # a film's name says as much of each moment, and one is enough
                longest[row.file] = max(row, longest.get(row.file, row), key=_by_length)
        yield from longest.values()


def _names(score: Any, name: Any, *, of_file: bool) -> "Select[*tuple[Any, ...]]":
    """Selects what makes a `_Name`."""
    return select(
        score,
        name.label("name"),
        literal(of_file).label("of_file"),
        ItemRow.id,
        ItemRow.file_id,
        ItemRow.best_ms,
        ItemRow.start_ms,
        ItemRow.end_ms,
    )


def _by_length(one: _Name) -> tuple[float, str, int]:
    return one.score, one.name, (one.end_ms or 0) - (one.start_ms or 0)


def _worded(id: int, found: _Said | _Name) -> Worded:
    """Returns why the item of that id was found."""
    if isinstance(found, _Name):
        return Worded(id, Part.NAME, found.score, found.name)
    said = found.start_ms is not None or (found.origin or "").startswith("subtitle")
    part = Part.SUBTITLE if said else Part.CAPTION
    return Worded(id, part, found.score, found.text or "", found.id)
