"""Libraries of other tools, taken in with their vectors once it is proved that these are ours too.

Neither clip-retrieval nor rclip writes down, in a way to be relied on, which weights made its
vectors. So some of its pictures and captions are embedded again: if the cosines say that the model
is the same, the rest is believed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os.path import commonpath
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL.Image import Image

from indexer.errors import ConfigError, IndexMismatch, MediaError
from indexer.types import (
    EmbeddedFile,
    EmbeddedItem,
    Embedder,
    Kind,
    Modality,
    SourceFile,
    Vectors,
)

PROVED = 0.98
"""The least median cosine between a peer's vectors and ours for the same pictures or captions.

Measured on 500 photos with a small MobileNet encoder: 1.000 for the same weights in half
precision, 0.995 where pictures are scaled bilinearly instead of bicubically, 0.937 where by nearest
neighbours; other weights give about 0.
"""

_SAMPLE = 16
_SHORTEST = 1e-6
_FILES_A_PART = 256


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A picture as a peer keeps it; `place` says where in the peer its vectors are.

    `size_bytes` and `mtime_ns` are those of the file when it was embedded, None where not told.
    """

    path: Path
    place: int
    caption: str | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None


class Peer(Protocol):
    """A library of another tool.

    `dim` is the length of its vectors, `hint` the model that it was likely made with, None where
    that is not known, `troubles` what of it cannot be used and why.
    """

    name: str
    dim: int
    hint: str | None
    troubles: list[str]

    def rows(self) -> Iterator[PeerRow]:
        """Yields all pictures."""
        ...

    def vectors(self, places: Sequence[int], modality: Modality) -> Vectors:
        """Returns the stored rows, float32 (n, dim), NaN where there is none."""
        ...


@dataclass(slots=True)
class Survey:
    """What of a peer can be taken in: files with their rows; how many are left out, and why."""

    files: dict[SourceFile, PeerRow] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def survey(
    peer: Peer,
    root: Path | None,
    *,
    suffixes: frozenset[str],
    digest: Callable[[Path], str | None],
) -> Survey:
    """Returns which pictures of the peer are there, unchanged, below the root.

    Args:
        peer: The other tool's library.
        root: The folder that they belong to; None for the innermost one that holds all.
        suffixes: Those of pictures, lower case.
        digest: Tells a file's content.

    Raises:
        ConfigError: not one of them is there.
    """
    found = Survey()
    there: list[tuple[PeerRow, Path]] = []
    for row in peer.rows():
        path = row.path.expanduser()
        if not path.is_file():
            found.leave_out("the file is gone, or its path leads nowhere from here")
        elif path.suffix.lower() not in suffixes:
            found.leave_out("not a picture that atisbo reads")
        else:
            there.append((row, path.resolve()))
    if not there:
        reasons = "; ".join(f"{count:,}: {reason}" for reason, count in found.left_out.items())
        raise ConfigError(
            f"none of the pictures of the {peer.name} library can be taken in "
            f"({reasons or 'it is empty'}). If its paths are relative, run the command where they "
            "lead somewhere."
        )
    base = root.resolve() if root else Path(commonpath([path.parent for _, path in there]))
    for row, path in there:
        if not path.is_relative_to(base):
            found.leave_out(f"not below {base}")
            continue
        stat = path.stat()
        if row.size_bytes not in (None, stat.st_size) or (
            row.mtime_ns is not None and abs(row.mtime_ns - stat.st_mtime_ns) >= 1_000_000
        ):
            found.leave_out("the file has changed since; atisbo index embeds it")
            continue
        source = SourceFile(
            base.as_posix(),
            path.relative_to(base).as_posix(),
            Kind.IMAGE,
            stat.st_size,
            stat.st_mtime_ns,
            digest(path),
        )
        found.files[source] = row
    return found


def prove(
    peer: Peer,
    files: Mapping[SourceFile, PeerRow],
    embedder: Embedder,
    read: Callable[[SourceFile], Image],
) -> float:
    """Returns the median cosine between the peer's vectors and the embedder's, which prove it.

    Raises:
        ConfigError: no picture could be read to compare.
        IndexMismatch: the model is another one; says what was measured.
    """
    if peer.dim != embedder.dim:
        raise IndexMismatch(
            f"the {peer.name} library holds vectors of {peer.dim} numbers, {embedder.name} makes "
            f"{embedder.dim}: it was made with another model{_hint(peer)}."
        )
    chosen = list(files)[:: max(1, len(files) // _SAMPLE)][:_SAMPLE]
    cosines: list[float] = []
    for file in chosen:
        row = files[file]
        stored = _unit(peer.vectors([row.place], Modality.IMAGE))
        if np.isfinite(stored).all():
            try:
                pixels = embedder.preprocess(read(file))
            except MediaError:
                continue
            cosines.append(float((stored @ embedder.embed_images([pixels]).T)[0, 0]))
        if row.caption:
            said = _unit(peer.vectors([row.place], Modality.TEXT))
            if np.isfinite(said).all():
                cosines.append(float((said @ embedder.embed_texts([row.caption]).T)[0, 0]))
    if not cosines:
        raise ConfigError(
            f"nothing of the {peer.name} library can be embedded again to prove that "
            f"{embedder.name} made it: none of {len(chosen)} pictures can be read."
        )
    median = float(np.median(cosines))
    if median < PROVED:
        raise IndexMismatch(
            f"the {peer.name} library was not made with {embedder.name}: of {len(cosines)} "
            f"pictures and captions embedded again, the median cosine to what it holds is "
            f"{median:.3f}, where the same model gives at least {PROVED}{_hint(peer)}. Name its "
            "model with --model, or embed the pictures anew with: atisbo index FOLDER"
        )
    return median


class PeerEngine:
    """Hands out a peer's vectors as if they had just been made."""

    def __init__(
        self, peer: Peer, found: Survey, size_of: Callable[[Path], tuple[int, int] | None]
    ) -> None:
        """Remembers the peer, what of it can be taken in, and what tells the size of a picture."""
        self._peer = peer
        self._found = found
        self._size_of = size_of
        self.without = 0
        """Pictures whose vector is missing, zero or no number; they are left to atisbo index."""

    def run(self, files: Iterable[SourceFile]) -> Iterator[EmbeddedFile]:
        """Yields the files with their vectors, captions with theirs."""
        rest = list(files)
        for start in range(0, len(rest), _FILES_A_PART):
            part = rest[start : start + _FILES_A_PART]
            rows = [self._found.files[file] for file in part]
            places = [row.place for row in rows]
            pictures = _unit(self._peer.vectors(places, Modality.IMAGE))
            texts = _unit(self._peer.vectors(places, Modality.TEXT))
            for at, (file, row) in enumerate(zip(part, rows, strict=True)):
                if not np.isfinite(pictures[at]).all():
                    self.without += 1
                    continue
                width, height = self._size_of(file.location) or (None, None)
                said = bool(row.caption) and bool(np.isfinite(texts[at]).all())
                yield EmbeddedFile(
                    file,
                    Modality.IMAGE,
                    [EmbeddedItem(width=width, height=height)],
                    pictures[at : at + 1],
                    last=not said,
                )
                if said:
                    item = EmbeddedItem(
                        position=1, text=row.caption, about_position=0, origin=self._peer.name
                    )
                    yield EmbeddedFile(file, Modality.TEXT, [item], texts[at : at + 1])


def _unit(vectors: Vectors) -> Vectors:
    """Returns the rows at unit length, NaN where they have none."""
    rows = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = np.where(lengths > _SHORTEST, rows / np.maximum(lengths, _SHORTEST), np.nan)
    return np.ascontiguousarray(unit, np.float32)


def _hint(peer: Peer) -> str:
    return f", likely {peer.hint}" if peer.hint else ""
