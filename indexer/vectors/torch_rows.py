"""Float16 rows on a torch device, in blocks that grow, and what is multiplied with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from indexer.errors import ConfigError, Unavailable
from indexer.types import Vectors

SCORE_BYTES = 2**28
"""What the scores of one tile take at most; picking the best of them takes about as much again."""

_BLOCK_BYTES = 2**30
_SMALLEST_BLOCK = 1024  # rows
_SINGLES_BYTES = 2**26  # of rows turned into float32 at once
_ALLOWED_ERROR = 2e-4


class Rows:
    """Rows of one length, one after the other, that never leave the device.

    All blocks but the last are full and of one size; the last one doubles as it fills. So rows are
    sent once, and moving what is there takes one more block, not the whole a second time.
    """

    def __init__(self, dim: int, device: torch.device, block_bytes: int = _BLOCK_BYTES) -> None:
        self._dim = dim
        self._device = device
        self._block_rows = max(1, block_bytes // (2 * dim))
        self._blocks: list[torch.Tensor] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def reserve(self, more: int) -> None:
        """Makes room for so many rows more.

        Raises:
            Unavailable: the device has too little memory; nothing was taken of it.
        """
        sizes = self._sizes(self._count + more)
        held = [len(block) for block in self._blocks]
        if sum(sizes) <= sum(held):
            return
        held += [0] * (len(sizes) - len(held))
        fresh = [at for at, size in enumerate(sizes) if size > held[at]]
        need = sum(sizes[at] for at in fresh) * self._dim * 2 + 3 * SCORE_BYTES
        have = free_bytes(self._device)
        if have is not None and have < need:
            raise Unavailable(
                f"{self._device} has {have / 1e9:.2f} GB free, but {need / 1e9:.2f} GB are needed "
                f"to hold {self._count + more:,} vectors of {self._dim} dimensions and to search "
                "them. End what else uses it, or search on the processor: set ATISBO_INDEX=faiss."
            )
        for at in fresh:
            block = torch.empty((sizes[at], self._dim), dtype=torch.float16, device=self._device)
            if held[at]:
                block[: held[at]] = self._blocks[at]
                self._blocks[at] = block
            else:
                self._blocks.append(block)

    def append(self, rows: torch.Tensor) -> None:
        """Adds float16 (n, dim) rows, of any device, for which there is room."""
        self._write(self._count, rows)
        self._count += len(rows)

    def keep(self, stay: torch.Tensor) -> None:
        """Drops the rows where bool (rows,) `stay` is false; the others keep their order."""
        chosen = [part.nonzero().squeeze(1) for part in torch.split(stay, self._block_rows)]
        # taken before anything moves: running out of memory half-way would mix up the rows
        scratch = torch.empty_like(self._blocks[0])
        kept = 0
        for block, at in zip(self._blocks, chosen, strict=False):
            moved = scratch[: len(at)]
            torch.index_select(block, 0, at, out=moved)
            self._write(kept, moved)
            kept += len(at)
        self._count = kept
        del self._blocks[len(self._sizes(kept)) :]

    def tiles(self, most: int) -> Iterator[tuple[int, torch.Tensor]]:
        """Yields all rows, float16 (up to `most`, dim), and the position of the first of them."""
        for number, block in enumerate(self._blocks):
            start = number * self._block_rows
            here = block[: max(0, self._count - start)]
            for at in range(0, len(here), most):
                yield start + at, here[at : at + most]

    def _sizes(self, count: int) -> list[int]:
        whole, rest = divmod(count, self._block_rows)
        sizes = [self._block_rows] * whole
        if rest:
            doubled = 1 << (max(rest, _SMALLEST_BLOCK) - 1).bit_length()
            sizes.append(min(self._block_rows, doubled))
        return sizes

    def _write(self, at: int, rows: torch.Tensor) -> None:
        done = 0
        while done < len(rows):
            number, start = divmod(at + done, self._block_rows)
            some = rows[done : done + self._block_rows - start]
            self._blocks[number][start : start + len(some)].copy_(some)
            done += len(some)


class Scorer(NamedTuple):
    """A way to multiply. `product` takes float32 (q, dim) and float16 (n, dim) on the device and
    returns float32 (q, n); `tile_rows` takes q and dim, and returns the n that it may be given."""

    product: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    tile_rows: Callable[[int, int], int]


def _by_halves(queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Each query as the sum of two float16 ones, which is as exact as float32.

    The device then reads the rows as they are, which is all that takes time where queries are few.
    """
    high = queries.half()
    low = (queries - high.float()).half()
    both = torch.mm(torch.cat([high, low]), rows.T, out_dtype=torch.float32)
    return both[: len(queries)].add_(both[len(queries) :])


def _by_singles(queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return torch.mm(queries, rows.float().T)


HALVES = Scorer(_by_halves, lambda queries, dim: SCORE_BYTES // (8 * queries))
SINGLES = Scorer(
    _by_singles,
    lambda queries, dim: min(SCORE_BYTES // (4 * queries), _SINGLES_BYTES // (4 * dim)),
)

_SCORERS = {"cuda": (HALVES, SINGLES), "cpu": (SINGLES,)}


def open_scorer(device: torch.device, dim: int) -> Scorer:
    """Returns the fastest way to multiply that this device does right, which is tried here.

    Raises:
        ConfigError: none gives the right scores.
    """
    found = []
    for scorer in _SCORERS[device.type]:
        try:
            error = _error_of(scorer, device, dim)
        except (TypeError, RuntimeError) as failure:  # torch before 2.8, or a device without it
            found.append(str(failure).splitlines()[0])
            continue
        if error < _ALLOWED_ERROR:
            return scorer
        found.append(f"a score is off by {error:.4f}")
    raise ConfigError(
        f"{device} does not multiply as it should ({'; '.join(found)}). Search on the processor: "
        "set ATISBO_INDEX=faiss."
    )


def _error_of(scorer: Scorer, device: torch.device, dim: int) -> float:
    random = np.random.default_rng(0)
    queries, rows = _unit(random, 3, dim), _unit(random, 500, dim).astype(np.float16)
    scores = scorer.product(torch.from_numpy(queries).to(device), torch.from_numpy(rows).to(device))
    expected = queries.astype(np.float64) @ rows.astype(np.float64).T
    return float(np.nan_to_num(np.abs(scores.cpu().numpy() - expected), nan=np.inf).max())


def _unit(random: np.random.Generator, count: int, dim: int) -> Vectors:
    rows: Vectors = random.normal(size=(count, dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def free_bytes(device: torch.device) -> int | None:
    """Returns how much of the device's memory can be had; None where torch cannot tell."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    spare = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + spare


@contextmanager
def at_work(device: torch.device) -> Iterator[None]:
    """Turns what the device refuses into a clear error.

    Raises:
        Unavailable: it ran out of memory or failed.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise Unavailable(
            f"{device} ran out of memory in the midst of a search or of taking in vectors. End "
            "what else uses it, or search on the processor: set ATISBO_INDEX=faiss."
        ) from error
    except RuntimeError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unavailable(
            f"{device} failed ({reason}). Restart, or search on the processor: set "
            "ATISBO_INDEX=faiss."
        ) from error
