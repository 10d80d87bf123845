"""Vectors of one modality, kept on disk and searched; one door, `open_index`."""

from pathlib import Path

from indexer.errors import ConfigError
from indexer.vectors.stored import StoredIndex

DEFAULT_INDEX = "faiss"


def open_index(kind: str, folder: Path, dim: int) -> StoredIndex:
    """Returns the index kept in `folder`, which is made where it is missing.

    Args:
        kind: `faiss`, `torch` or `exact`; all keep the same files, so a library can be opened with
            any of them. `torch:DEVICE` names a device: `torch:cuda:1`, `torch:cpu`.
        folder: Where segments and manifest live.
        dim: Length of a vector.

    Raises:
        ConfigError: the kind is unknown, or its device is not on this machine.
        IndexMismatch: the folder holds vectors of another length or a newer format.
        Unavailable: a file of the index is missing or damaged.
    """
    match kind:
        case "faiss":
            from indexer.vectors.faiss import FaissIndex

            return FaissIndex(folder, dim)
        case "exact":
            from indexer.vectors.exact import ExactIndex

            return ExactIndex(folder, dim)
        case _ if kind.partition(":")[0] == "torch":
            from indexer.vectors.torch import TorchIndex

            return TorchIndex(folder, dim, kind.partition(":")[2])
        case _:
            raise ConfigError(f"index kind {kind!r} is unknown. Use faiss, torch or exact.")
