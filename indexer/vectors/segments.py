"""The raw unit vectors of one modality on disk: append-only segments under a manifest.

    manifest.json       {"format": 1, "generation": g, "dim": d, "segments": [{"file", "rows",
                        "crc32"}, ...], "removed": {"file", "rows", "crc32"} | null}
    NNNNNNNN.segment    int64 ids (rows,), then float16 vectors (rows, dim); little endian
    NNNNNNNN.removed    int64 ids (rows,), ascending: dead rows that segments still hold

A commit writes new files, then replaces the manifest: the one atomic step. Other processes see the
new generation when they next look. Float16 keeps 11 significant bits: a component of a unit vector
moves by at most 2^-12, a cosine between unit vectors by about 1e-4.
"""

import json
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexMismatch, Unavailable
from indexer.types import Ids, Vectors
from indexer.vectors.durable import sync_folder, write_atomically

FORMAT = 1
_MANIFEST = "manifest.json"
_MOST_SEGMENTS = 32
_MERGED_AT_ONCE = 24
_REWRITE_AT_REMOVED_SHARE = 0.25
_READ_ATTEMPTS = 5
_OWN_SUFFIXES = {".segment", ".removed", ".new"}

Half = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that belong together; `file` is None until they are committed."""

    ids: Ids
    vectors: Half
    file: str | None = None
    crc32: int = 0


class Rows(NamedTuple):
    """Where the live rows are, by ascending id: segment number and row number, int64 (n,)."""

    ids: Ids
    segment: NDArray[np.int64]
    row: NDArray[np.int64]


@dataclass(frozen=True)
class State:
    """An immutable view of the store; readers keep the one they started with."""

    dim: int
    generation: int = 0
    segments: tuple[Segment, ...] = ()
    removed: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    @cached_property
    def rows(self) -> Rows:
        if not self.segments:
            empty = np.empty(0, np.int64)
            return Rows(empty, empty, empty)
        ids = np.concatenate([segment.ids for segment in self.segments])
        counts = [len(segment.ids) for segment in self.segments]
        number = np.repeat(np.arange(len(counts)), counts)
        row = np.concatenate([np.arange(count) for count in counts])
        order = np.argsort(ids, kind="stable")
        order = order[~np.isin(ids[order], self.removed)]
        return Rows(ids[order], number[order], row[order])

    def vectors(self, ids: Ids) -> Half:
        """Returns float16 (n, dim), the rows of these ids in their order.

        Raises:
            KeyError: an id has no live row.
        """
        rows = self.rows
        if (missing := ~np.isin(ids, rows.ids)).any():
            raise KeyError(f"no vector for ids {ids[missing][:5].tolist()}")
        at = np.searchsorted(rows.ids, ids)
        found = np.empty((len(ids), self.dim), np.float16)
        segment, row = rows.segment[at], rows.row[at]
        for number in np.unique(segment):
            here = segment == number
            found[here] = self.segments[number].vectors[row[here]]
        return found


class SegmentStore:
    """The durable half of every vector index. One process may write, any number may read."""

    def __init__(self, folder: Path, dim: int) -> None:
        """Opens the store, or an empty one where there is no manifest.

        Raises:
            IndexMismatch: the store holds another dim or a newer format.
            Unavailable: a file is missing or damaged.
        """
        self._folder = folder
        self._dim = dim
        self._stamp: tuple[int, int] | None = None
        self.state = State(dim)
        self._highest_id = -1
        self.refresh()

    def append(self, ids: Ids, vectors: Vectors) -> None:
        """Adds rows that `commit` will make durable.

        Raises:
            ValueError: an id was used before, a shape is wrong, a row is not of unit length.
        """
        ids = np.ascontiguousarray(ids, np.int64)
        vectors = np.asarray(vectors, np.float32)
        if ids.ndim != 1 or vectors.shape != (len(ids), self._dim):
            raise ValueError(f"{ids.shape} ids do not go with {vectors.shape} of dim {self._dim}")
        if not len(ids):
            return
        unit = np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2  # false for NaN too
        if not unit.all():
            raise ValueError(f"row {int(np.argmin(unit))} is not of unit length")
        if len(np.unique(ids)) < len(ids) or (
            ids.min() <= self._highest_id and np.isin(ids, self._known_ids()).any()
        ):
            raise ValueError("an id is in use already; ids are never used twice")
        self._highest_id = max(self._highest_id, int(ids.max()))
        segment = Segment(ids, vectors.astype(np.float16))
        self.state = replace(self.state, segments=(*self.state.segments, segment))

    def remove(self, ids: Ids) -> None:
        """Marks rows as dead; `commit` makes that durable."""
        present = np.intersect1d(ids, self.state.rows.ids)
        if len(present):
            removed = np.union1d(self.state.removed, present)
            self.state = replace(self.state, removed=removed)

    def commit(self) -> None:
        """Makes all changes durable as the next generation, in one atomic step."""
        before = self._read_manifest()
        fresh = [segment for segment in self.state.segments if segment.file is None]
        if not fresh and len(self.state.removed) == _rows_of(before.get("removed")):
            self._delete_files_but(before)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        generation = int(before.get("generation", 0)) + 1
        segments, removed = self._compacted()
        written = []
        for number, segment in enumerate(segments):
            written.append(
                segment
                if segment.file is not None
                else self._write(segment, f"{generation:08d}-{number:02d}.segment")
            )
        removed_entry = self._write_removed(removed, generation) if len(removed) else None
        sync_folder(self._folder)
        manifest = {
            "format": FORMAT,
            "generation": generation,
            "dim": self._dim,
            "segments": [
                {"file": segment.file, "rows": len(segment.ids), "crc32": segment.crc32}
                for segment in written
            ],
            "removed": removed_entry,
        }
        write_atomically(self._folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
        self.state = State(self._dim, generation, tuple(written), removed)
        self._stamp = self._manifest_stamp()
        self._delete_files_but(manifest)

    def refresh(self) -> bool:
        """Follows another process's commit; True if there was one. Drops uncommitted rows then."""
        for _ in range(_READ_ATTEMPTS):
            stamp = self._manifest_stamp()
            if stamp == self._stamp:
                return False
            try:
                self.state = self._load(self._read_manifest())
            except FileNotFoundError as error:  # merged away between our two looks
                lost = error
                continue
            self._stamp = stamp
            self._highest_id = int(self._known_ids().max(initial=-1))
            return True
        raise Unavailable(
            f"vectors in {self._folder}: {lost.filename} is missing. Run `atisbo index` again, "
            "or restore the library from a backup."
        )

    def _known_ids(self) -> Ids:
        ids = [segment.ids for segment in self.state.segments]
        return np.concatenate(ids) if ids else np.empty(0, np.int64)

    def _manifest_stamp(self) -> tuple[int, int] | None:
        try:
            found = (self._folder / _MANIFEST).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest: dict[str, Any] = json.loads((self._folder / _MANIFEST).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise Unavailable(f"{self._folder / _MANIFEST} is damaged: {error}") from error
        if manifest["format"] > FORMAT:
            raise IndexMismatch(
                f"{self._folder} has vector format {manifest['format']}; this atisbo reads up to "
                f"{FORMAT}. Update atisbo."
            )
        if manifest["dim"] != self._dim:
            raise IndexMismatch(
                f"{self._folder} holds vectors of {manifest['dim']} dimensions, the model makes "
                f"{self._dim}. Open the library with the model that made it."
            )
        return manifest

    def _load(self, manifest: dict[str, Any]) -> State:
        known = {segment.file: segment for segment in self.state.segments if segment.file}
        segments = tuple(
            known.get(entry["file"]) or self._read(entry) for entry in manifest.get("segments", ())
        )
        removed = np.empty(0, np.int64)
        if entry := manifest.get("removed"):
            removed = np.frombuffer(self._checked(entry, 8), "<i8").astype(np.int64)
        return State(self._dim, int(manifest.get("generation", 0)), segments, removed)

    def _read(self, entry: dict[str, Any]) -> Segment:
        rows = entry["rows"]
        content = self._checked(entry, 8 + 2 * self._dim)
        ids = content[: 8 * rows].view("<i8").astype(np.int64)
        vectors = content[8 * rows :].view("<f2").reshape(rows, self._dim)
        return Segment(ids, vectors, entry["file"], entry["crc32"])

    def _checked(self, entry: dict[str, Any], row_bytes: int) -> NDArray[np.uint8]:
        path = self._folder / entry["file"]
        expected = entry["rows"] * row_bytes
        if (size := path.stat().st_size) != expected:
            raise Unavailable(f"{path} is damaged: {size} bytes instead of {expected}")
        content = np.memmap(path, np.uint8, "r")
        if zlib.crc32(content.data) != entry["crc32"]:
            raise Unavailable(f"{path} is damaged: its checksum is wrong")
        return content

    def _write(self, segment: Segment, name: str) -> Segment:
        crc32 = self._write_file(
            name, (segment.ids.astype("<i8"), segment.vectors.astype("<f2", copy=False))
        )
        content = np.memmap(self._folder / name, np.uint8, "r")[8 * len(segment.ids) :]
        vectors = content.view("<f2").reshape(len(segment.ids), self._dim)
        return Segment(segment.ids, vectors, name, crc32)

    def _write_removed(self, removed: Ids, generation: int) -> dict[str, Any]:
        name = f"{generation:08d}.removed"
        crc32 = self._write_file(name, (removed.astype("<i8"),))
        return {"file": name, "rows": len(removed), "crc32": crc32}

    def _write_file(self, name: str, arrays: Iterable[NDArray[Any]]) -> int:
        crc32 = 0
        with (self._folder / name).open("wb") as file:
            for array in arrays:
                content = np.ascontiguousarray(array).view(np.uint8).data
                crc32 = zlib.crc32(content, crc32)
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return crc32

    def _compacted(self) -> tuple[Sequence[Segment], Ids]:
        """Returns the segments to commit, uncommitted ones joined, and the dead ids they hold.

        Rewriting everything at a fixed share of dead rows, and the smaller segments when there are
        many, keeps the files few at an amortised cost of a few rewrites a row.
        """
        segments, removed = self.state.segments, self.state.removed
        total = sum(len(segment.ids) for segment in segments)
        if len(removed) > _REWRITE_AT_REMOVED_SHARE * total:
            merging = list(segments)
        else:
            merging = [segment for segment in segments if segment.file is None]
            kept = sorted((s for s in segments if s.file is not None), key=lambda s: len(s.ids))
            if len(kept) >= _MOST_SEGMENTS:
                merging = kept[:_MERGED_AT_ONCE] + merging
        chosen = set(map(id, merging))
        rest = [segment for segment in segments if id(segment) not in chosen]
        if not merging:
            return rest, removed
        ids = np.concatenate([segment.ids for segment in merging])
        alive = ~np.isin(ids, removed)
        vectors = np.concatenate([segment.vectors for segment in merging])[alive]
        joined = [Segment(ids[alive], vectors)] if alive.any() else []
        return [*rest, *joined], np.setdiff1d(removed, ids[~alive])

    def _delete_files_but(self, manifest: dict[str, Any]) -> None:
        """Deletes the files that were replaced, and those that a crash kept from being named."""
        named = _files_of(manifest)
        for path in self._folder.glob("*"):
            if path.suffix in _OWN_SUFFIXES and path.name not in named:
                path.unlink(missing_ok=True)


def _files_of(manifest: dict[str, Any]) -> set[str]:
    entries = [*manifest.get("segments", ()), manifest.get("removed")]
    return {entry["file"] for entry in entries if entry}


def _rows_of(entry: dict[str, Any] | None) -> int:
    return int(entry["rows"]) if entry else 0
