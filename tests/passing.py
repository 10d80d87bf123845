"""What filters let through, in plain Python: what every catalogue is compared with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import asin, cos, hypot, radians, sin

from indexer.filters import (
    AnyOf,
    Between,
    Camera,
    Coded,
    Condition,
    Filter,
    Has,
    InFolder,
    Is,
    Known,
    Measure,
    Named,
    Near,
    Oriented,
    Says,
    Shown,
    Tagged,
    Taken,
    Within,
)
from indexer.types import Facts, Item, Modality, Place

_EARTH_KM = 6371.0088


@dataclass(frozen=True, slots=True)
class Seen:
    """An item as conditions see it.

    Attributes:
        item: The item.
        facts: Those of its own file, of a caption those of what it describes.
        places: Where its file, its copies and, of a caption, what it describes lie.
        members: Its entry in a shard, and that of what it describes.
        said: The captions that count as words of it.
        tags: Of it, its film, or what it describes.
        captioned: Whether what it stands for has a caption.
        size_bytes: Of its file, or that of what it describes.
    """

    item: Item
    facts: Facts
    places: Sequence[Place]
    members: Sequence[str] = ()
    said: Sequence[str] = ()
    tags: Sequence[str] = ()
    captioned: bool = False
    size_bytes: int | None = None


def passes(filters: Sequence[Filter], seen: Seen) -> bool:
    """Whether the item fulfils all filters."""
    return all(_holds(one.condition, seen) is not one.excluded for one in filters)


def _holds(condition: Condition, seen: Seen) -> bool:
    match condition:
        case AnyOf(conditions):
            return any(_holds(one, seen) for one in conditions)
        case Is(shown):
            return shown is shown_as(seen.item)
        case InFolder(name):
            wanted = f"/{name}/".casefold()
            return any(wanted in f"/{one.root}/{one.path}".casefold() for one in seen.places)
        case Named(pattern):
            return _is_named(pattern, seen)
        case Tagged(name):
            return name in seen.tags
        case Says(phrase):
            paths = [one.path for one in seen.places]
            words = (*seen.said, *paths, *seen.members)
            return any(phrase.casefold() in one.casefold() for one in words)
        case Has(Known.CAPTION):
            return seen.captioned
        case Has(Known.TAG):
            return bool(seen.tags)
        case Between(measure, low, high):
            measured = _measured(measure, seen)
            return measured is not None and not (
                (low is not None and measured < low) or (high is not None and measured > high)
            )
    return _is_told(condition, seen.facts)


def _is_told(condition: Condition, facts: Facts) -> bool:
    match condition:
        case Has(known):
            return (facts.taken_at if known is Known.DATE else facts.latitude) is not None
        case Taken(start, end):
            taken = facts.taken_at
            return taken is not None and (start or taken) <= taken and not (end and taken >= end)
        case Camera(name):
            return facts.camera is not None and name.casefold() in facts.camera.casefold()
        case Oriented(orientation):
            return facts.orientation == orientation
        case Coded(codec):
            return facts.codec == codec
    assert isinstance(condition, Near | Within)
    if facts.latitude is None or facts.longitude is None:
        return False
    return _lies_in(condition, facts.latitude, facts.longitude)


def _lies_in(condition: Near | Within, latitude: float, longitude: float) -> bool:
    if isinstance(condition, Near):
        far = distance_km(condition.latitude, condition.longitude, latitude, longitude)
        return far <= condition.radius_km
    if not condition.south <= latitude <= condition.north:
        return False
    if condition.west <= condition.east:
        return condition.west <= longitude <= condition.east
    return longitude >= condition.west or longitude <= condition.east


def distance_km(latitude: float, longitude: float, other: float, further: float) -> float:
    """Returns how far two places lie apart on a sphere of the earth's mean radius."""
    north, east = radians(other - latitude) / 2, radians(further - longitude) / 2
    across = (cos(radians(latitude)) * cos(radians(other))) ** 0.5 * sin(east)
    return 2 * _EARTH_KM * asin(min(1.0, hypot(sin(north), across)))


def shown_as(item: Item) -> Shown:
    """Returns what the item is, for people."""
    if item.modality is Modality.TEXT:
        return Shown.CAPTION
    if item.modality is Modality.VIDEO:
        return Shown.FILM
    return Shown.PICTURE if item.span is None else Shown.MOMENT


def _is_named(pattern: str, seen: Seen) -> bool:
    names = [one.path for one in seen.places]
    for member in seen.members:
        names += [member, re.sub(r"@\d+(?=\.[^.]*$)", "", member)]
    if "/" not in pattern:
        names = [name.rpartition("/")[2] for name in names]
    wanted = pattern.casefold().replace("[", "[[]")
    return any(fnmatchcase(name.casefold(), wanted) for name in names)


def _measured(measure: Measure, seen: Seen) -> int | None:
    width, height = seen.facts.width, seen.facts.height
    match measure:
        case Measure.WIDTH:
            return width
        case Measure.HEIGHT:
            return height
        case Measure.PIXELS:
            return None if width is None or height is None else width * height
        case Measure.BYTES:
            return seen.size_bytes
    return seen.facts.duration_ms
