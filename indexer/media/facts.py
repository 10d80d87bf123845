"""What a file tells of itself besides its content, as the catalogue keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from indexer.media import places, taken
from indexer.media.cameras import camera
from indexer.media.metadata import Metadata
from indexer.media.places import Place
from indexer.media.taken import Moment
from indexer.types import Facts, TakenFrom

_DAY_S = 86_400
_QUICKTIME = "com.apple.quicktime."
_LOCATIONS = (f"{_QUICKTIME}location.iso6709", "location", "location-eng")
_MAKERS = (f"{_QUICKTIME}make", "com.android.manufacturer", "make", "manufacturer")
_MODELS = (f"{_QUICKTIME}model", "com.android.model", "model")
_QUARTER_MIN = 15
_FIRST_FILES = 1990
_MODIFIED_WITHIN_S = _DAY_S  # cameras that write this time alone write it at once, editors later

Told = tuple[TakenFrom, Moment]


def photo_facts(
    metadata: Metadata,
    *,
    name: str,
    mtime_ns: int,
    width: int | None = None,
    height: int | None = None,
    codec: str | None = None,
) -> Facts:
    """Returns the facts of a picture.

    Args:
        metadata: What its file tells.
        name: The name of the file.
        mtime_ns: When the file was last changed, since 1970, in UTC.
        width: Pixels of the upright original.
        height: The same.
        codec: How the pixels are coded.
    """
    facts = _facts(metadata.taken or _guessed(metadata.modified, name, mtime_ns), metadata.place)
    return replace(facts, camera=metadata.camera, width=width, height=height, codec=codec)


def video_facts(
    tags: Mapping[str, str],
    *,
    name: str,
    mtime_ns: int,
    duration_ms: int | None = None,
    width: int | None = None,
    height: int | None = None,
    codec: str | None = None,
) -> Facts:
    """Returns the facts of a film from its container's tags, as FFmpeg names them.

    The other arguments are as in `photo_facts`; `duration_ms` also helps to tell the time zone.
    """
    told = _lower(tags)
    found = (places.of_iso6709(told.get(key, "")) for key in _LOCATIONS)
    place = next((one for one in found if one is not None), None)
    return replace(
        _facts(_filmed(told, name, duration_ms, place) or _guessed(None, name, mtime_ns), place),
        camera=camera(_first(told, _MAKERS), _first(told, _MODELS)),
        width=width,
        height=height,
        duration_ms=duration_ms,
        codec=codec,
    )


def _facts(told: Told | None, place: Place | None) -> Facts:
    facts = Facts()
    if told is not None:
        source, moment = told
        facts = replace(
            facts,
            taken_at=moment.at,
            # Copying, editing and unpacking may set a file's time: nothing bounds it.
            taken_within_s=None if source is TakenFrom.MTIME else moment.within_s,
            taken_from=source,
            utc_offset_min=moment.utc_offset_min,
        )
    if place is not None:
        facts = replace(facts, latitude=place.latitude, longitude=place.longitude)
    return facts


def _lower(tags: Mapping[str, str]) -> Mapping[str, str]:
    return {key.lower(): value for key, value in tags.items()}


def _first(told: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((told[key] for key in keys if told.get(key)), "")


def _filmed(
    told: Mapping[str, str], name: str, duration_ms: int | None, place: Place | None
) -> Told | None:
    """Returns when a film was begun by its own word and its name's; None if neither is told."""
    local = taken.parsed(told.get(f"{_QUICKTIME}creationdate", ""))
    if local is not None:
        return TakenFrom.VIDEO, local
    written = taken.parsed(told.get("creation_time", ""))
    if written is None:
        written = taken.parsed(_first(told, ("date_recorded", "date")))
        return None if written is None else (TakenFrom.VIDEO, written)
    named = taken.in_name(PurePosixPath(name).name)
    if written.utc is None:
        return _earlier(named, (TakenFrom.VIDEO, written))
    if named is not None and named.utc is None and named.within_s < _DAY_S // 2:
        # Phones name a film by their own clock and write its tag in UTC, at its start or its end.
        for start in (written.utc, written.utc - timedelta(milliseconds=duration_ms or 0)):
            offset = _offset(named.at - start, named.within_s)
            if offset is not None:
                return TakenFrom.VIDEO, named._replace(utc_offset_min=offset)
    likely = taken.local(written.utc.replace(tzinfo=UTC), place.longitude if place else None)
    return _earlier(named, (TakenFrom.VIDEO, likely))


def _offset(ahead: timedelta, within_s: int) -> int | None:
    """Returns a difference of clocks in minutes where it can be one of time zones."""
    quarters = round(ahead / timedelta(minutes=_QUARTER_MIN))
    off = abs(ahead - timedelta(minutes=_QUARTER_MIN * quarters))
    if off > timedelta(seconds=30 + within_s):
        return None
    minutes = _QUARTER_MIN * quarters
    return minutes if -12 * 60 <= minutes <= 14 * 60 else None


def _guessed(modified: Moment | None, name: str, mtime_ns: int) -> Told | None:
    """Returns when a picture was likely taken that does not tell it: by the best sign there is."""
    named = taken.in_name(PurePosixPath(name).name)
    if modified is not None:
        vague = modified._replace(within_s=max(modified.within_s, _MODIFIED_WITHIN_S))
        return _earlier(named, (TakenFrom.EXIF, vague))
    if named is not None:
        return TakenFrom.NAME, named
    try:
        changed = datetime.fromtimestamp(mtime_ns / 1e9, UTC)
        moment = taken.local(changed)
    except (OverflowError, OSError, ValueError):
        return None
    if changed.year < _FIRST_FILES or changed > datetime.now(UTC) + timedelta(days=1):
        return None  # an archive's or a system's zero, or a clock gone wrong
    return TakenFrom.MTIME, moment


def _earlier(named: Moment | None, written: Told) -> Told:
    """Returns what the file says, or what its name says if that is surely earlier.

    Who edits or exports a picture again writes a new time into it and mostly keeps its name.
    """
    if named is None:
        return written
    latest = named.at + timedelta(seconds=named.within_s)
    earliest = written[1].at - timedelta(seconds=written[1].within_s)
    return (TakenFrom.NAME, named) if latest < earliest else written
