"""Tags that users give, a count of changes, and an index that leads from files to items."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "tags",
        sa.Column("file_id", _key, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
    )
    op.create_index(op.f("ix_tags_name_file_id_position"), "tags", ["name", "file_id", "position"])
    changes = op.create_table(
        "changes",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(changes, [{"id": 1, "number": 0}])
    op.create_index(
        op.f("ix_items_searchable_modality_file_id"), "items", ["searchable", "modality", "file_id"]
    )
