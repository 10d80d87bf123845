"""Where a picture was taken: degrees from what EXIF, XMP and films write."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

# ISO 6709 as films hold it: "+32.0929+034.8620+028.516/", also in degrees and minutes or seconds.
_ISO_6709 = re.compile(
    r"(?P<south>[+-])(?P<north>\d{2}|\d{4}|\d{6})(?P<north_part>\.\d+)?"
    r"(?P<west>[+-])(?P<east>\d{3}|\d{5}|\d{7})(?P<east_part>\.\d+)?"
    r"(?:[+-]\d+(?:\.\d+)?)?(?:CRS\w*)?/?",
    re.ASCII,
)
# XMP: "49,17.5N" and "49,17,30N".
_XMP = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?([NSEW])", re.ASCII)


class Place(NamedTuple):
    """Degrees north and east, WGS 84."""

    latitude: float
    longitude: float


def place(latitude: float | None, longitude: float | None) -> Place | None:
    """Returns the place; None where there is none on Earth.

    The point 0, 0 in the Gulf of Guinea is what devices write that do not know where they are.
    """
    if latitude is None or longitude is None:
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return Place(round(latitude, 7), round(longitude, 7))  # to a centimetre


def degrees(parts: Sequence[float], direction: str) -> float | None:
    """Returns degrees, minutes and seconds as degrees north or east.

    None where the degrees are missing or the direction is: a place on the wrong half of the Earth
    is worse than none. Minutes and seconds may be missing, or not a number (nan).
    """
    sign = {"N": 1, "E": 1, "S": -1, "W": -1}.get(direction.strip().upper()[:1])
    if sign is None or not parts or not 0 <= parts[0] <= 180:
        return None
    fractions = [0.0 if math.isnan(part) else part for part in parts[1:3]]
    if any(not 0 <= part <= 60 for part in fractions):
        return None
    minutes, seconds = (*fractions, 0.0, 0.0)[:2]
    return sign * (parts[0] + minutes / 60 + seconds / 3600)


def of_xmp(latitude: str, longitude: str) -> Place | None:
    """Returns the place that XMP writes as "49,17.5N"."""
    return place(*map(_of_xmp, (latitude, longitude)))


def of_iso6709(text: str) -> Place | None:
    """Returns the place that films write as "+32.0929+034.8620+028.516/"."""
    found = _ISO_6709.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    north = _packed(found["north"], found["north_part"], 2)
    east = _packed(found["east"], found["east_part"], 3)
    return place(
        None if north is None else float(found["south"] + "1") * north,
        None if east is None else float(found["west"] + "1") * east,
    )


def _of_xmp(text: str) -> float | None:
    found = _XMP.fullmatch(text.strip())
    if found is None:
        return None
    return degrees([float(part) for part in found.groups()[:3] if part], found[4])


def _packed(digits: str, part: str | None, whole: int) -> float | None:
    """Returns "DD", "DDMM" or "DDMMSS" as degrees; a fraction belongs to the last of them."""
    pieces = [digits[:whole], *re.findall("..", digits[whole:])]
    pieces[-1] += part or ""
    return degrees([float(piece) for piece in pieces], "N")
