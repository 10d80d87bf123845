"""A film cut into its shots: by key frames where these tell enough, else frame by frame.

Encoders that watch for cuts (x264, as it comes) put a key frame at each, so the frames between need
not be decoded: 200 times real time instead of 7. Where key frames come at fixed times, as from
phones, screen recorders and broadcast, or hardly ever, what lies between two of them is decoded if
they differ or if the sizes of the packets between tell of a new picture.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from av.video.frame import VideoFrame
from PIL.Image import Image

from indexer.media.cuts import CLEARER, FLAT, SMALL_SIDE, Look, Moment, detail
from indexer.media.film import Film, Stretch
from indexer.types import Span

_LEAST_SHOT_MS = 500  # shorter ones are flashes, not shots
_EARLY = 0.75  # of the time after which a long take is divided: key frames come when they come
_LONG_MS = 12_000
_CLOSE_MS = 200
_SETTLED_MS = 1_000  # after a packet that may hold a new picture; what comes is seen by then
_STILL = 0.3  # all packets of a stretch in which nothing moves, of its key frame's size
_MORE_THAN_BLANK = 0.3  # black frames after a black key frame have about a tenth of its size
_NEW_PICTURE, _NEW_PICTURE_OF_MEDIAN = 0.4, 5.0
_FIXED = 0.2  # of all stretches, from which on it is no chance that one is as long as another
_SLOW_FRAME_MS = 50.0
_SAMPLED_MS = 100
_DISSOLVE_MS, _STEADY_MS = 1_500, 500  # a change that is over within the first, steady around it


@dataclass(slots=True)
class _Shot:
    """A shot as far as it was seen; `image` is the picture that stands for it."""

    start_ms: int
    end_ms: int = 0
    best_ms: int = 0
    image: Image | None = None
    look: Look | None = None
    detail: float = 0.0

    def moment(self) -> Moment:
        assert self.image is not None
        best_ms = min(max(self.best_ms, self.start_ms), max(self.start_ms, self.end_ms - 1))
        return Moment(Span(self.start_ms, self.end_ms, best_ms), self.image)


class Shots:
    """The shots of a film; `is_blank` tells afterwards that it shows nothing from end to end."""

    def __init__(
        self, film: Film, *, every_ms: int, min_side: int, is_over: Callable[[], bool]
    ) -> None:
        """Looks at the film until `is_over`, which is asked often.

        Args:
            film: The open film.
            every_ms: A long take gives one moment every so often.
            min_side: Of the moments' pictures, in pixels.
            is_over: Whether to stop; what was seen until then stays.
        """
        self._film = film
        self._every_ms = every_ms
        self._min_side = min_side
        self._is_over = is_over
        self._shot = _Shot(0)
        self._last: Look | None = None
        self._lengths: Counter[int] = Counter()
        self._sampled: deque[tuple[int, Look]] = deque(maxlen=_DISSOLVE_MS * 2 // _SAMPLED_MS)
        self.end_ms = 0
        self.is_blank = False

    def moments(self) -> Iterator[Moment]:
        """Yields the moments in order of time: shots without flashes, blanks and repetitions."""
        kept: _Shot | None = None
        blank: _Shot | None = None
        yielded = False
        for shot in self._cut():
            if kept is not None and shot.end_ms - shot.start_ms < _LEAST_SHOT_MS:
                kept.end_ms = shot.end_ms
            elif shot.image is None or shot.look is None:
                continue
            elif shot.look.is_blank:
                blank = blank or shot
            elif kept is not None and kept.look is not None and shot.look.is_alike(kept.look):
                kept.end_ms = shot.end_ms
            else:
                if kept is not None:
                    yield kept.moment()
                    yielded = True
                kept = shot
        if kept is None and not yielded and blank is not None:
            self.is_blank = True
            kept = blank
        if kept is not None:
            yield kept.moment()

    def _cut(self) -> Iterator[_Shot]:
        for stretch, following in _followed(self._film.stretches()):
            self.end_ms = stretch.end_ms
            if stretch.frame is None:
                continue
            if self._shot.image is not None and self._is_over():
                break
            look, shows = self._looked(stretch.frame)
            is_cut = self._last is not None and not look.is_shot_of(self._last)
            if is_cut or stretch.start_ms - self._shot.start_ms >= _EARLY * self._every_ms:
                yield self._close(stretch.start_ms)
            self._see(stretch.start_ms, stretch.frame, look, shows)
            until_ms = self._hides_something(stretch, look, following)
            if until_ms is not None:
                yield from self._through(stretch, following, until_ms)
        yield self._close(self.end_ms)

    def _hides_something(
        self, stretch: Stretch, look: Look, following: Stretch | None
    ) -> int | None:
        """Returns up to what time the frames after a key frame have to be looked at, if at all."""
        lasts_ms = stretch.end_ms - stretch.start_ms
        sizes = stretch.sizes
        count = len(sizes) + 1
        self._lengths[count] += 1
        if lasts_ms <= _CLOSE_MS or not sizes:
            return None
        if lasts_ms > max(_LONG_MS, 1.5 * self._every_ms):
            return stretch.end_ms if sum(sizes) > _STILL * stretch.key_size else None
        if look.is_blank:
            shows_more = max(sizes) > _MORE_THAN_BLANK * stretch.key_size
            return stretch.end_ms if shows_more else None
        new = max(_NEW_PICTURE * stretch.key_size, _NEW_PICTURE_OF_MEDIAN * median(sizes))
        changes = [ms for ms, size in stretch.packets if size > new]
        if changes:
            return changes[-1] + _SETTLED_MS
        if following is None or following.frame is None:
            return None
        often = max(3, _FIXED * self._lengths.total())
        is_fixed = len(following.packets) == len(sizes) or self._lengths[count] >= often
        differs = is_fixed and not self._looked(following.frame)[0].is_shot_of(look)
        return stretch.end_ms if differs else None

    def _through(
        self, stretch: Stretch, following: Stretch | None, until_ms: int
    ) -> Iterator[_Shot]:
        """Looks at each frame after this key frame, up to the next one if need be."""
        every = self._film.frame_ms() > _SLOW_FRAME_MS
        self._sampled.clear()
        for ms, frame in self._film.frames(stretch.start_ms, stretch.end_ms, every=every):
            if self._is_over():
                return
            if ms <= stretch.start_ms:
                continue
            look, shows = self._looked(frame)
            if ms > until_ms:
                until_ms = stretch.end_ms
                if self._leads_to(look, following):
                    return
            if self._last is not None and not look.is_shot_of(self._last):
                self._sampled.clear()
                yield self._close(ms)
            elif (dissolved_ms := self._dissolved(ms, look)) is not None:
                self._sampled.clear()
                yield self._close(dissolved_ms)
            elif ms - self._shot.start_ms >= self._every_ms:
                yield self._close(ms)
            self._see(ms, frame, look, shows)

    def _leads_to(self, look: Look, following: Stretch | None) -> bool:
        if following is None or following.frame is None:
            return True
        return self._looked(following.frame)[0].is_shot_of(look)

    def _dissolved(self, ms: int, look: Look) -> int | None:
        """Returns the middle of a change that took a while and is over; a pan never is."""
        if self._sampled and ms - self._sampled[-1][0] < _SAMPLED_MS:
            return None
        self._sampled.append((ms, look))
        before = [one for one in self._sampled if ms - one[0] >= _DISSOLVE_MS]
        after = [one for one in self._sampled if ms - one[0] <= _STEADY_MS]
        steady_ms = ms - _DISSOLVE_MS - _STEADY_MS
        if not before or before[0][0] > steady_ms or self._shot.start_ms > steady_ms:
            return None
        old = before[-1][1]
        if look.is_shot_of(old) or not look.is_alike(after[0][1]):
            return None
        if not all(old.is_alike(one) for at, one in before if at >= steady_ms - _SAMPLED_MS):
            return None
        return ms - (_DISSOLVE_MS + _STEADY_MS) // 2

    def _see(self, ms: int, frame: VideoFrame, look: Look, shows: float) -> None:
        self._last = look
        if self._shot.image is None or shows > max(FLAT, CLEARER * self._shot.detail):
            self._shot.image = self._film.picture(frame, self._min_side)
            self._shot.best_ms, self._shot.look, self._shot.detail = ms, look, shows

    def _close(self, ms: int) -> _Shot:
        closed, self._shot = self._shot, _Shot(ms)
        closed.end_ms = max(ms, closed.start_ms)
        return closed

    def _looked(self, frame: VideoFrame) -> tuple[Look, float]:
        small = self._film.small(frame, SMALL_SIDE).astype(np.float32)
        return Look.of(small), detail(small)


def _followed(stretches: Iterator[Stretch]) -> Iterator[tuple[Stretch, Stretch | None]]:
    """Yields each stretch with the next one, None for the last."""
    held: Stretch | None = None
    for stretch in stretches:
        if held is not None:
            yield held, stretch
        held = stretch
    if held is not None:
        yield held, None
