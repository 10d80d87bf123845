"""Full text over captions, subtitles and names: kept by the database, whoever writes.

SQLite keeps FTS5 tables of the columns' own texts, which triggers follow; PostgreSQL indexes the
words of the columns themselves.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS = (
    ("caption_words", "items", "text"),
    ("entry_words", "items", "member"),
    ("file_words", "files", "path"),
)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for name, table, column in _COLUMNS:
        if sqlite:
            _index_in_sqlite(name, table, column)
        else:
            spaced = f"regexp_replace({column}, '[^[:alnum:]]+', ' ', 'g')"
            words = "'english', text" if column == "text" else f"'simple', {spaced}"
            op.execute(
                f"CREATE INDEX {name} ON {table} USING gin (to_tsvector({words})) "
                f"WHERE {column} IS NOT NULL"
            )


def _index_in_sqlite(name: str, table: str, column: str) -> None:
    op.execute(
        f"CREATE VIRTUAL TABLE {name} USING fts5({column}, content='{table}', content_rowid='id', "
        "tokenize='porter unicode61 remove_diacritics 2')"
    )
    gone = f"INSERT INTO {name} ({name}, rowid, {column}) SELECT 'delete', old.id, old.{column} "
    came = f"INSERT INTO {name} (rowid, {column}) SELECT new.id, new.{column} "
    # In one trigger: what was must be taken out before what is comes in.
    gone += f"WHERE old.{column} IS NOT NULL;"
    came += f"WHERE new.{column} IS NOT NULL;"
    for verb, event, body in (
        ("inserted", "INSERT", came),
        ("deleted", "DELETE", gone),
        ("updated", f"UPDATE OF {column}", f"{gone} {came}"),
    ):
        op.execute(f"CREATE TRIGGER {name}_{verb} AFTER {event} ON {table} BEGIN {body} END")
    op.execute(
        f"INSERT INTO {name} (rowid, {column}) SELECT id, {column} FROM {table} "
        f"WHERE {column} IS NOT NULL"
    )
