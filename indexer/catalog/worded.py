"""Items by words about them: in captions, subtitles and names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select

from indexer.catalog.filtering import FilteringReader
from indexer.catalog.queries import Picture, items_with, shown
from indexer.catalog.tables import FileRow, ItemRow
from indexer.catalog.words import CAPTIONS, ENTRIES, PATHS, Field, FullText
from indexer.types import Modality, Part, Worded

_CAPTIONS_FOR_ONE = 3
"""So many captions are looked at for each item that is wanted: several are about the same one."""


class WordReader(FilteringReader):
    """Reads which items are found by words; safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._full_text = FullText()

    def worded(self, words: str, modality: Modality, limit: int) -> Sequence[Worded]:
        with self._reading() as connection:
            said = self._said(connection, words, modality, _CAPTIONS_FOR_ONE * limit)
            named = (
                [] if modality is Modality.TEXT else self._named(connection, words, modality, limit)
            )
        best: dict[int, Worded] = {}
        for one in (*said, *named):
            if one.id not in best or one.score > best[one.id].score:
                best[one.id] = one
        return sorted(best.values(), key=lambda one: (-one.score, one.id))[:limit]

    def _said(
        self, connection: Connection, words: str, modality: Modality, limit: int
    ) -> list[Worded]:
        """Returns what captions and subtitles find."""
        scores = _scored(self._full_text.best(connection, CAPTIONS, words, limit))
        about = items_with(
            ItemRow.id,
            ItemRow.text,
            ItemRow.origin,
            ItemRow.start_ms,
            ItemRow.end_ms,
            Picture.id.label("about"),
            Picture.modality.label("kind"),
            Picture.file_id.label("film"),
        )
        rows = connection.execute(about.where(self._among(ItemRow.id, list(scores)))).all()
        if modality is Modality.TEXT:
            return [_worded(row, row.id, scores) for row in rows]
        found = [_worded(row, row.about, scores) for row in rows if row.kind == modality.value]
        if modality is Modality.IMAGE:
            films = [row for row in rows if row.kind == Modality.VIDEO.value]
            found += self._meanwhile(connection, films, scores)
        return found

    def _meanwhile(
        self, connection: Connection, said: Sequence[Row[Any]], scores: Mapping[int, float]
    ) -> Iterable[Worded]:
        """Yields the moments of films that last while something is said."""
        timed = [row for row in said if row.start_ms is not None]
        moments: dict[int, list[Row[Any]]] = {}
        for moment in self._moments(connection, sorted({row.film for row in timed})):
            moments.setdefault(moment.file_id, []).append(moment)
        for row in timed:
            for moment in moments.get(row.film, ()):
                if row.start_ms < moment.end_ms and moment.start_ms < row.end_ms:
                    yield _worded(row, moment.id, scores)

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
    ) -> list[Worded]:
        """Returns what the names of files, folders and entries of shards find."""
        entries = self._rows(connection, ENTRIES, words, limit)
        found = [
            Worded(row.id, Part.NAME, score, f"{row.path}/{row.member}")
            for row, score in self._items(connection, ItemRow.id, entries, modality)
        ]
        paths = self._rows(connection, PATHS, words, limit)
        held = func.coalesce(FileRow.copy_of, FileRow.id)
        query = select(FileRow.id, held.label("held"), FileRow.path).where(
            self._among(FileRow.id, list(paths))
        )
        named: dict[int, tuple[float, str]] = {}
        for id, holder, path in connection.execute(query):
            one = (paths[id], path)
            named[holder] = max(one, named.get(holder, one))
        files = {id: score for id, (score, _) in named.items()}
        longest: dict[int, tuple[int, Worded]] = {}
        for row, score in self._items(connection, ItemRow.file_id, files, modality):
            hit = Worded(row.id, Part.NAME, score, named[row.file_id][1])
            if row.best_ms is None:
                found.append(hit)
            else:  # a film's name says as much of each moment, and one is enough
                length = row.end_ms - row.start_ms
                longest[row.file_id] = max(
                    (length, hit), longest.get(row.file_id, (-1, hit)), key=lambda pair: pair[0]
                )
        return [*found, *(hit for _, hit in longest.values())]

    def _rows(
        self, connection: Connection, field: Field, words: str, limit: int
    ) -> dict[int, float]:
        return _scored(self._full_text.best(connection, field, words, limit))

    def _items(
        self, connection: Connection, key: Any, scores: Mapping[int, float], modality: Modality
    ) -> Iterable[tuple[Row[Any], float]]:
        """Yields the items of that modality whose `key` has a score, and that."""
        if not scores:
            return
        query = (
            select(
                ItemRow.id,
                ItemRow.file_id,
                ItemRow.member,
                ItemRow.best_ms,
                ItemRow.start_ms,
                ItemRow.end_ms,
                FileRow.path,
                key.label("key"),
            )
            .join(FileRow, FileRow.id == ItemRow.file_id)
            .where(
                self._among(key, list(scores)), ItemRow.modality == modality.value, shown(ItemRow)
            )
        )
        for row in connection.execute(query):
            yield row, scores[row.key]


def _scored(found: Sequence[tuple[int, float]]) -> dict[int, float]:
    """Returns scores as shares of the best: those of captions and of names have other scales."""
    most = max((score for _, score in found), default=0.0)
    return {id: score / most if most > 0 else 1.0 for id, score in found}


def _worded(row: Row[Any], id: int, scores: Mapping[int, float]) -> Worded:
    said = row.start_ms is not None or (row.origin or "").startswith("subtitle")
    part = Part.SUBTITLE if said else Part.CAPTION
    return Worded(id, part, scores[row.id], row.text or "", row.id)
