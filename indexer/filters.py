"""Conditions on items, as a catalogue checks them. Records only.

What a condition asks of a caption is asked of the picture or film that it describes, and what it
asks of a moment, of its film; of a file with exact copies it is enough that one of them lies in the
folder, or has the name, that is asked for.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Shown(StrEnum):
    """What an item is, for people: moments are stretches of films, all else stands for itself."""

    PICTURE = "picture"
    MOMENT = "moment"
    FILM = "film"
    CAPTION = "caption"


class Known(StrEnum):
    """What an item may have or lack."""

    CAPTION = "caption"
    GPS = "gps"
    DATE = "date"
    TAG = "tag"


class Measure(StrEnum):
    """What can be measured of a file: pixels of the upright original, bytes, milliseconds."""

    WIDTH = "width"
    HEIGHT = "height"
    PIXELS = "pixels"
    BYTES = "bytes"
    DURATION_MS = "duration_ms"


@dataclass(frozen=True, slots=True)
class Is:
    """The item is of this sort."""

    shown: Shown


@dataclass(frozen=True, slots=True)
class InFolder:
    """A folder of this name is on its path, its root included; "a/b" asks for b right within a.

    Case does not matter.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Named:
    """Its path below the root, or its entry in a shard, fits a pattern of `*`, `?` and letters.

    A pattern without "/" is compared with the name of the file alone. Case does not matter.
    """

    pattern: str


@dataclass(frozen=True, slots=True)
class Taken:
    """It was taken from `start` on and before `end`, naive times on the clock of the place."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """The name of its camera contains this, whatever the case."""

    name: str


@dataclass(frozen=True, slots=True)
class Near:
    """It was taken within `radius_km` of this place, in degrees of WGS 84."""

    latitude: float
    longitude: float
    radius_km: float


@dataclass(frozen=True, slots=True)
class Within:
    """It was taken in this box of degrees; `west` is greater than `east` across 180°."""

    south: float
    west: float
    north: float
    east: float


@dataclass(frozen=True, slots=True)
class Oriented:
    """Its picture is "landscape", "portrait" or "square"."""

    orientation: str


@dataclass(frozen=True, slots=True)
class Between:
    """What is measured is at least `low` and at most `high`; what has no such measure is out."""

    measure: Measure
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Has:
    """It has what is named."""

    known: Known


@dataclass(frozen=True, slots=True)
class Tagged:
    """Somebody gave it this tag, as `tag_name` writes it."""

    name: str


@dataclass(frozen=True, slots=True)
class Coded:
    """Its pixels are coded so: "jpeg", "h264"."""

    codec: str


@dataclass(frozen=True, slots=True)
class Says:
    """These words stand, one after the other, in a caption or subtitle of it, or in its path."""

    phrase: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the conditions holds."""

    conditions: tuple["Condition", ...]


Condition = (
    Is
    | InFolder
    | Named
    | Taken
    | Camera
    | Near
    | Within
    | Oriented
    | Between
    | Has
    | Tagged
    | Coded
    | Says
    | AnyOf
)


@dataclass(frozen=True, slots=True)
class Filter:
    """What every result must fulfil; with `excluded`, what none may."""

    condition: Condition
    excluded: bool = False


FAVOURITE = "favourite"
"""The tag of what somebody likes best."""

MAX_TAG = 100


def tag_name(name: str) -> str:
    """Returns a tag as it is stored and compared: in lower case, each run of blanks as one."""
    return " ".join(name.casefold().split())
