"""Cutting a row of frames into moments: one for each shot, more for a long one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.types import Span

SMALL_SIDE = 32
_GRID = 8
_CUT = 24.0  # mean difference of two frames, of 255, from which on they are two shots ...
_CUT_SHARE = 0.35  # ... and share of pixels that have got other colours
_ALIKE, _ALIKE_SHARE = 10.0, 0.1
_BLANK = 3.0  # of the standard deviation of its pixels
FLAT = 0.5  # of the mean step between neighbours, both directions together
_LEAST_SHOT_MS = 500
_COMPARED = 64  # earlier moments that a new one may repeat
CLEARER = 1.25


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, upright RGB, and when it is shown; `small` is float32 (32, 32, 3) of it."""

    start_ms: int
    duration_ms: int
    image: Image.Image
    small: NDArray[np.float32]

    @classmethod
    def of(cls, start_ms: int, duration_ms: int, image: Image.Image) -> "Frame":
        small = image.resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.BOX)
        return cls(start_ms, duration_ms, image, np.asarray(small, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Moment:
    """A stretch of frames and the one that stands for it."""

    span: Span
    image: Image.Image


class Choice:
    """The first of the frames seen that shows nearly as much as any of them.

    Animations begin blank, transparent or with a part of what they draw.
    """

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self._detail = 0.0

    def see(self, frame: Frame) -> None:
        seen = detail(frame.small)
        if self.frame is None or seen > max(FLAT, CLEARER * self._detail):
            self.frame, self._detail = frame, seen


def detail(small: NDArray[np.float32]) -> float:
    """Returns how much a picture shows: the mean step between neighbours, both ways together."""
    return float(sum(np.abs(np.diff(small, axis=axis)).mean() for axis in (0, 1)))


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared of a frame: its layout, float32 (8, 8, 3), and its colours, float32 (64,).

    Neither changes much where something moves.
    """

    layout: NDArray[np.float32]
    colours: NDArray[np.float32]
    is_blank: bool

    @classmethod
    def of(cls, small: NDArray[np.float32]) -> "Look":
        """Returns the look of a picture squeezed to float32 (32, 32, 3), of 0 to 255."""
        cell = SMALL_SIDE // _GRID
        layout = small.reshape(_GRID, cell, _GRID, cell, 3).mean(axis=(1, 3)).astype(np.float32)
        bins = (small // 64).astype(np.intp) @ [16, 4, 1]
        colours = (np.bincount(bins.ravel(), minlength=64) / bins.size).astype(np.float32)
        return cls(layout, colours, bool(small.std(axis=(0, 1)).max() < _BLANK))

    def is_shot_of(self, other: "Look") -> bool:
        """Whether both may be frames of one shot that follow each other."""
        return self._is_like(other, _CUT, _CUT_SHARE)

    def is_alike(self, other: "Look") -> bool:
        """Whether one stands for the other."""
        return self._is_like(other, _ALIKE, _ALIKE_SHARE)

    def _is_like(self, other: "Look", layout: float, share: float) -> bool:
        return bool(
            np.abs(self.layout - other.layout).mean() <= layout
            and np.abs(self.colours - other.colours).sum() / 2 <= share
        )


def moments(frames: Iterator[Frame], every_ms: int) -> Iterator[Moment]:
    """Yields a moment for each shot, and one every so often in a long shot.

    Moments that repeat an earlier one, or show nothing, are left out.
    """
    earlier: list[Look] = []
    for span, frame in _shots(frames, every_ms):
        look = Look.of(frame.small)
        if look.is_blank or any(look.is_alike(one) for one in earlier):
            continue
        earlier = [*earlier[1 - _COMPARED :], look]
        yield Moment(span, frame.image)


def _shots(frames: Iterator[Frame], every_ms: int) -> Iterator[tuple[Span, Frame]]:
    start_ms = end_ms = 0
    best = Choice()
    last: Look | None = None
    for frame in frames:
        look = Look.of(frame.small)
        lasted = frame.start_ms - start_ms
        cut = last is not None and not look.is_shot_of(last)
        if best.frame and ((cut and lasted >= _LEAST_SHOT_MS) or lasted >= every_ms):
            yield Span(start_ms, frame.start_ms, best.frame.start_ms), best.frame
            best, start_ms = Choice(), frame.start_ms
        best.see(frame)
        last, end_ms = look, frame.start_ms + frame.duration_ms
    if best.frame:
        yield Span(start_ms, end_ms, best.frame.start_ms), best.frame
