"""What `clip-retrieval inference` writes (checked: 2.45.0), mapped into memory, not read.

    img_emb/img_emb_N.npy          (n, dim), float16 or float32
    text_emb/text_emb_N.npy        the same, of the captions
    metadata/metadata_N.parquet    image_path, caption, ...: row i belongs to row i of the arrays

Either array may be missing, and no file says which model made them. `image_path` is a path as it
was given, relative ones from a folder that nobody wrote down, or the key of a sample in a shard.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.errors import ConfigError, Unavailable
from indexer.exchange.peers import PeerRow
from indexer.media.texts import clean
from indexer.types import Modality, Vectors

_ARRAYS = {Modality.IMAGE: "img_emb", Modality.TEXT: "text_emb"}
_METADATA = re.compile(r"metadata_(\d+)\.parquet")
_NAMES = ("image_path", "key")
_ROWS_A_BATCH = 4096


@dataclass(frozen=True, slots=True)
class _Part:
    """The files of one number; `first` is the place of its first row."""

    first: int
    rows: int
    metadata: Path
    columns: Sequence[str]
    arrays: Mapping[Modality, NDArray[Any]]
    written_ns: int


def is_clip_retrieval(folder: Path) -> bool:
    """Whether the folder is laid out so."""
    if not folder.is_dir():
        return False
    names = [(name, f"{name}_*.npy") for name in _ARRAYS.values()]
    return any(any((folder / name).glob(pattern)) for name, pattern in names)


class ClipRetrieval:
    """A folder that clip-retrieval wrote."""

    name = "clip-retrieval"
    likely: str | None = None

    def __init__(self, folder: Path) -> None:
        """Opens the folder; parts that cannot be used become `troubles`.

        Raises:
            ConfigError: nothing in it can be used.
        """
        self.bases: Sequence[Path] = (folder.absolute().parent, Path.cwd())
        self._troubles: list[str] = []
        self.troubles: Sequence[str] = self._troubles
        self._dims: dict[Modality, int] = {}
        self.dims: Mapping[Modality, int] = self._dims
        self._parts: list[_Part] = []
        first = 0
        described = sorted(
            (int(match[1]), path)
            for path in (folder / "metadata").glob("metadata_*.parquet")
            if (match := _METADATA.fullmatch(path.name))
        )
        for _, metadata in described:
            part = self._opened(folder, metadata, first)
            if part is not None:
                self._parts.append(part)
                first += part.rows
        self._name_missing(folder, {path.stem.rpartition("_")[2] for _, path in described})
        if not self._parts:
            why = "; ".join(self.troubles) or "it has no metadata"
            raise ConfigError(f"{folder} cannot be taken in: {why}.")

    def rows(self) -> Iterator[PeerRow]:
        for part in self._parts:
            place = part.first
            name = next(one for one in _NAMES if one in part.columns)
            wanted = [name, *(one for one in ("caption",) if one in part.columns)]
            try:
                with pq.ParquetFile(part.metadata) as file:
                    for batch in file.iter_batches(_ROWS_A_BATCH, columns=wanted):
                        names = batch.column(name).to_pylist()
                        captions = batch.column("caption").to_pylist() if wanted[1:] else names
                        for written, said in zip(names, captions, strict=True):
                            if isinstance(written, str) and written:
                                caption = said if wanted[1:] and isinstance(said, str) else ""
                                words = clean(caption) or None
                                yield PeerRow(written, place, words, written_ns=part.written_ns)
                            place += 1
            except (pa.ArrowException, OSError) as error:
                raise Unavailable(
                    f"{part.metadata} is damaged: {error}. Move it away to take in the rest."
                ) from error

    def vectors(self, places: Sequence[int], modality: Modality) -> Vectors:
        found = np.full((len(places), self.dims.get(modality, 1)), np.nan, np.float32)
        wanted = np.asarray(places, np.int64)
        for part in self._parts:
            if modality in part.arrays:
                ours = (wanted >= part.first) & (wanted < part.first + part.rows)
                with np.errstate(over="ignore"):
                    found[ours] = part.arrays[modality][wanted[ours] - part.first]
        return found

    def _opened(self, folder: Path, metadata: Path, first: int) -> _Part | None:
        try:
            with pq.ParquetFile(metadata) as file:
                rows, columns = file.metadata.num_rows, file.schema_arrow.names
        except (pa.ArrowException, OSError) as error:
            self._troubles.append(f"{metadata} cannot be read ({error})")
            return None
        if not any(name in columns for name in _NAMES):
            self._troubles.append(
                f"{metadata} names no pictures: it has {', '.join(columns) or 'no columns'}, "
                "wanted is image_path"
            )
            return None
        number = metadata.stem.rpartition("_")[2]
        arrays: dict[Modality, NDArray[Any]] = {}
        written_ns = metadata.stat().st_mtime_ns
        for modality, name in _ARRAYS.items():
            path = folder / name / f"{name}_{number}.npy"
            if path.exists() and (array := self._mapped(path, modality, rows)) is not None:
                arrays[modality] = array
                written_ns = max(written_ns, path.stat().st_mtime_ns)
        if not arrays:
            self._troubles.append(f"{metadata} has no usable vectors beside it")
            return None
        return _Part(first, rows, metadata, columns, arrays, written_ns)

    def _mapped(self, path: Path, modality: Modality, rows: int) -> NDArray[Any] | None:
        """Returns the array if it can be used, else says why not."""
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError, SyntaxError) as error:
            self._troubles.append(f"{path} is damaged ({error})")
            return None
        if array.ndim != 2 or array.dtype.kind != "f" or not array.shape[1]:
            self._troubles.append(f"{path} holds no vectors but {array.dtype} {array.shape}")
            return None
        if len(array) != rows:
            self._troubles.append(
                f"{path} has {len(array):,} rows and its metadata {rows:,}: which vector belongs "
                "to which picture cannot be told"
            )
            return None
        dim = self._dims.setdefault(modality, array.shape[1])
        if array.shape[1] != dim:
            self._troubles.append(
                f"{path} has vectors of {array.shape[1]} numbers, those before it {dim}"
            )
            return None
        return array

    def _name_missing(self, folder: Path, described: set[str]) -> None:
        """Says which arrays are missing, and which have no metadata to tell whose they are."""
        for modality, name in _ARRAYS.items():
            there = {path.stem.rpartition("_")[2] for path in (folder / name).glob(f"{name}_*.npy")}
            self._troubles += [
                f"{folder / name}/{name}_{number}.npy has no metadata: metadata_{number}.parquet "
                "is missing"
                for number in sorted(there - described)
            ]
            if modality in self._dims:
                self._troubles += [
                    f"{folder / name}/{name}_{number}.npy is missing"
                    for number in sorted(described - there)
                ]
