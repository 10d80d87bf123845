"""Libraries of other tools, as far as this one can use them: rows of names and vectors."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from indexer.types import Modality, Vectors

_SHORTEST = 1e-6


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A picture as a peer keeps it.

    Attributes:
        name: Its path, as the peer wrote it; or its key in a shard.
        place: Where in the peer its vectors are.
        caption: What it says of it, on one line.
        size_bytes: Of the file when it was embedded; None where not told.
        mtime_ns: The same.
        written_ns: When the vectors were written at the latest; None where files tell better.
    """

    name: str
    place: int
    caption: str | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None
    written_ns: int | None = None


class Peer(Protocol):
    """A library of another tool.

    Attributes:
        name: What the tool is called.
        dims: The length of its vectors, for each modality that it has.
        likely: The model that it was likely made with; None where nothing tells.
        bases: Folders that its relative paths may start from.
        troubles: What of it cannot be used, and why.
    """

    name: str
    dims: Mapping[Modality, int]
    likely: str | None
    bases: Sequence[Path]
    troubles: Sequence[str]

    def rows(self) -> Iterator[PeerRow]:
        """Yields what it holds, in the order in which its vectors lie."""
        ...

    def vectors(self, places: Sequence[int], modality: Modality) -> Vectors:
        """Returns float32 (n, dim) as they are stored, NaN where there is none."""
        ...


def unit(vectors: Vectors) -> Vectors:
    """Returns the rows at unit length, NaN where a row has no direction."""
    rows = np.asarray(vectors, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > _SHORTEST)
        made: Vectors = np.where(usable, rows / np.where(usable, lengths, 1), np.nan)
    return np.ascontiguousarray(made, np.float32)
