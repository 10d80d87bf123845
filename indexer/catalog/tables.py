"""The catalogue's tables. A change here needs a migration; a test compares the two."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REVISION = "0003"
"""The newest migration."""

Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class LibraryRow(Base):
    """One row: which library folder the catalogue belongs to."""

    __tablename__ = "library"

    id: Mapped[str] = mapped_column(Text, primary_key=True)


class RootRow(Base):
    """An indexed folder, absolute POSIX path."""

    __tablename__ = "roots"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    path: Mapped[str] = mapped_column(Text, unique=True)


class FileRow(Base):
    """A file that was read, or could not be.

    `state` is pending until its items are saved and shown; a skipped file has a reason. `digest`
    tells its content, see `indexer.sync`. An exact copy has no items: those of the file that it is
    a `copy_of` stand for it. A `forgotten` file stays out of the library.
    """

    __tablename__ = "files"
    __table_args__ = (
        Index(None, "root_id", "path", unique=True),
        # Of copies alone: most files are none, and statistics of them all make a look-up seem dear.
        Index(
            None,
            "copy_of",
            sqlite_where=text("copy_of IS NOT NULL"),
            postgresql_where=text("copy_of IS NOT NULL"),
        ),
        Index(None, "size_bytes"),
        Index(None, "state", "kind", "forgotten"),
        CheckConstraint("state IN ('pending', 'indexed', 'skipped')", name="state"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    root_id: Mapped[int] = mapped_column(ForeignKey("roots.id"))
    path: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(Text)
    copy_of: Mapped[int | None] = mapped_column(ForeignKey("files.id"))
    forgotten: Mapped[bool] = mapped_column(server_default=false())


class ItemRow(Base):
    """One vector's worth of a file. `searchable` only once its vector is saved."""

    __tablename__ = "items"
    __table_args__ = (
        Index(None, "file_id", "position"),
        Index(None, "about_path"),
        Index(None, "searchable", "modality"),
        {"sqlite_autoincrement": True},  # an id is never used twice, not even after a delete
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("files.id"))
    modality: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str | None] = mapped_column(Text)
    about_path: Mapped[str | None] = mapped_column(Text)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    searchable: Mapped[bool]
