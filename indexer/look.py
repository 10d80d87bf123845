"""How a picture looks, small: what tells copies of a picture from pictures of the same thing.

A model's vectors say that two pictures show alike things; copies also agree place by place. So each
picture becomes a luminance grid of 24 x 24 whose light and contrast are evened out around each cell
(a sky's gradient or a page's margin would else make any two alike), and grids a little larger, in
which a crop of up to 11 % is found at some shift. `alike` is the best correlation of two pictures.
"""

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from indexer.types import Ids

SIDE = 24
_SIDES = (24, 25, 26, 27)  # 24 of 27 cells are a crop of 11 %, 24 of 25 one of 4 %
_STARTS = np.cumsum([0, *(side * side for side in _SIDES)])
_COARSE = 8
_CHROMA = 6
_WINDOW = 7  # cells over which light and contrast are evened out
_NOISE = 8.0  # contrasts far below this many levels of 255 stay small
_FLAT = 2.0  # a picture of one colour, to within this many levels
_SAME_FLAT = 6.0  # levels of 255 by which the colours of flat pictures may differ
_GREY = 4.0  # root mean square of the chroma of pictures without colour
_SAME_CHROMA = 20.0
_COARSE_AT_LEAST = 0.6  # correlation of 8 x 8 cells: of crops by 10 %, 99 % have it
_SAME_AT = 0.9  # no crop needs to be looked for
_PAIRS_AT_ONCE = 256
_LOOKS_AT_ONCE = 512

Rows = NDArray[np.intp]
Floats = NDArray[np.float32]


Look = NDArray[np.uint8]
"""One picture, uint8 (2678,): luminance grids of sides 24 to 27, then chroma (2, 6, 6)."""


def look_of(thumbnail: bytes) -> Look | None:
    """Returns how the encoded picture looks, None where it cannot be decoded."""
    try:
        with Image.open(BytesIO(thumbnail)) as opened:
            # Averaging whole pixels first leaves little to convert and resize.
            small = opened.convert("RGB").reduce(max(1, min(opened.size) // 54)).convert("YCbCr")
    except (UnidentifiedImageError, OSError, ValueError):
        return None
    luminance, *chroma = small.split()
    cells = [(luminance, side) for side in _SIDES] + [(channel, _CHROMA) for channel in chroma]
    resized = (one.resize((side, side), Image.Resampling.BILINEAR) for one, side in cells)
    return np.concatenate([np.asarray(one).ravel() for one in resized])


@dataclass(frozen=True, slots=True)
class Sight:
    """How pictures are looked at: `stored` returns the look of an id from what is at hand, `made`
    from its file, each None where it cannot.

    `decoding` may be of processes, `stored` is picklable then; `comparing` is of threads.
    """

    stored: Callable[[int], Look | None]
    made: Callable[[int], Look | None]
    decoding: Executor
    comparing: ThreadPoolExecutor


class Looks:
    """The looks of n pictures, about 2.9 kB each, filled in as they are asked for."""

    def __init__(self, ids: Ids, sight: Sight) -> None:
        count = len(ids)
        self._ids = ids
        self._sight = sight
        self._asked = np.zeros(count, bool)
        self.seen = np.zeros(count, bool)
        self.flat = np.zeros(count, bool)
        # Zero pages cost no memory before they are written.
        self._fine = np.zeros((count, _STARTS[-1]), np.int8)
        self._coarse = np.zeros((count, _COARSE * _COARSE), np.float32)
        self._chroma = np.zeros((count, 2 * _CHROMA**2), np.int8)
        self._luminance = np.zeros(count, np.float32)

    @property
    def unseen(self) -> int:
        """How many were asked for and could not be had."""
        return int((self._asked & ~self.seen).sum())

    def load(self, rows: Rows) -> None:
        """Makes the looks of these rows known."""
        new = rows[~self._asked[rows]]
        self._asked[new] = True
        sight = self._sight
        for start in range(0, len(new), _LOOKS_AT_ONCE):
            some = new[start : start + _LOOKS_AT_ONCE]
            looks = self._looks(sight.decoding, sight.stored, some, together=16)
            lost = [at for at, look in enumerate(looks) if look is None]
            made = self._looks(sight.comparing, sight.made, some[lost], together=1)
            for at, look in zip(lost, made, strict=True):
                looks[at] = look
            if known := [look for look in looks if look is not None]:
                self._put(some[[look is not None for look in looks]], np.stack(known))

    def _looks(
        self, pool: Executor, look: Callable[[int], Look | None], rows: Rows, *, together: int
    ) -> list[Look | None]:
        return list(pool.map(look, self._ids[rows].tolist(), chunksize=together))

    def may_be_alike(self, first: slice, second: slice) -> NDArray[np.bool_]:
        """Returns bool (first, second), false where rows differ already in coarse form."""
        maybe = self._coarse[first] @ self._coarse[second].T >= _COARSE_AT_LEAST
        if self.flat[first].any() and self.flat[second].any():
            maybe |= self.flat[first, None] & self.flat[None, second]
        return np.asarray(maybe)

    def alike(self, first: Rows, second: Rows) -> Floats:
        """Returns float32 (pairs,), how much the loaded rows look the same; 1 is the same.

        Pictures of one colour are the same if their colours are; one that has no look, or other
        colours than the other, is 0. `pool` must be of threads.
        """
        starts = range(0, len(first), _PAIRS_AT_ONCE)
        parts = [slice(start, start + _PAIRS_AT_ONCE) for start in starts]
        found = self._sight.comparing.map(
            lambda part: self._compare(first[part], second[part]), parts
        )
        return np.concatenate([*found, np.empty(0, np.float32)])

    def _put(self, rows: Rows, looks: NDArray[np.uint8]) -> None:
        chroma = looks[:, _STARTS[-1] :].astype(np.int16) - 128
        grids = [
            looks[:, start : start + side * side].reshape(-1, side, side).astype(np.float32)
            for start, side in zip(_STARTS, _SIDES, strict=False)
        ]
        plain = grids[0].reshape(len(rows), -1)
        cells = SIDE // _COARSE
        coarse = plain.reshape(-1, _COARSE, cells, _COARSE, cells).mean((2, 4))
        coarse = coarse.reshape(len(rows), -1)
        evened = np.concatenate([_evened(grid).reshape(len(rows), -1) for grid in grids], axis=1)
        scale = 127 / np.maximum(np.abs(evened).max(1, keepdims=True), 1e-6)
        self._fine[rows] = np.rint(evened * scale)
        self._coarse[rows] = _unit(coarse - coarse.mean(1, keepdims=True))
        self._chroma[rows] = np.clip(chroma, -127, 127)
        self._luminance[rows] = plain.mean(1)
        self.flat[rows] = plain.std(1) < _FLAT
        self.seen[rows] = True

    def _same_colour(self, first: Rows, second: Rows) -> Floats:
        light = np.abs(self._luminance[first] - self._luminance[second]) <= _SAME_FLAT
        chroma = self._chroma_distance(first, second) <= _SAME_FLAT
        return np.asarray(light & chroma, np.float32)

    def _chroma_distance(self, first: Rows, second: Rows) -> Floats:
        difference = self._chroma[first].astype(np.float32) - self._chroma[second]
        return _rms(difference)

    def _compare(self, first: Rows, second: Rows) -> Floats:
        scores = np.zeros(len(first), np.float32)
        flat = self.flat[first] & self.flat[second]
        scores[flat] = self._same_colour(first[flat], second[flat])
        colourless = np.minimum(self._chroma_energy(first), self._chroma_energy(second)) < _GREY
        alike = colourless | (self._chroma_distance(first, second) <= _SAME_CHROMA)
        alike &= self.seen[first] & self.seen[second] & ~self.flat[first] & ~self.flat[second]
        first, second = first[alike], second[alike]
        ones, others = self._plain(first), self._plain(second)
        best = np.einsum("pi,pi->p", ones, others)
        crops = np.flatnonzero(best < _SAME_AT)
        for side in range(1, len(_SIDES)):
            for plain, windowed in ((ones, second), (others, first)):
                found = self._shifted(plain[crops], windowed[crops], side)
                best[crops] = np.maximum(best[crops], found)
        scores[alike] = best
        return scores

    def _chroma_energy(self, rows: Rows) -> Floats:
        return _rms(self._chroma[rows].astype(np.float32))

    def _plain(self, rows: Rows) -> Floats:
        return _unit(self._fine[rows, : _STARTS[1]].astype(np.float32))

    def _shifted(self, plain: Floats, rows: Rows, number: int) -> Floats:
        """Returns the best correlation of (p, 576) grids with a window of the rows' larger grid."""
        side = _SIDES[number]
        larger = self._fine[rows, _STARTS[number] : _STARTS[number + 1]].astype(np.float32)
        larger = larger.reshape(-1, side, side)
        best = np.full(len(rows), -1, np.float32)
        for top in range(side - SIDE + 1):
            for left in range(side - SIDE + 1):
                window = larger[:, top : top + SIDE, left : left + SIDE].reshape(-1, SIDE * SIDE)
                product = np.einsum("pi,pi->p", plain, window)
                length = np.sqrt(np.einsum("pi,pi->p", window, window))
                np.maximum(best, product / np.maximum(length, 1e-6), out=best)
        return best


def _evened(grids: Floats) -> Floats:
    """Returns the (n, side, side) grids less their local means, over their local contrast."""
    difference = grids - _local_mean(grids)
    contrast = np.sqrt(_local_mean(difference**2))
    return np.asarray(difference / (contrast + _NOISE), np.float32)


def _local_mean(grids: Floats) -> Floats:
    margin = _WINDOW // 2
    for axis in (1, 2):
        at = [(margin, margin) if one == axis else (0, 0) for one in range(3)]
        parts = np.lib.stride_tricks.sliding_window_view(np.pad(grids, at, "edge"), _WINDOW, axis)
        grids = np.asarray(parts.mean(-1), np.float32)
    return grids


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6)
    return unit


def _rms(rows: Floats) -> Floats:
    return np.asarray(np.sqrt((rows**2).mean(1)), np.float32)
