"""Where decoding and embedding run; one door, `open_engine`."""

from collections.abc import Callable, Mapping

from PIL.Image import Image

from indexer.errors import ConfigError
from indexer.types import Embedder, Engine, Kind, MediaReader, SourceFile


def open_engine(
    name: str,
    *,
    readers: Mapping[Kind, MediaReader],
    embedder: Embedder,
    thumbnail: Callable[[Image], bytes],
    digest: Callable[[SourceFile], str | None],
    batch_size: int,
    workers: int,
) -> Engine:
    """Returns the named engine; `local` decodes on threads and embeds in this process.

    Raises:
        ConfigError: the name is unknown.
    """
    match name:
        case "local":
            from indexer.engines.local import LocalEngine

            return LocalEngine(
                readers=readers,
                embedder=embedder,
                thumbnail=thumbnail,
                digest=digest,
                batch_size=batch_size,
                workers=workers,
            )
        case _:
            raise ConfigError(f"engine {name!r} is unknown. Use local.")
