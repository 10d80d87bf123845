"""Full text: which captions, entries of shards and paths hold the words of a query, and how well.

SQLite ranks by BM25, PostgreSQL by cover density. Words are compared by their English stems (in
names, SQLite only), without case and accents. Words that many texts hold tell little and take long
to rank, so they are left out beside rarer ones. Scripts that are written without blanks are
looked for as they stand, letter by letter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Select,
    case,
    func,
    literal_column,
    select,
    text,
    union_all,
)

from indexer.catalog.patterns import containing, fits
from indexer.catalog.tables import FileRow, ItemRow
from indexer.wording import words_of

FREQUENT = 20_000
"""So many texts are ranked at most, which takes some 10 ms; a word that more hold is frequent."""

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
        self._counts: dict[tuple[str, str], int] = {}

    def best(self, connection: Connection, field: Field, query: str, limit: int) -> "CTE | None":
        """Returns a selection of the best `limit` rows; None where the query has no words.

        It has `id` and `score`, as a share of the best: captions and names have other scales.
        """
        words = words_of(query)[:_MOST_WORDS]
        spaced = [word for word in words if not _UNSPACED.search(word)]
        # As they stand they tell more than any of the other words.
        found = [
            self._holding(connection, field, word, limit) for word in words if word not in spaced
        ]
        if rare := self._rare(connection, field, spaced):
            found.append(self._ranked(connection, field, rare, "or", limit))
        elif spaced:
            found.append(self._ranked(connection, field, spaced, "and", limit))
        if not found:
            return None
        if len(found) == 1:
            best = found[0].cte()
        else:
            both = union_all(*(select(one.subquery()) for one in found)).subquery()
            score: ColumnElement[float] = func.sum(both.c.score).label("score")
            added = select(both.c.id, score).group_by(both.c.id)
            best = added.order_by(score.desc(), both.c.id).limit(limit).cte()
        most = func.max(best.c.score).over()
        share = case((most > 0, best.c.score / most), else_=1.0)
        return select(best.c.id, share.label("score")).cte()

    def _rare(self, connection: Connection, field: Field, words: Sequence[str]) -> list[str]:
        """Returns the words to rank by, the rarest first: as many as rows to be ranked allow."""
        counted = sorted((self._count(connection, field, word), word) for word in words)
        rare: list[str] = []
        rows = 0
        for count, word in counted:
            rows += count
            if rows > FREQUENT:
                break
            rare.append(word)
        return rare

    def _count(self, connection: Connection, field: Field, word: str) -> int:
        """Returns how many texts hold the word, or one more than `FREQUENT`.

        Once counted that is kept: it hardly changes.
        """
        key = (field.name, word)
        with self._lock:
            known = self._counts.get(key)
        if known is None:
            few = self._matching(connection, field, [word], "or").limit(FREQUENT + 1).subquery()
            known = connection.execute(select(func.count()).select_from(few)).scalar_one()
            with self._lock:
                if len(self._counts) >= _KEPT:
                    self._counts.clear()
                self._counts[key] = known
        return known

    def _ranked(
        self, connection: Connection, field: Field, words: Sequence[str], how: str, limit: int
    ) -> "Select[*tuple[Any, ...]]":
        query = self._matching(connection, field, words, how)
        if connection.dialect.name == "sqlite":
            query = query.add_columns(literal_column("-rank").label("score")).order_by(text("rank"))
        elif how == "and":  # all hold all of them: not worth ranking a million rows
            query = query.add_columns(literal_column("1.0").label("score"))
        else:
            rank = func.ts_rank_cd(_vector(field), _asked(field, words, how)).label("score")
            query = query.add_columns(rank).order_by(rank.desc())
        return query.limit(limit)

    def _matching(
        self, connection: Connection, field: Field, words: Sequence[str], how: str
    ) -> "Select[*tuple[Any, ...]]":
        """Selects the ids of rows that hold all, or any, of the words."""
        if connection.dialect.name == "sqlite":
            asked = f" {how.upper()} ".join(f'"{word}"' for word in words)
            match = text(f"{field.name} MATCH :asked").bindparams(asked=asked)
            return (
                select(literal_column("rowid").label("id"))
                .select_from(text(field.name))
                .where(match)
            )
        holds = _vector(field).op("@@")(_asked(field, words, how))
        return select(field.column.class_.id).where(field.column.is_not(None), holds)

    def _holding(
        self, connection: Connection, field: Field, letters: str, limit: int
    ) -> "Select[*tuple[Any, ...]]":
        holds = fits(connection.dialect, field.column, containing(letters))
        score: Any = literal_column(f"{len(letters)}.0").label("score")
        query = select(field.column.class_.id, score).where(field.column.is_not(None), holds)
        return query.limit(limit)


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
