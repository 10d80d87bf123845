"""Films and what files tell of themselves: moments, where words stand, facts for filters."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_FACTS = (
    ("taken_at", sa.DateTime),
    ("taken_within_s", sa.BigInteger),
    ("taken_from", sa.Text),
    ("utc_offset_min", sa.Integer),
    ("camera", sa.Text),
    ("latitude", sa.Double),
    ("longitude", sa.Double),
    ("width", sa.Integer),
    ("height", sa.Integer),
    ("orientation", sa.Text),
    ("duration_ms", sa.BigInteger),
    ("codec", sa.Text),
    ("note", sa.Text),
)
_ITEMS = (
    ("about_position", sa.BigInteger),
    ("start_ms", sa.BigInteger),
    ("end_ms", sa.BigInteger),
    ("best_ms", sa.BigInteger),
    ("origin", sa.Text),
    ("member", sa.Text),
)
_INDEXES = (
    ("files", ("companion_of",), "companion_of"),
    ("files", ("taken_at",), "taken_at"),
    ("files", ("camera",), "camera"),
    ("files", ("latitude", "longitude"), "latitude"),
    ("files", ("width", "height"), "width"),
    ("files", ("duration_ms",), "duration_ms"),
    ("files", ("codec",), "codec"),
    ("files", ("note",), "note"),
    ("items", ("about_position", "file_id"), "about_position"),
    ("items", ("modality", "searchable", "best_ms"), "best_ms"),
)


def upgrade() -> None:
    # Plain SQL: SQLite takes a reference with a new column, Alembic would make the table anew.
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(f"ALTER TABLE files ADD COLUMN companion_of {key} REFERENCES files (id)")
    for name, kind in _FACTS:
        op.add_column("files", sa.Column(name, kind))
    for name, kind in _ITEMS:
        op.add_column("items", sa.Column(name, kind))
    for table, columns, known in _INDEXES:
        where = sa.text(f"{known} IS NOT NULL")
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, list(columns), sqlite_where=where, postgresql_where=where)
