"""Animations: a picture that moves a little, or a film of several shots without sound."""

from collections.abc import Iterator
from itertools import count
from time import perf_counter

from PIL import Image

from indexer.errors import MediaError
from indexer.media.cuts import Choice, Frame, moments
from indexer.media.damage import DAMAGE, Size, reasons
from indexer.media.opening import Opened
from indexer.media.upright import Reduction, upright_rgb
from indexer.types import Facts, Sample, Span

_FORMATS = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
_SHORT_MS = 2_000  # what is over sooner is one picture, however much it flickers
_EVERY_MS = 10_000

_MAX_FRAMES = 5_000
_MAX_TOTAL_PIXELS = 3_000_000_000
_MAX_MS = 6 * 3_600_000
_MAX_WORK_S = 30.0

_LEAST_MS, _USUAL_MS = 20, 100  # browsers show a frame that wants less than 20 ms for 100


def is_animation(image: Image.Image) -> bool:
    """Whether the picture has several frames that follow each other in time.

    What codecs raise passes through.
    """
    return image.format in _FORMATS and bool(getattr(image, "is_animated", False))


def shown(found: Opened, reduction: Reduction, *, max_pixels: int) -> Iterator[Sample | Facts]:
    """Yields one picture that stands for the animation, or its moments if it is a film.

    The picture has position 0; moments have positions from 1 on, and spans. The last are facts: the
    length, and what was left out and why.

    Raises:
        MediaError: its first frame cannot be read.
    """
    reel = _Reel(found, reduction, max_pixels)
    held: list[Sample] = []
    position = 0
    for position, moment in enumerate(moments(reel.frames(), _EVERY_MS), 1):
        held.append(reel.sample(moment.image, position=position, span=moment.span))
        if position > 1 and reel.read_ms >= _SHORT_MS:
            yield from held
            held.clear()
    if position > 1 and reel.read_ms >= _SHORT_MS:
        yield from held
    elif reel.best.frame is not None:
        yield reel.sample(reel.best.frame.image)
    yield reel.facts()


def frame_at(found: Opened, reduction: Reduction, *, max_pixels: int, at_ms: int) -> Image.Image:
    """Returns the frame shown at that time, the last one for a later time.

    Raises:
        MediaError: the first frame cannot be read.
    """
    frame = None
    for frame in _Reel(found, reduction, max_pixels).frames():
        if frame.start_ms + frame.duration_ms > at_ms:
            break
    if frame is None:
        raise MediaError("the animation has no frames")
    return frame.image


class _Reel:
    """The frames of an open animation, one at a time, and what was seen of them so far."""

    def __init__(self, found: Opened, reduction: Reduction, max_pixels: int) -> None:
        self._found = found
        self._reduction = reduction
        self._max_pixels = max_pixels
        self._size: Size = found.size
        self.read_ms = 0
        self.note: str | None = None
        self.best = Choice()

    def sample(self, image: Image.Image, position: int = 0, span: Span | None = None) -> Sample:
        width, height = self._size
        return Sample(image, position=position, width=width, height=height, span=span)

    def facts(self) -> Facts:
        width, height = self._size
        return Facts(width=width, height=height, duration_ms=self.read_ms, note=self.note)

    def frames(self) -> Iterator[Frame]:
        image = self._found.image
        # An APNG may begin with a picture that stands outside the animation.
        start = 1 if self._begins_with_a_still() else 0
        pixels, work_s = 0, 0.0
        for index in count(start):
            began = perf_counter()
            try:
                with reasons(self._found.head, self._max_pixels):
                    if index and not self._turned(index):
                        return
                    rgb, self._size = upright_rgb(image, self._reduction)
            except MediaError as error:
                if index == start:
                    raise
                self._stop(f"the rest is damaged ({error})")
                return
            frame = Frame.of(self.read_ms, _duration_ms(image), rgb)
            self.read_ms += frame.duration_ms
            self.best.see(frame)
            work_s += perf_counter() - began
            yield frame
            pixels += image.width * image.height
            if index - start + 1 >= _MAX_FRAMES:
                return self._stop(f"it has more than {_MAX_FRAMES:,} frames")
            if pixels >= _MAX_TOTAL_PIXELS or work_s >= _MAX_WORK_S or self.read_ms >= _MAX_MS:
                return self._stop("the animation is very long")

    def _begins_with_a_still(self) -> bool:
        """Turns to the first frame past a still; False if there is none or only it can be read."""
        image = self._found.image
        if not getattr(image, "default_image", False):
            return False
        try:
            image.seek(1)
            image.load()
        except DAMAGE:
            image.seek(0)
            return False
        return True

    def _turned(self, index: int) -> bool:
        image = self._found.image
        try:
            image.seek(index)
        except EOFError:
            # A GIF tells only so that it is over; the others know how many frames they have.
            if image.format != "GIF" and index < getattr(image, "n_frames", 0):
                raise
            return False
        return True

    def _stop(self, why: str) -> None:
        seconds = self.read_ms // 1000
        self.note = f"read up to {seconds // 60}:{seconds % 60:02}: {why}"


def _duration_ms(image: Image.Image) -> int:
    duration = image.info.get("duration", 0)
    wanted = int(duration) if isinstance(duration, int | float) else 0
    return min(wanted, _MAX_MS) if wanted >= _LEAST_MS else _USUAL_MS
