"""Films: a sequence of moments, one for each shot, each with the stretch that it stands for."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from PIL.Image import Image

from indexer.errors import MediaError
from indexer.media.facts import video_facts
from indexer.media.film import Film
from indexer.media.film_words import words_inside
from indexer.media.shots import Shots
from indexer.types import Facts, Kind, Sample, SourceFile

_UNREAD_MS = 2_000  # what a header may promise beyond the last picture


class _Clock:
    """Counts the time that a reader works, not the time that others take between."""

    def __init__(self, limit_s: float) -> None:
        self._left_s = limit_s
        self._since: float | None = None
        self.go()

    def go(self) -> None:
        self._since = time.monotonic()

    def pause(self) -> None:
        if self._since is not None:
            self._left_s -= time.monotonic() - self._since
            self._since = None

    def is_over(self) -> bool:
        spent_s = 0.0 if self._since is None else time.monotonic() - self._since
        return spent_s > self._left_s


class VideoReader:
    """Reads a film: its moments, the words inside it, and what it tells of itself.

    Safe to use from many threads.
    """

    kind = Kind.VIDEO

    def __init__(
        self,
        min_side: int,
        max_pixels: int,
        *,
        every_s: float = 10.0,
        max_moments: int = 5000,
        time_limit_s: float = 900.0,
    ) -> None:
        """Remembers how far films are read.

        Args:
            min_side: Shorter side of the moments' pictures, in pixels, if it was larger.
            max_pixels: A film of larger pictures is refused.
            every_s: A long take gives one moment every so often.
            max_moments: No more are taken of one film.
            time_limit_s: Reading one film takes no longer; what was read until then stays.
        """
        self._min_side = min_side
        self._max_pixels = max_pixels
        self._every_ms = round(every_s * 1000)
        self._max_moments = max_moments
        self._time_limit_s = time_limit_s

    def read(self, source: SourceFile) -> Iterator[Sample | Facts]:
        clock = _Clock(self._time_limit_s)
        position, full = 0, False
        with Film(source.location, max_pixels=self._max_pixels) as film:
            shots = Shots(
                film, every_ms=self._every_ms, min_side=self._min_side, is_over=clock.is_over
            )
            for position, moment in enumerate(shots.moments(), 1):
                width, height = film.size
                clock.pause()
                yield Sample(moment.image, position, width=width, height=height, span=moment.span)
                clock.go()
                if position == self._max_moments:
                    full = True
                    break
            if not position:
                raise MediaError(f"no picture in it can be decoded ({film.damage or 'none found'})")
            why = self._what_stopped(film, shots, full=full, late=clock.is_over())
            facts = Facts(
                width=film.size[0],
                height=film.size[1],
                duration_ms=film.duration_ms or shots.end_ms,
                codec=film.codec,
                note=why,
            )
            tags = film.tags
        yield from words_inside(source.location, position + 1)
        told = video_facts(
            tags,
            name=PurePosixPath(source.path).name,
            mtime_ns=source.mtime_ns,
            duration_ms=facts.duration_ms,
        )
        yield replace(
            told, width=facts.width, height=facts.height, codec=facts.codec, note=facts.note
        )

    def _what_stopped(self, film: Film, shots: Shots, *, full: bool, late: bool) -> str | None:
        """Returns what was left out of the film and why."""
        whole = film.duration_ms
        of = "" if whole is None else f" of {_clock_time(whole)}"
        until = f"read up to {_clock_time(shots.end_ms)}{of}"
        if full:
            return f"{until}: it has {self._max_moments:,} moments by then. Raise --max-moments"
        if late:
            return f"{until}: it took {self._time_limit_s:g} s by then. Raise --video-seconds"
        if whole is not None and shots.end_ms < whole - _UNREAD_MS:
            return f"{until}: the rest is missing or damaged ({film.damage or 'the file ends'})"
        if film.damage is not None:
            return f"damaged in places ({film.damage})"
        return "it shows nothing: all of it is of one colour" if shots.is_blank else None


def frame_at(path: Path, at_ms: int, *, side: int, max_pixels: int) -> Image:
    """Returns what the film shows at that time, upright, RGB, shorter side `side` if it was.

    Raises:
        MediaError: it cannot be read there.
    """
    with Film(path, max_pixels=max_pixels) as film:
        found = None
        for _, frame in film.frames(at_ms, at_ms + 1, every=True):
            found = frame
        if found is None:  # a time before the first frame, or a key frame that is lost
            _, found = next(film.frames(0, film.duration_ms or at_ms + 1, every=True), (0, None))
        if found is None:
            raise MediaError(f"there is no picture at {_clock_time(at_ms)}")
        return film.picture(found, side)


def _clock_time(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
