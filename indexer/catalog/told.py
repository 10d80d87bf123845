"""Conditions on files, and entries of shards, by what is told of them."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, and_, cast, false, func, or_

from indexer.catalog.geography import Box, box_around, box_of, distance_in_sql
from indexer.catalog.patterns import containing, fits
from indexer.catalog.tables import FileRow
from indexer.filters import Between, Camera, Coded, Condition, Measure, Near, Taken, Within


def told(dialect: Dialect, condition: Condition) -> ColumnElement[bool]:
    """Returns the condition on a file that it tells such a thing."""
    match condition:
        case Taken(start, end):
            ends: list[ColumnElement[bool]] = [FileRow.taken_at.is_not(None)]
            ends += [] if start is None else [FileRow.taken_at >= start]
            ends += [] if end is None else [FileRow.taken_at < end]
            return and_(*ends)
        case Camera(name):
            return and_(
                FileRow.camera.is_not(None), fits(dialect, FileRow.camera, containing(name))
            )
        case Coded(codec):
            return FileRow.codec == codec if "\0" not in codec else false()
        case Within():
            return _inside(box_of(condition))
        case Near(latitude, longitude, radius):
            where = (latitude, longitude, FileRow.latitude, FileRow.longitude)
            sqlite = dialect.name == "sqlite"
            distance = func.distance_km(*where) if sqlite else distance_in_sql(*where)
            return and_(_inside(box_around(condition)), distance <= radius)
    raise TypeError(f"{condition!r} is not asked of files")


def _inside(box: Box) -> ColumnElement[bool]:
    north = FileRow.latitude.between(box.south, box.north)
    if box.west is None or box.east is None:
        return and_(north, FileRow.longitude.is_not(None))
    if box.west <= box.east:
        return and_(north, FileRow.longitude.between(box.west, box.east))
    return and_(north, or_(FileRow.longitude >= box.west, FileRow.longitude <= box.east))


def pixels(one: Any, measure: Measure) -> Any:
    """Returns the column of a file or an item, or, for pixels, both of them multiplied."""
    match measure:
        case Measure.WIDTH:
            return one.width
        case Measure.HEIGHT:
            return one.height
    return cast(one.width, BigInteger) * one.height


def between(measured: Any, asked: Between) -> ColumnElement[bool]:
    """Returns the condition that what is measured lies within the bounds."""
    ends = [measured.is_not(None)]
    ends += [] if asked.low is None else [measured >= asked.low]
    ends += [] if asked.high is None else [measured <= asked.high]
    return and_(*ends)


def turned(entry: Any, orientation: str) -> ColumnElement[bool]:
    """Returns the condition that an item's own sides are so, as `Facts.orientation` tells it."""
    match orientation:
        case "square":
            turned = entry.width == entry.height
        case "landscape":
            turned = entry.width > entry.height
        case "portrait":
            turned = entry.width < entry.height
        case _:
            turned = false()
    condition: ColumnElement[bool] = turned
    return condition
