"""A body on disk."""

from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np

from indexer.errors import Unavailable
from indexer.vectors.durable import require_checksum, sync_folder, write_arrays
from indexer.vectors.faiss.body import Body
from indexer.vectors.faiss.maps import Maps
from indexer.vectors.faiss.threads import side_by_side
from indexer.vectors.structure import StoredFile, Structure


def write_body(folder: Path, body: Body) -> tuple[StoredFile, ...]:
    """Returns the files that hold the body, fsynced; nothing names them yet."""
    taken = [int(path.name[:8]) for path in folder.glob("*.rows") if path.name[:8].isdigit()]
    number = f"{max(taken, default=0) + 1:08d}"
    folder.mkdir(parents=True, exist_ok=True)
    contents = {f"{number}.rows": [body.ids.astype("<i8")]}
    if body.maps is not None:
        parts = (body.maps.mean, body.maps.query, body.maps.row, body.maps.spread)
        contents[f"{number}.maps"] = [np.asarray(part, "<f4") for part in parts]
    files = [_write(folder / name, arrays) for name, arrays in contents.items()]
    for at, shard in enumerate(body.shards):
        name = f"{number}-{at:02d}.codes"
        files.append(_write(folder / name, [faiss.serialize_index(shard)]))
    sync_folder(folder)
    return tuple(files)


def read_body(folder: Path, structure: Structure) -> Body:
    """Returns the body that the structure describes.

    Raises:
        Unavailable: a file is missing or damaged.
    """
    try:
        side_by_side(lambda one: _check(folder, one), structure.files)
        by_suffix: dict[str, list[Path]] = {}
        for one in structure.files:
            by_suffix.setdefault(Path(one.file).suffix, []).append(folder / one.file)
        ids = np.fromfile(by_suffix[".rows"][0], "<i8").astype(np.int64)
        maps = None
        if ".maps" in by_suffix:
            values = np.fromfile(by_suffix[".maps"][0], "<f4").astype(np.float32)
            dim, dims = structure.dim, structure.dims
            mean, query, row, spread = np.split(values, np.cumsum([dim, dim * dims, dim * dims]))
            maps = Maps(mean, query.reshape(dim, dims), row.reshape(dim, dims), spread)
        shards = tuple(faiss.read_index(str(path)) for path in sorted(by_suffix[".codes"]))
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise Unavailable(f"the codes in {folder} are damaged: {error}") from error
    if sum(shard.ntotal for shard in shards) != len(ids):
        raise Unavailable(f"the codes in {folder} are damaged: {len(ids)} rows have other codes")
    return Body(ids, maps, shards)


def _write(path: Path, arrays: Sequence[np.ndarray]) -> StoredFile:
    crc32 = write_arrays(path, arrays)
    return StoredFile(path.name, sum(array.nbytes for array in arrays), crc32)


def _check(folder: Path, stored: StoredFile) -> None:
    path = folder / stored.file
    if (size := path.stat().st_size) != stored.bytes:
        raise Unavailable(f"{path} is damaged: {size} bytes instead of {stored.bytes}")
    require_checksum(path, stored.crc32)
