"""Full text: which captions, entries of shards and paths hold the words of a query, and how well.

SQLite ranks by BM25, PostgreSQL by cover density. Words are compared by their English stems (in
names, SQLite only), without case and accents. A word that many texts hold tells little and takes
long to rank, so it is left out beside rarer ones. Scripts that are written without blanks are
looked for as they stand, letter by letter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select, text

from indexer.catalog.patterns import containing, fits
from indexer.catalog.tables import FileRow, ItemRow
from indexer.wording import words_of

FREQUENT = 20_000
"""What more texts hold than this is frequent: ranking them takes some 10 ms."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)
_MOST_WORDS = 16
_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Field:
    """A column whose words are indexed, under the name of its index."""

    name: str
    column: Any
    config: str


CAPTIONS = Field("caption_words", ItemRow.text, "english")
ENTRIES = Field("entry_words", ItemRow.member, "simple")
PATHS = Field("file_words", FileRow.path, "simple")


class FullText:
    """Finds rows by their words; safe to call from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._frequent: dict[tuple[str, str], bool] = {}

    def best(
        self, connection: Connection, field: Field, query: str, limit: int
    ) -> list[tuple[int, float]]:
        """Returns ids of rows and their scores, the best `limit`, best first."""
        words = words_of(query)[:_MOST_WORDS]
        spaced = [word for word in words if not _UNSPACED.search(word)]
        found: dict[int, float] = {}
        for word in words:
            if word not in spaced:
                # As they stand they tell more than any of the other words.
                for id in self._holding(connection, field, word, limit):
                    found[id] = found.get(id, 0.0) + float(len(word))
        rare = [word for word in spaced if not self._is_frequent(connection, field, word)]
        if rare:
            ranked = self._ranked(connection, field, rare, "or", limit)
        elif spaced:
            ranked = self._ranked(connection, field, spaced, "and", limit)
        else:
            ranked = []
        for id, score in ranked:
            found[id] = found.get(id, 0.0) + score
        return sorted(found.items(), key=lambda one: (-one[1], one[0]))[:limit]

    def _is_frequent(self, connection: Connection, field: Field, word: str) -> bool:
        """Whether many texts hold the word. Once counted that is kept: it hardly changes."""
        key = (field.name, word)
        with self._lock:
            known = self._frequent.get(key)
        if known is None:
            few = self._matching(connection, field, [word], "or").limit(FREQUENT + 1).subquery()
            counted = connection.execute(select(func.count()).select_from(few)).scalar_one()
            known = counted > FREQUENT
            with self._lock:
                if len(self._frequent) >= _KEPT:
                    self._frequent.clear()
                self._frequent[key] = known
        return known

    def _ranked(
        self, connection: Connection, field: Field, words: Sequence[str], how: str, limit: int
    ) -> list[tuple[int, float]]:
        query = self._matching(connection, field, words, how)
        if connection.dialect.name == "sqlite":
            query = query.add_columns(literal_column("-rank")).order_by(text("rank"))
        elif how == "and":  # all hold all of them: not worth ranking a million rows
            query = query.add_columns(literal_column("1.0"))
        else:
            vector = _vector(field)
            rank = func.ts_rank_cd(vector, _asked(field, words, how))
            query = query.add_columns(rank).order_by(rank.desc())
        return [(row[0], float(row[1])) for row in connection.execute(query.limit(limit))]

    def _matching(
        self, connection: Connection, field: Field, words: Sequence[str], how: str
    ) -> "Select[*tuple[Any, ...]]":
        """Selects the ids of rows that hold all, or any, of the words."""
        if connection.dialect.name == "sqlite":
            asked = f" {how.upper()} ".join(f'"{word}"' for word in words)
            match = text(f"{field.name} MATCH :asked").bindparams(asked=asked)
            return select(literal_column("rowid")).select_from(text(field.name)).where(match)
        holds = _vector(field).op("@@")(_asked(field, words, how))
        return select(field.column.class_.id).where(field.column.is_not(None), holds)

    def _holding(
        self, connection: Connection, field: Field, letters: str, limit: int
    ) -> Sequence[int]:
        holds = fits(connection.dialect, field.column, containing(letters))
        query = select(field.column.class_.id).where(field.column.is_not(None), holds)
        return connection.execute(query.limit(limit)).scalars().all()


def _vector(field: Field) -> Any:
    """Returns the expression that PostgreSQL's index is over, written as it is there."""
    config: Any = literal_column(f"'{field.config}'")
    if field.config == "english":
        return func.to_tsvector(config, field.column)
    spaced = func.regexp_replace(
        field.column,
        literal_column("'[^[:alnum:]]+'"),
        literal_column("' '"),
        literal_column("'g'"),
    )
    return func.to_tsvector(config, spaced)


def _asked(field: Field, words: Sequence[str], how: str) -> Any:
    sign = " & " if how == "and" else " | "
    config: Any = literal_column(f"'{field.config}'")
    quoted = sign.join("'" + word.replace("'", "") + "'" for word in words)
    return func.to_tsquery(config, quoted)
