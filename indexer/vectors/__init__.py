"""Vectors of one modality, kept on disk and searched; one door, `open_index`."""

from pathlib import Path

from indexer.errors import ConfigError
from indexer.vectors.stored import StoredIndex

DEFAULT_INDEX = "faiss"


def open_index(kind: str, folder: Path, dim: int) -> StoredIndex:
    """Returns the index kept in `folder`, which is made where it is missing.

    Args:
        kind: `faiss` or `exact`; both keep the same files, so a library can be opened with either.
        folder: Where segments and manifest live.
        dim: Length of a vector.

    Raises:
        ConfigError: the kind is unknown.
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
        case _:
            raise ConfigError(f"index kind {kind!r} is unknown. Use faiss or exact.")
