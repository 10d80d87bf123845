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
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexMismatch, Unavailable
from indexer.types import Ids, Vectors
from indexer.vectors.durable import (
    require_checksum,
    stamp,
    sync_folder,
    write_arrays,
    write_atomically,
)

FORMAT = 1
_MANIFEST = "manifest.json"
_MOST_SEGMENTS = 32
_MERGED_AT_ONCE = 24
_REWRITE_AT_REMOVED_SHARE = 0.25
_READ_ATTEMPTS = 5
_SPARSEST = 4
_BLOCK = 65_536
_CHECKED_AT_OPEN_BYTES = 2**26
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
    """Where the live rows are, by ascending id: ids int64, segment and row in it int32, (n,)."""

    ids: Ids
    segment: NDArray[np.int32]
    row: NDArray[np.int32]


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
            nothing = np.empty(0, np.int32)
            return Rows(np.empty(0, np.int64), nothing, nothing)
        ids = np.concatenate([segment.ids for segment in self.segments])
        counts = [len(segment.ids) for segment in self.segments]
        number = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        row = np.concatenate([np.arange(count, dtype=np.int32) for count in counts])
        order = np.argsort(ids, kind="stable")
        if len(self.removed):
            order = order[~_among_sorted(ids[order], self.removed)]
        return Rows(ids[order], number[order], row[order])

    def locate(self, ids: Ids) -> NDArray[np.int64]:
        """Returns where in `rows` these ids are, int64 (n,); -1 for those without a live row."""
        known = self.rows.ids
        if not len(known):
            return np.full(len(ids), -1, np.int64)
        first = int(known[0])
        if (table := self._table) is not None:
            offset = ids - first
            inside = (offset >= 0) & (offset < len(table))
            if not inside.all():
                offset[~inside] = len(table) - 1
            found = table[offset].astype(np.int64)
            found[~inside] = -1
            return found
        at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
        return np.where(known[at] == ids, at, -1)

    @cached_property
    def _table(self) -> NDArray[np.int32] | None:
        """Place by id, where ids are dense enough: ten times faster than a binary search."""
        ids = self.rows.ids
        if not len(ids) or (spread := int(ids[-1] - ids[0]) + 1) > _SPARSEST * len(ids):
            return None
        table = np.full(spread, -1, np.int32)
        table[ids - ids[0]] = np.arange(len(ids), dtype=np.int32)
        return table

    def gather(self, places: NDArray[np.integer[Any]]) -> Half:
        """Returns float16 (n, dim), the rows at these places of `rows`, in their order."""
        rows = self.rows
        segment, row = rows.segment[places], rows.row[places]
        numbers = np.unique(segment)
        if len(numbers) == 1:
            only: Half = self.segments[numbers[0]].vectors.take(row, axis=0)
            return only
        found = np.empty((len(places), self.dim), np.float16)
        for number in numbers:
            here = segment == number
            found[here] = self.segments[number].vectors.take(row[here], axis=0)
        return found

    def vectors(self, ids: Ids) -> Half:
        """Returns float16 (n, dim), the rows of these ids in their order.

        Raises:
            KeyError: an id has no live row.
        """
        places = self.locate(ids)
        if (missing := places < 0).any():
            raise KeyError(f"no vector for ids {ids[missing][:5].tolist()}")
        return self.gather(places)


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
        self._unchecked: dict[str, int] = {}
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
        ids = np.unique(np.asarray(ids, np.int64))
        present = ids[self.state.locate(ids) >= 0]
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
        kept, merging = self._to_merge()
        joined, dead = self._join(merging, f"{generation:08d}-{len(kept):02d}.segment")
        written = [*kept, *([joined] if joined is not None else [])]
        removed = np.setdiff1d(self.state.removed, dead)
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
        self._stamp = stamp(self._folder / _MANIFEST)
        self._delete_files_but(manifest)

    def refresh(self) -> bool:
        """Follows another process's commit; True if there was one. Drops uncommitted rows then."""
        for _ in range(_READ_ATTEMPTS):
            found = stamp(self._folder / _MANIFEST)
            if found == self._stamp:
                return False
            try:
                self.state = self._load(self._read_manifest())
            except FileNotFoundError as error:  # merged away between our two looks
                lost = error
                continue
            self._stamp = found
            self._highest_id = int(self._known_ids().max(initial=-1))
            return True
        raise Unavailable(
            f"vectors in {self._folder}: {lost.filename} is missing. Run `atisbo index` again, "
            "or restore the library from a backup."
        )

    def _known_ids(self) -> Ids:
        ids = [segment.ids for segment in self.state.segments]
        return np.concatenate(ids) if ids else np.empty(0, np.int64)

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
        if expected > _CHECKED_AT_OPEN_BYTES:
            self._unchecked[entry["file"]] = entry["crc32"]
        else:
            require_checksum(path, entry["crc32"])
        return content

    @property
    def is_checked(self) -> bool:
        """Whether all files were compared with their checksums."""
        return not any(segment.file in self._unchecked for segment in self.state.segments)

    def check(self) -> None:
        """Reads the large files, which opening only maps, and compares them with their checksums.

        Raises:
            Unavailable: one of them is damaged.
        """
        for segment in self.state.segments:
            self._check(segment)

    def _check(self, segment: Segment) -> None:
        crc32 = self._unchecked.get(segment.file or "")
        if segment.file is not None and crc32 is not None:
            # By the map, so that searches find the pages in place.
            found = zlib.crc32(segment.vectors.data, zlib.crc32(segment.ids.astype("<i8").data))
            if found != crc32:
                raise Unavailable(
                    f"{self._folder / segment.file} is damaged: its checksum is wrong"
                )
            self._unchecked.pop(segment.file, None)

    def _write_removed(self, removed: Ids, generation: int) -> dict[str, Any]:
        name = f"{generation:08d}.removed"
        crc32 = write_arrays(self._folder / name, (removed.astype("<i8"),))
        return {"file": name, "rows": len(removed), "crc32": crc32}

    def _to_merge(self) -> tuple[Sequence[Segment], Sequence[Segment]]:
        """Returns the segments that stay as they are, and those to be joined.

        Rewriting everything at a fixed share of dead rows, and the smaller segments when there are
        many, keeps the files few at an amortised cost of a few rewrites a row.
        """
        segments = self.state.segments
        total = sum(len(segment.ids) for segment in segments)
        if len(self.state.removed) > _REWRITE_AT_REMOVED_SHARE * total:
            return [], segments
        merging = [segment for segment in segments if segment.file is None]
        kept = sorted((s for s in segments if s.file is not None), key=lambda s: len(s.ids))
        if len(kept) >= _MOST_SEGMENTS:
            merging = kept[:_MERGED_AT_ONCE] + merging
        chosen = set(map(id, merging))
        return [segment for segment in segments if id(segment) not in chosen], merging

    def _join(self, segments: Sequence[Segment], name: str) -> tuple[Segment | None, Ids]:
        """Returns the live rows of these segments as one, written block by block, and the dead ids.

        So a merge of any size takes little memory.
        """
        for segment in segments:
            self._check(segment)
        alive = [~np.isin(segment.ids, self.state.removed) for segment in segments]
        nothing = np.empty(0, np.int64)
        both = list(zip(segments, alive, strict=True))
        dead = np.concatenate([nothing, *(segment.ids[~here] for segment, here in both)])
        ids = np.concatenate([nothing, *(segment.ids[here] for segment, here in both)])
        if not len(ids):
            return None, dead
        blocks = (
            segment.vectors[at : at + _BLOCK][here[at : at + _BLOCK]].astype("<f2", copy=False)
            for segment, here in both
            for at in range(0, len(here), _BLOCK)
        )
        crc32 = write_arrays(self._folder / name, chain([ids.astype("<i8")], blocks))
        content = np.memmap(self._folder / name, np.uint8, "r")[8 * len(ids) :]
        return Segment(ids, content.view("<f2").reshape(len(ids), self._dim), name, crc32), dead

    def _delete_files_but(self, manifest: dict[str, Any]) -> None:
        """Deletes the files that were replaced, and those that a crash kept from being named."""
        named = _files_of(manifest)
        for path in self._folder.glob("*"):
            if path.suffix in _OWN_SUFFIXES and path.name not in named:
                path.unlink(missing_ok=True)


def _among_sorted(ids: Ids, ascending: Ids) -> NDArray[np.bool_]:
    """Whether each id is in `ascending`, which is not empty."""
    at = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[at] == ids
    return found


def _files_of(manifest: dict[str, Any]) -> set[str]:
    entries = [*manifest.get("segments", ()), manifest.get("removed")]
    return {entry["file"] for entry in entries if entry}


def _rows_of(entry: dict[str, Any] | None) -> int:
    return int(entry["rows"]) if entry else 0
