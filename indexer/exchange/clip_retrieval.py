"""What `clip-retrieval inference` writes (2.45): vectors as arrays, paths and captions as Parquet.

img_emb/img_emb_N.npy        (n, dim), float16 or float32
text_emb/text_emb_N.npy      the same, of the captions
metadata/metadata_N.parquet  image_path, caption, ...: row i belongs to row i of the arrays
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.errors import ConfigError
from indexer.exchange.peers import PeerRow
from indexer.types import Modality, Vectors

_ARRAYS = {Modality.IMAGE: "img_emb", Modality.TEXT: "text_emb"}
_NUMBER = re.compile(r"metadata_(\d+)\.parquet")


@dataclass(frozen=True, slots=True)
class _Part:
    """The files of one number; `first` is the place of its first row."""

    first: int
    count: int
    metadata: Path
    arrays: dict[Modality, NDArray[Any]]


def is_clip_retrieval(folder: Path) -> bool:
    """Whether the folder is laid out so."""
    return folder.is_dir() and any((folder / "metadata").glob("metadata_*.parquet"))


class ClipRetrieval:
    """A folder that clip-retrieval wrote; arrays are mapped into memory, not read."""

    name = "clip-retrieval"
    hint: str | None = None

    def __init__(self, folder: Path) -> None:
        """Opens the folder.

        Raises:
            ConfigError: nothing in it can be used.
        """
        self.troubles: list[str] = []
        self._parts: list[_Part] = []
        first = 0
        for metadata in sorted((folder / "metadata").glob("metadata_*.parquet")):
            part = self._opened(folder, metadata, first)
            if part is not None:
                self._parts.append(part)
                first += part.count
        dims = {part.arrays[Modality.IMAGE].shape[1] for part in self._parts}
        if len(dims) != 1:
            why = "; ".join(self.troubles) or f"its arrays have {len(dims)} widths"
            raise ConfigError(f"{folder} cannot be taken in: {why}.")
        (self.dim,) = dims

    def rows(self) -> Iterator[PeerRow]:
        for part in self._parts:
            table = pq.read_table(part.metadata)
            names = set(table.column_names)
            paths = table.column("image_path").to_pylist()
            empty = [None] * part.count
            captions = table.column("caption").to_pylist() if "caption" in names else empty
            for row, (path, caption) in enumerate(zip(paths, captions, strict=True)):
                if isinstance(path, str) and path:
                    yield PeerRow(Path(path), part.first + row, _words(path, caption))

    def vectors(self, places: Sequence[int], modality: Modality) -> Vectors:
        found = np.full((len(places), self.dim), np.nan, np.float32)
        for at, place in enumerate(places):
            part = next(one for one in self._parts if place < one.first + one.count)
            if modality in part.arrays:
                found[at] = part.arrays[modality][place - part.first]
        return found

    def _opened(self, folder: Path, metadata: Path, first: int) -> _Part | None:
        number = _NUMBER.fullmatch(metadata.name)
        if number is None:
            return None
        try:
            described = pq.ParquetFile(metadata)
            count, columns = described.metadata.num_rows, described.schema_arrow.names
        except (pa.ArrowInvalid, OSError) as error:
            self.troubles.append(f"{metadata} is damaged ({error})")
            return None
        if "image_path" not in columns:
            self.troubles.append(f"{metadata} names no pictures")
            return None
        arrays: dict[Modality, NDArray[Any]] = {}
        for modality, name in _ARRAYS.items():
            path = folder / name / f"{name}_{number[1]}.npy"
            try:
                array = np.load(path, mmap_mode="r")
            except FileNotFoundError:
                continue
            except (ValueError, OSError, EOFError) as error:
                self.troubles.append(f"{path} is damaged ({error})")
                continue
            if array.ndim != 2 or len(array) != count or array.dtype.kind != "f":
                self.troubles.append(
                    f"{path} holds {array.shape} {array.dtype}, its metadata {count:,} rows: what "
                    "belongs to what cannot be told"
                )
                continue
            arrays[modality] = array
        if Modality.IMAGE not in arrays:
            self.troubles.append(f"{metadata} has no vectors of pictures beside it")
            return None
        return _Part(first, count, metadata, arrays)


def _words(path: str, caption: object) -> str | None:
    """Returns the caption, unless it stands beside the picture, where atisbo index reads it."""
    if not isinstance(caption, str) or Path(path).with_suffix(".txt").is_file():
        return None
    return " ".join(caption.split()) or None
