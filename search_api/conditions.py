"""The fields that a query may filter by, and how their values are read: `taken:2019..2020-03`."""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite

from indexer.filters import (
    FAVOURITE,
    MAX_TAG,
    AnyOf,
    Between,
    Camera,
    Coded,
    Condition,
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
    tag_name,
)

_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_PIXELS = {"mp": 10**6}
_MILLISECONDS = {"ms": 1, "s": 1_000, "": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000}
_KILOMETRES = {"km": 1.0, "m": 0.001, "mi": 1.609344}
_ORIENTATIONS = ("landscape", "portrait", "square")
_DEFAULT_RADIUS_KM = 1.0
_PLACES = ("near", "box")
_NEAR = "a place, such as near:41.40,2.17,5km (degrees north and east, and how far around it)"
_BOX = "a box, such as box:41.3,2.0,41.5,2.3 (south, west, north, east, in degrees)"


class Refused(Exception):
    """A value is not one of its field; the message says what is."""


def condition(field: str, values: Sequence[str]) -> Condition:
    """Returns the condition that the field has one of the values.

    Args:
        field: One of `FIELDS`.
        values: As written after the colon, split at commas.

    Raises:
        Refused: a value is not one of the field.
    """
    values = [value.strip() for value in values]
    if not all(values):
        raise Refused(f"{field}: has an empty value")
    read = FIELDS[field]
    if field in _PLACES:
        return read(",".join(values))
    each = tuple(read(value) for value in values)
    return each[0] if len(each) == 1 else AnyOf(each)


def _kind(value: str) -> Condition:
    return Is(Shown(_one_of(tuple(Shown), "kind", value)))


def _is(value: str) -> Condition:
    _one_of((FAVOURITE, "favorite"), "is", value)
    return Tagged(FAVOURITE)


def _has(value: str) -> Condition:
    return Has(Known(_one_of(tuple(Known), "has", value)))


def _oriented(value: str) -> Condition:
    return Oriented(_one_of(_ORIENTATIONS, "orientation", value))


def _one_of(known: Sequence[str], field: str, value: str) -> str:
    if (found := value.casefold()) not in known:
        raise Refused(f"{field}: is one of {', '.join(known)}, not {value!r}")
    return found


def _folder(value: str) -> Condition:
    if not (name := value.strip("/")):
        raise Refused("folder: takes the name of a folder, such as folder:holidays/2019")
    return InFolder(name)


def _tag(value: str) -> Condition:
    if not 0 < len(name := tag_name(value)) <= MAX_TAG:
        raise Refused(f"a tag has 1 to {MAX_TAG} characters")
    return Tagged(name)


def _taken(value: str) -> Condition:
    operator, rest = _operator(value)
    if operator:
        start, end = _dates(rest)
        match operator:
            case ">":
                return Taken(start=end)
            case ">=":
                return Taken(start=start)
            case "<":
                return Taken(end=start)
        return Taken(end=end)
    low, dots, high = value.partition("..")
    if not dots:
        return Taken(*_dates(value))
    begin = _dates(low)[0] if low else None
    after = _dates(high)[1] if high else None
    if begin is None and after is None:
        raise Refused(_date_needed(value))
    if begin is not None and after is not None and begin >= after:
        raise Refused(f"{value} ends before it begins")
    return Taken(begin, after)


def _dates(value: str) -> tuple[datetime, datetime | None]:
    """Returns when a year, a month or a day begins, and when the next one does."""
    if not (found := _DATE.fullmatch(value)):
        raise Refused(_date_needed(value))
    year, month, day = (None if part is None else int(part) for part in found.groups())
    assert year is not None
    try:
        start = datetime(year, month or 1, day or 1)
        if day is not None:
            return start, start + timedelta(days=1)
        months = 12 if month is None else 1
        last = datetime(year, (month or 1) + months - 1, 1)
        return start, last + timedelta(days=monthrange(last.year, last.month)[1])
    except OverflowError:  # the last day that a calendar here knows
        return start, None
    except ValueError as error:
        raise Refused(f"{value!r} is no date: {error}") from error


def _date_needed(value: str) -> str:
    return (
        f"{value!r} is no date: write taken:2019, taken:2019-07, taken:2019-07-04, "
        "taken:2018..2019-06, taken:>2019 or taken:<2019"
    )


def _pixels(measure: Measure) -> Callable[[str], Condition]:
    def read(value: str) -> Condition:
        return _between(value, lambda one: (measure, _amount(one, {"": 1, "px": 1}, "1920")))

    return read


def _size(value: str) -> Condition:
    def read(one: str) -> tuple[Measure, float]:
        unit = _unit(one)
        units = _PIXELS if unit in _PIXELS else _BYTES
        return (
            Measure.PIXELS if unit in _PIXELS else Measure.BYTES,
            _amount(one, units, "12mp or 5MB"),
        )

    return _between(value, read)


def _duration(value: str) -> Condition:
    return _between(
        value, lambda one: (Measure.DURATION_MS, _amount(one, _MILLISECONDS, "30s or 2m"))
    )


def _between(value: str, read: Callable[[str], tuple[Measure, float]]) -> Condition:
    """Returns the condition for "5..9", "5..", "..9", ">5", ">=5", "<5", "<=5" or "5"."""
    operator, rest = _operator(value)
    if operator:
        measure, amount = read(rest)
        match operator:  # what is measured are whole numbers
            case ">":
                return Between(measure, low=amount + 1)
            case ">=":
                return Between(measure, low=amount)
            case "<":
                return Between(measure, high=amount - 1)
        return Between(measure, high=amount)
    low, dots, high = value.partition("..")
    if not dots:
        measure, amount = read(value)
        return Between(measure, amount, amount)
    ends = [read(end) if end else None for end in (low, high)]
    found = {end[0] for end in ends if end is not None}
    if len(found) != 1:
        raise Refused(f"{value!r} is no range: write 5..9, 5.. or ..9, in one unit")
    begin, end = (None if one is None else one[1] for one in ends)
    if begin is not None and end is not None and begin > end:
        raise Refused(f"{value} ends before it begins")
    return Between(found.pop(), begin, end)


def _operator(value: str) -> tuple[str, str]:
    for operator in (">=", "<=", ">", "<"):
        if value.startswith(operator):
            return operator, value[len(operator) :]
    return "", value


def _unit(value: str) -> str:
    found = _AMOUNT.fullmatch(value)
    return found[2].casefold() if found else ""


def _amount(value: str, units: Mapping[str, float], example: str) -> float:
    found = _AMOUNT.fullmatch(value)
    if not found or found[2].casefold() not in units:
        raise Refused(f"{value!r} is no measure: write {example}, with <, > or .. for a range")
    return float(found[1]) * units[found[2].casefold()]


def _near(value: str) -> Condition:
    parts = value.split(",")
    if len(parts) not in (2, 3):
        raise Refused(f"near: takes {_NEAR}")
    latitude, longitude = (_degrees(part, _NEAR) for part in parts[:2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise Refused(f"near: takes {_NEAR}")
    radius = _amount(parts[2], _KILOMETRES, "5km") if len(parts) == 3 else _DEFAULT_RADIUS_KM
    return Near(latitude, longitude, radius)


def _box(value: str) -> Condition:
    parts = value.split(",")
    if len(parts) != 4:
        raise Refused(f"box: takes {_BOX}")
    south, west, north, east = (_degrees(part, _BOX) for part in parts)
    if not -90 <= south <= north <= 90 or max(abs(west), abs(east)) > 180:
        raise Refused(f"box: takes {_BOX}")
    return Within(south, west, north, east)


def _degrees(value: str, wanted: str) -> float:
    try:
        found = float(value)
    except ValueError as error:
        raise Refused(f"{value!r} are no degrees: give {wanted}") from error
    if not isfinite(found):
        raise Refused(f"{value!r} are no degrees: give {wanted}")
    return found


FIELDS: Mapping[str, Callable[[str], Condition]] = {
    "kind": _kind,
    "folder": _folder,
    "path": Named,
    "taken": _taken,
    "camera": Camera,
    "near": _near,
    "box": _box,
    "orientation": _oriented,
    "width": _pixels(Measure.WIDTH),
    "height": _pixels(Measure.HEIGHT),
    "size": _size,
    "duration": _duration,
    "has": _has,
    "tag": _tag,
    "is": _is,
    "codec": lambda value: Coded(value.casefold()),
    "says": Says,
}
"""How the value of each field is read."""
