"""Places on the earth: how far apart they lie, and the box around a circle."""

from dataclasses import dataclass
from math import asin, cos, degrees, hypot, pi, radians, sin, sqrt
from typing import Any

from sqlalchemy import func

from indexer.filters import Near, Within

EARTH_KM = 6371.0088
"""The mean radius; a sphere of it is never off by more than 0.6 % of a distance."""

_MARGIN_DEGREES = 1e-6  # what rounding may take from a box


def distance_km(latitude: float, longitude: float, other: float, further: float) -> float:
    """Returns the great-circle distance of two places in degrees (haversine)."""
    north, east = radians(other - latitude) / 2, radians(further - longitude) / 2
    across = sqrt(cos(radians(latitude)) * cos(radians(other))) * sin(east)
    return 2 * EARTH_KM * asin(min(1.0, hypot(sin(north), across)))


def distance_in_sql(latitude: float, longitude: float, other: Any, further: Any) -> Any:
    """Returns the expression of the same for databases that know angles."""
    north = func.sin(func.radians(other - latitude) / 2)
    east = func.sin(func.radians(further - longitude) / 2)
    across = cos(radians(latitude)) * func.cos(func.radians(other)) * east * east
    return 2 * EARTH_KM * func.asin(func.least(1.0, func.sqrt(north * north + across)))


@dataclass(frozen=True, slots=True)
class Box:
    """Degrees; `west` is greater than `east` across 180°, and None where all longitudes are in."""

    south: float
    north: float
    west: float | None = None
    east: float | None = None


def box_around(place: Near) -> Box:
    """Returns a box that holds all places within the radius."""
    angle = place.radius_km / EARTH_KM
    if angle >= pi:
        return Box(-90, 90)
    margin = degrees(angle) + _MARGIN_DEGREES
    south, north = place.latitude - margin, place.latitude + margin
    if south <= -90 or north >= 90:  # a pole lies in the circle, and all longitudes meet there
        return Box(south, north)
    aside = degrees(asin(min(1.0, sin(angle) / cos(radians(place.latitude))))) + _MARGIN_DEGREES
    west, east = place.longitude - aside, place.longitude + aside
    return Box(
        south, north, west + 360 if west < -180 else west, east - 360 if east > 180 else east
    )


def box_of(place: Within) -> Box:
    """Returns the box as it was given."""
    return Box(place.south, place.north, place.west, place.east)
