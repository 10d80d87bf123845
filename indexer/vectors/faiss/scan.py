"""Exact search over the raw rows where they lie: mapped files are scanned without a copy."""

from functools import cached_property
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids, Matches, Vectors
from indexer.vectors.faiss.threads import cores, on_one_thread, side_by_side
from indexer.vectors.ranked import best
from indexer.vectors.segments import Half, State

Places = NDArray[np.int64]
"""Where rows stand in `State.rows`, int64 (n,)."""
Bits = NDArray[np.uint8]
"""A flag for each row, eight in a byte, the lowest bit first."""

_SMALLEST_PIECE = 4096
_CACHED_ROWS = 2048  # a multiple of 8, as flags are packed
_MERGED_AT_ONCE = 32
_READ_AT_ONCE = 2048
_COPIED_BELOW_SHARE = 0.25


class Chosen:
    """Which rows of a state may be found, and what searches made of that; nothing in it changes."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        """Takes which places of the state's rows may be found, bool (rows,)."""
        self.mask = mask
        self._bits: dict[Piece, Bits] = {}

    @cached_property
    def count(self) -> int:
        """How many rows may be found."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def places(self) -> Places:
        """Where these rows stand, ascending."""
        return np.flatnonzero(self.mask)

    def bits(self, piece: "Piece") -> Bits:
        """Returns which rows of the piece may be found, made at the first search of it."""
        found = self._bits.get(piece)
        if found is None:
            found = self._bits[piece] = _packed(self.mask[piece.places] & (piece.places >= 0))
        return found


class Piece:
    """Rows that are scanned in one go; their values stay where they are."""

    def __init__(self, rows: Half, places: NDArray[np.int32], ids: Ids) -> None:
        """Takes float16 (n, dim) rows, their places (-1: not to be found) and ids, both (n,)."""
        self._rows = rows  # FAISS gets no reference, only an address
        self.places = places
        self.ids = ids
        self._index = _view(rows)
        self._live = _packed(places >= 0) if (places < 0).any() else None

    def search(self, queries: Vectors, k: int, chosen: Chosen | None = None) -> Matches:
        """Returns the k best, fewer columns where there are fewer rows; holes may be anywhere."""
        return self._best(queries, k, self._kept(chosen))

    def search_batch(self, queries: Vectors, k: int, chosen: Chosen | None = None) -> Matches:
        """Returns the same, by comparing all queries with rows while these are in the cache."""
        kept = self._kept(chosen)
        found: list[Matches] = []
        for start in range(0, len(self.ids), _CACHED_ROWS):
            part = slice(start, start + _CACHED_ROWS)
            piece = Piece(self._rows[part], self.places[part], self.ids[part])
            bits = None if kept is None else kept[start // 8 : (start + _CACHED_ROWS) // 8]
            found.append(piece._best(queries, k, bits))
            if len(found) == _MERGED_AT_ONCE:
                found = [best(found, k)]
        return best(found, k, len(queries))

    def _kept(self, chosen: Chosen | None) -> Bits | None:
        return self._live if chosen is None else chosen.bits(self)

    def _best(self, queries: Vectors, k: int, kept: Bits | None) -> Matches:
        selector = None
        if kept is not None:
            selector = faiss.IDSelectorBitmap(kept)  # type: ignore[call-arg, arg-type]  # as below
        parameters = faiss.SearchParameters(sel=selector) if selector else None  # type: ignore[call-arg]  # FAISS's stubs know its C++ names only
        scores, at = self._index.search(queries, min(k, len(self.ids)), params=parameters)
        return Matches(np.where(at < 0, -1, self.ids[at]), np.where(at < 0, -np.inf, scores))


class Scan:
    """Exact search over all rows of a state, or over some of them."""

    def __init__(self, state: State, places: Places | None = None) -> None:
        """Prepares the rows at these places of `state.rows`, all where there are none named."""
        self._pieces: list[Piece] = []
        rows = state.rows
        segment, row, ids = rows.segment, rows.row, rows.ids
        if places is not None:
            segment, row, ids = segment[places], row[places], ids[places]
        else:
            places = np.arange(len(ids))
        self._size = len(ids)
        longest = max(_SMALLEST_PIECE, -(-self._size // cores()))
        for number, one in enumerate(state.segments):
            here = np.flatnonzero(segment == number)
            if not len(here):
                continue
            if len(here) < _COPIED_BELOW_SHARE * len(one.ids):
                self._cut(one.vectors.take(row[here], axis=0), places[here], ids[here], longest)
                continue
            at = np.full(len(one.ids), -1, np.int32)
            at[row[here]] = places[here]
            self._cut(one.vectors, at, one.ids, longest)

    def _cut(self, rows: Half, places: NDArray[np.integer], ids: Ids, longest: int) -> None:
        for start in range(0, len(ids), longest):
            part = slice(start, start + longest)
            self._pieces.append(Piece(rows[part], places[part].astype(np.int32), ids[part]))

    def __len__(self) -> int:
        return self._size

    def search(self, queries: Vectors, k: int, chosen: Chosen | None = None) -> Matches:
        """Returns the k best of each query, (queries, k) with holes at the end.

        Args:
            queries: float32 (n, dim).
            k: How many.
            chosen: Which rows may be found; None for all.
        """
        many = len(queries) > 1
        found = side_by_side(
            lambda piece: (piece.search_batch if many else piece.search)(queries, k, chosen),
            self._pieces,
        )
        return best(found, k, len(queries))


def search_places(state: State, places: Places, queries: Vectors, k: int) -> Matches:
    """Returns the k best of the rows at these places, by reading no others."""
    parts = [places[at : at + _READ_AT_ONCE] for at in range(0, len(places), _READ_AT_ONCE)]

    def search(part: Places) -> Matches:
        rows = state.gather(part)
        return Piece(rows, part.astype(np.int32), state.rows.ids[part]).search(queries, k)

    return best(side_by_side(search, parts), k, len(queries))


def _packed(flags: NDArray[np.bool_]) -> Bits:
    return np.packbits(flags, bitorder="little")


def decoded(rows: Half) -> Vectors:
    """Returns the rows as float32; FAISS has the fastest conversion."""
    found = np.empty(rows.shape, np.float32)
    if len(rows):
        quantizer: Any = faiss.ScalarQuantizer(rows.shape[1], faiss.ScalarQuantizer.QT_fp16)
        values = np.ascontiguousarray(rows).view(np.uint8).reshape(-1)
        ends = faiss.swig_ptr(values), faiss.swig_ptr(found)
        on_one_thread(lambda: quantizer.decode_c(*ends, len(rows)))
    return found


def _view(rows: Half) -> "faiss.IndexScalarQuantizer":
    """Returns a flat index whose codes are the rows themselves, which the caller keeps alive."""
    index = faiss.IndexScalarQuantizer(
        rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    values = rows.view(np.uint8).reshape(-1)
    index.ntotal = len(rows)
    codes: Any = index.codes  # FAISS's stubs do not know its fields
    if not hasattr(codes, "is_owned"):  # FAISS before 1.11 cannot look at memory of others
        faiss.copy_array_to_vector(values, codes)
        return index
    codes.view_data = codes.c_ptr = faiss.swig_ptr(values)
    codes.view_size = codes.c_size = values.nbytes
    codes.is_owned = False
    return index
