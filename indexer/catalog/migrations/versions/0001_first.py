"""The first schema: roots, files, items."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table("library", sa.Column("id", sa.Text, primary_key=True))
    op.create_table(
        "roots",
        sa.Column("id", _key, primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "files",
        sa.Column("id", _key, primary_key=True),
        sa.Column("root_id", _key, sa.ForeignKey("roots.id"), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.CheckConstraint("state IN ('pending', 'indexed', 'skipped')", name="state"),
    )
    op.create_index(None, "files", ["root_id", "path"], unique=True)
    op.create_table(
        "items",
        sa.Column("id", _key, primary_key=True),
        sa.Column("file_id", _key, sa.ForeignKey("files.id"), nullable=False),
        sa.Column("modality", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("about_path", sa.Text),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("searchable", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "items", ["file_id", "position"])
    op.create_index(None, "items", ["about_path"])
    op.create_index(None, "items", ["searchable", "modality"])
