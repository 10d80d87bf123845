"""Exact copies of a picture share its items; a file may be forgotten though it still exists."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # Plain SQL: SQLite takes a reference with a new column, Alembic would make the table anew.
    key = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(f"ALTER TABLE files ADD COLUMN copy_of {key} REFERENCES files (id)")
    op.add_column(
        "files", sa.Column("forgotten", sa.Boolean, nullable=False, server_default=sa.false())
    )
    copies = sa.text("copy_of IS NOT NULL")
    op.create_index(
        op.f("ix_files_copy_of"), "files", ["copy_of"], sqlite_where=copies, postgresql_where=copies
    )
    op.create_index(op.f("ix_files_size_bytes"), "files", ["size_bytes"])
    op.create_index(op.f("ix_files_state_kind_forgotten"), "files", ["state", "kind", "forgotten"])
