"""Whether the same model made two sets of vectors of the same things.

Measured with 64 photos of Flickr8k: the same weights give a cosine of 0.9998 at least, through
another JPEG decoder, half precision and a reader that decodes 12 megapixels at an eighth; another
way of shrinking (bilinear for bicubic) 0.995; other normalisation 0.87, other weights 0.05. The
activations GELU and QuickGELU on the same random weights cannot be told apart (0.9999), nor does
it matter to a search by then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL.Image import Image

from indexer.errors import MediaError
from indexer.exchange.peers import Peer, unit
from indexer.exchange.survey import Kept, Survey
from indexer.media.header import read_header
from indexer.media.texts import MAX_CAPTION
from indexer.types import Embedder, MediaReader, Modality, Sample, SourceFile, Vectors

SAME = 0.99
"""The least median cosine of vectors by the same model."""

_ONE = 0.95
_ODD_SHARE = 1 / 8
_MUCH_NEARER = 0.1
_ALIKE = 1e-6
_SAMPLE = 16
_TRIED = 4 * _SAMPLE

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Proof:
    """What was measured, on `count` things."""

    count: int
    median: float
    lowest: float
    is_same: bool

    def __str__(self) -> str:
        return (
            f"of {self.count} embedded again, the median cosine to what it holds is "
            f"{self.median:.4f}, the lowest {self.lowest:.4f}"
        )


def compared(stored: Vectors, own: Vectors) -> Proof:
    """Returns whether one model made both, row by row.

    The median has to be high, and all but an eighth of the rows not far below. Models whose vectors
    all lie close together reach that by chance, so a stored vector has to be much nearer to ours of
    the same thing than those of different things are to each other.

    Args:
        stored: float32 (n, dim), rows of unit length, n at least 1.
        own: The same.
    """
    cosines = np.einsum("nd,nd->n", stored, own)
    median = float(np.median(cosines))
    apart = 1 - own @ own.T
    between = apart[np.triu(apart > _ALIKE, 1)]
    much_nearer = not len(between) or 1 - median <= _MUCH_NEARER * float(np.median(between))
    odd = float(np.mean(cosines < _ONE))
    is_same = median >= SAME and odd <= _ODD_SHARE and much_nearer
    return Proof(len(cosines), median, float(cosines.min()), is_same)


@dataclass(frozen=True, slots=True)
class Proofs:
    """What was measured of a peer; None where nothing could be compared.

    `newer` is about pictures whose files are newer than their vectors.
    """

    pictures: Proof | None = None
    newer: Proof | None = None
    captions: Proof | None = None


def prove(peer: Peer, found: Survey, embedder: Embedder, reader: MediaReader) -> Proofs:
    """Returns what a sample shows, spread over all rows and embedded again.

    Args:
        peer: The other tool's library.
        found: Which of it is which file.
        embedder: Makes vectors of the same length.
        reader: Reads pictures.
    """
    older = [(file, rows[0]) for file, rows in found.pictures.items() if file not in found.newer]
    newer = [(file, rows[0]) for file, rows in found.pictures.items() if file in found.newer]
    said = [row for rows in found.pictures.values() for row in rows if row.caption]
    said += list(found.sidecars.values())
    pictures, copied = (
        _pictures(peer, some, embedder, reader) if Modality.IMAGE in peer.dims else None
        for some in (older, newer)
    )
    captions = _captions(peer, said, embedder) if Modality.TEXT in peer.dims else None
    # With no picture older than the vectors, the newer ones are all there is to judge by.
    return Proofs(pictures or copied, copied, captions)


def _pictures(
    peer: Peer,
    some: Sequence[tuple[SourceFile, Kept]],
    embedder: Embedder,
    reader: MediaReader,
) -> Proof | None:
    def tried() -> Iterator[tuple[Vectors, Image]]:
        for file, row in _spread(some):
            stored = unit(peer.vectors([row.place], Modality.IMAGE))[0]
            if np.isfinite(stored).all() and (picture := _read(file, reader)) is not None:
                yield stored, picture

    return _compared(
        list(islice(tried(), _SAMPLE)),
        lambda pictures: embedder.embed_images([embedder.preprocess(one) for one in pictures]),
    )


def _captions(peer: Peer, said: Sequence[Kept], embedder: Embedder) -> Proof | None:
    if peer.dims[Modality.TEXT] != embedder.dim:
        return Proof(0, 0.0, 0.0, is_same=False)

    def tried() -> Iterator[tuple[Vectors, str]]:
        for row in _spread(said):
            stored = unit(peer.vectors([row.place], Modality.TEXT))[0]
            if np.isfinite(stored).all():
                yield stored, (row.caption or "")[:MAX_CAPTION]

    return _compared(list(islice(tried(), _SAMPLE)), embedder.embed_texts)


def _compared(
    pairs: Sequence[tuple[Vectors, _T]], embed: Callable[[Sequence[_T]], Vectors]
) -> Proof | None:
    if not pairs:
        return None
    return compared(np.stack([one for one, _ in pairs]), embed([one for _, one in pairs]))


def _spread(some: Sequence[_T]) -> Iterator[_T]:
    """Yields up to 64 of them, each 16 spread over all, so that the first 16 are as well."""
    count = min(_TRIED, len(some))
    places = [number * len(some) // count for number in range(count)]
    step = max(1, len(places) // _SAMPLE)
    for first in range(step):
        yield from (some[place] for place in places[first::step])


def _read(file: SourceFile, reader: MediaReader) -> Image | None:
    """Returns the picture; None where it cannot be read, or the other tool saw another one."""
    try:
        if read_header(file).otherwise is not None:
            return None
        for sample in reader.read(file):
            if isinstance(sample, Sample) and not isinstance(sample.content, str):
                return sample.content
    except MediaError:
        return None
    return None
