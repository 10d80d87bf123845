"""When a picture was taken: times as files and their names write them, with what they leave open.

A moment is a naive time on the clock of the place and how far off it may be: a day alone is its
noon, within half a day.
"""

import re
from calendar import isleap, monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple

_FIRST_PHOTOGRAPH = 1826
_FIRST_DIGITAL = 1990  # eight digits in a row that would mean an earlier day are a number
_AHEAD = timedelta(days=1)
_DAY_S = 86_400

# Where clocks begin to count: what devices say that were never told the time. West of Greenwich
# 1970 began on the last day of 1969.
_EPOCHS = frozenset({date(1904, 1, 1), date(1970, 1, 1), date(1969, 12, 31)})
_RESETS = frozenset({1980, 2000})

_FARTHEST_ZONE = timedelta(hours=4)  # from the sun's time to the clock's: western Alaska, Kashgar
_DATE_LINE = 150  # degrees east or west; beyond, islands keep another day than the sun

_DATE = re.compile(
    r"(?P<year>\d{4})"
    r"(?:(?P<month>\d{2})(?P<day>\d{2})(?!\d(?!\d{5}(?!\d)))"  # a day, or all of "20190704123456"
    r"|[-:/. ](?P<month2>\d{1,2})(?:[-:/. ](?P<day2>\d{1,2}))?(?!\d)"
    r"|(?![0-9A-Za-z]))",
    re.ASCII,
)
_TIME = re.compile(
    r"[T ,_]*(?P<hour>\d{1,2})(?P<colon>[:.h-]?)(?P<minute>\d{2})"
    r"(?:(?P=colon)(?P<second>\d{2})(?:[.,:](?P<part>\d{1,9}))?)?"
    r"(?P<half> ?[AaPp]\.?[Mm]\.?)?",
    re.ASCII,
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d{2}):?(?P<minutes>\d{2})?", re.ASCII)

# In names: a day, then mostly a time. "20190704" counts only where no digit or letter of a longer
# number or word touches it, but for the word that phones put before it ("IMG20190704123456").
_NAMED = re.compile(
    r"(?<![0-9])(?<![0-9][A-Za-z])"
    r"(?P<year>\d{4})(?P<between>[-_.]?)(?P<month>\d{2})(?P=between)(?P<day>\d{2})"
    r"(?:(?P<then>[-_. T]|_at_| at |, |)(?P<hour>\d{1,2})(?P<colon>[-_.:h]?)(?P<minute>\d{2})"
    r"(?:(?P=colon)(?P<second>\d{2})(?:\d{3})?)?(?P<half>[ \u202f]?[AP]M)?(?![0-9]))?"
    r"(?![0-9A-Za-z])",
    re.ASCII,
)
_NAMED_IN_UTC = re.compile(r"PXL_", re.IGNORECASE)  # Google's Pixel phones


class Moment(NamedTuple):
    """A naive time, how far off it may be in seconds, and that clock's minutes ahead of UTC."""

    at: datetime
    within_s: int
    utc_offset_min: int | None = None

    @property
    def utc(self) -> datetime | None:
        """The naive time in UTC, None where the offset is not known."""
        if self.utc_offset_min is None:
            return None
        return self.at - timedelta(minutes=self.utc_offset_min)


def parsed(text: str, *, part: str = "", offset: str = "") -> Moment | None:
    """Returns the moment that EXIF, XMP, IPTC or a film's tag writes; None where it is none.

    Reads "2019:07:04 12:34:56", ISO 8601, other separators, and what breaks off: a month or a year
    alone. Where the time of day makes no sense ("24:00:00") the day alone counts.

    Args:
        text: The time.
        part: The digits of its fraction of a second, where they stand elsewhere.
        offset: Its clock's offset from UTC, "+02:00", where it stands elsewhere.
    """
    text = text.strip(" \0\t\r\n")
    found = _DATE.match(text)
    if found is None:
        return None
    day = _span(
        int(found["year"]),
        int(found["month"] or found["month2"] or 0),
        int(found["day"] or found["day2"] or 0),
    )
    if day is None or day.within_s != _DAY_S // 2:
        return day
    clock = _TIME.match(text, found.end())
    if clock is None:
        return day
    found_offset = text[clock.end() :].strip() or offset.strip(" \0")
    return _on(day, clock, clock["part"] or part, utc_offset(found_offset))


def of_iptc(day: str, clock: str) -> Moment | None:
    """Returns the moment of IPTC's "20190704" and "123456+0200", the latter may be missing."""
    return parsed(f"{day} {clock}")


def in_name(name: str) -> Moment | None:
    """Returns the moment that a file's name tells, such as "IMG_20190704_123456.jpg".

    None where it tells none: most numbers in names are none.
    """
    for found in _NAMED.finditer(name):
        year = int(found["year"])
        if not found["between"] and year < _FIRST_DIGITAL:
            continue
        month, day = int(found["month"]), int(found["day"])
        moment = _span(year, month, day) if month and day else None
        if moment is None:
            continue
        if not _tells_time(found):
            return moment
        timed = _on(moment, found, "", None)
        if timed is not None and timed is not moment and _NAMED_IN_UTC.match(name):
            return local(timed.at.replace(tzinfo=UTC))
        return timed
    return None


def _tells_time(found: re.Match[str]) -> bool:
    """Whether what follows the day in a name is a time, not a counter as in "20190704_0012"."""
    if not found["hour"]:
        return False
    if not found["colon"] and len(found["hour"]) < 2:
        return False
    return bool(found["second"] or found["colon"] or not found["then"])


def local(moment: datetime, longitude: float | None = None) -> Moment:
    """Returns an aware moment on what was likely the clock of the place.

    With a longitude that is the sun's clock, to the hour. Otherwise it is this machine's, for most
    pictures are taken near home; the uncertainty reaches to the farthest one, UTC-12 or UTC+14.
    """
    if longitude is not None and abs(longitude) <= _DATE_LINE:
        hours = round(longitude / 15)
        at = moment.astimezone(timezone(timedelta(hours=hours))).replace(tzinfo=None)
        return Moment(at, int(_FARTHEST_ZONE.total_seconds()), hours * 60)
    try:
        home = moment.astimezone()
    except (OSError, OverflowError):  # Windows knows no clocks before 1970
        home = moment.astimezone(UTC)
    ahead = home.utcoffset() or timedelta()
    farthest = max(ahead + timedelta(hours=12), timedelta(hours=14) - ahead)
    return Moment(
        home.replace(tzinfo=None),
        int(farthest.total_seconds()),
        int(ahead.total_seconds()) // 60,
    )


def utc_offset(text: str) -> int | None:
    """Returns "+02:00" or "Z" as minutes ahead of UTC; None where it is no offset on Earth."""
    if text in ("Z", "z"):
        return 0
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    minutes = int(found["hours"]) * 60 + int(found["minutes"] or 0)
    minutes = -minutes if found["sign"] == "-" else minutes
    return minutes if -12 * 60 <= minutes <= 14 * 60 and int(found["minutes"] or 0) < 60 else None


def _span(year: int, month: int, day: int) -> Moment | None:
    """Returns the middle of a day, or of a month or year where the rest is 0; None if not real."""
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:
        return None
    days = 1
    if not day:
        days = monthrange(year, month)[1] if month else 365 + isleap(year)
    start = datetime(first.year, first.month, first.day)
    half = timedelta(days=days) / 2
    if year < _FIRST_PHOTOGRAPH or start > datetime.now() + _AHEAD:
        return None
    if month and day and first in _EPOCHS:
        return None
    return Moment(start + half, int(half.total_seconds()))


def _on(day: Moment, clock: re.Match[str], part: str, offset: int | None) -> Moment | None:
    """Returns that time of the day, the day alone where there is no such time."""
    hour, minute = int(clock["hour"]), int(clock["minute"])
    second = None if clock["second"] is None else int(clock["second"])
    if clock["half"] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if "p" in clock["half"].lower() else 0)
    try:
        at = day.at.replace(hour=hour, minute=minute, second=second or 0)
    except ValueError:
        return day
    if (at.month, at.day, hour, minute, second) == (1, 1, 0, 0, 0):
        # Said of a scan whose year alone is known, and by cameras that lost their battery.
        return None if at.year in _RESETS else _span(at.year, 0, 0)
    if at > datetime.now() + _AHEAD:
        return None
    if second is None:
        return Moment(at.replace(second=30), 30, offset)
    digits = part.strip(" \0")
    if digits.isascii() and digits.isdigit():
        at = at.replace(microsecond=int(digits[:6].ljust(6, "0")))
    return Moment(at, 1, offset)
