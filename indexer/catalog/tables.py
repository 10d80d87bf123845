"""The catalogue's tables. A change here needs a migration; a test compares the two."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Text,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REVISION = "0006"
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


def _where_known(*columns: str, known: str | None = None) -> Index:
    """Returns an index of the rows alone that have a value in `known`, else in the first column."""
    condition = text(f"{known or columns[0]} IS NOT NULL")
    return Index(None, *columns, sqlite_where=condition, postgresql_where=condition)


class LibraryRow(Base):
    """One row: which library folder the catalogue belongs to."""

    __tablename__ = "library"

    id: Mapped[str] = mapped_column(Text, primary_key=True)


class ChangesRow(Base):
    """One row, of id 1: `number` grows with every transaction that writes."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)


class RootRow(Base):
    """An indexed folder, absolute POSIX path."""

    __tablename__ = "roots"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    path: Mapped[str] = mapped_column(Text, unique=True)


class FileRow(Base):
    """A file that was read, or could not be.

    `state` is pending until its items are saved and shown; a skipped file has a reason. `digest`
    tells its content, see `indexer.sync`. An exact copy has no items: those of the file that it is
    a `copy_of` stand for it; a companion of another file has none either. A `forgotten` file stays
    out of the library. From `taken_at` on the columns are `indexer.types.Facts`, for filters: those
    that can narrow a search are indexed, which the two or three orientations cannot.
    """

    __tablename__ = "files"
    __table_args__ = (
        Index(None, "root_id", "path", unique=True),
        # Of copies alone: most files are none, and statistics of them all make a look-up seem dear.
        _where_known("copy_of"),
        _where_known("companion_of"),
        _where_known("taken_at"),
        _where_known("camera"),
        _where_known("latitude", "longitude"),
        _where_known("width", "height"),
        _where_known("duration_ms"),
        _where_known("codec"),
        _where_known("note"),
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
    companion_of: Mapped[int | None] = mapped_column(ForeignKey("files.id"))
    taken_at: Mapped[datetime | None] = mapped_column(DateTime)
    taken_within_s: Mapped[int | None] = mapped_column(BigInteger)
    taken_from: Mapped[str | None] = mapped_column(Text)
    utc_offset_min: Mapped[int | None] = mapped_column(Integer)
    camera: Mapped[str | None] = mapped_column(Text)
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    orientation: Mapped[str | None] = mapped_column(Text)
    duration_ms: Mapped[int | None] = mapped_column(BigInteger)
    codec: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)


class ItemRow(Base):
    """One vector's worth of a file. `searchable` only once its vector is saved."""

    __tablename__ = "items"
    __table_args__ = (
        Index(None, "file_id", "position"),
        Index(None, "about_path"),
        Index(None, "searchable", "modality"),  # small in PostgreSQL, which counts by it
        # With the file, so that a filter of files needs no other look at an item.
        Index(None, "searchable", "modality", "file_id"),
        _where_known("about_position", "file_id", known="about_position"),
        _where_known("modality", "searchable", "best_ms", known="best_ms"),
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
    about_position: Mapped[int | None] = mapped_column(BigInteger)
    start_ms: Mapped[int | None] = mapped_column(BigInteger)
    end_ms: Mapped[int | None] = mapped_column(BigInteger)
    best_ms: Mapped[int | None] = mapped_column(BigInteger)
    origin: Mapped[str | None] = mapped_column(Text)
    member: Mapped[str | None] = mapped_column(Text)


class TagRow(Base):
    """A tag that somebody gave to the picture or film at a position of a file.

    Not to an item: when a file changed, its items get other ids.
    """

    __tablename__ = "tags"
    __table_args__ = (Index(None, "name", "file_id", "position"),)

    file_id: Mapped[int] = mapped_column(
        ForeignKey("files.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
