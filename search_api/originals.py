"""Where an item's own bytes lie: a file confined to its indexed folder, or a part of one."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from indexer.errors import MediaError, NotFound
from indexer.types import Item, Modality, is_url

_BEGINS = re.compile(r"@\d+(?=\.[^./]*$|$)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Original:
    """A file that may be shown, or a part of one; `content_type` is None for mere downloads.

    `tag` changes whenever a part's bytes would; None for a file.
    """

    content: Path | bytes
    name: str
    content_type: str | None
    tag: str | None = None


def located(item: Item) -> Path | str:
    """Returns where the item's file really lies; of a shard in a store its URL.

    Raises:
        NotFound: it is a caption, is gone, or leads out of the indexed folder.
    """
    if item.modality is Modality.TEXT:
        raise NotFound(f"Item {item.id} is a caption: it has no media, only a text.")
    if is_url(item.root) and item.member is not None:
        return item.address
    return confined(item.root, item.path)


def confined(root: str, path: str) -> Path:
    """Returns where the file of an indexed folder really lies.

    Raises:
        NotFound: it is gone, or leads out of the folder.
    """
    try:
        real = Path(root, path).resolve(strict=True)
        # Indexed once does not mean harmless for ever: the file may since have become a link
        # to anything that this process can read.
        if not real.is_relative_to(Path(root).resolve(strict=True)):
            raise NotFound(f"{path} leads out of its indexed folder: it is not shown.")
        if not real.is_file():
            raise NotFound(f"{path} is no file any more: index its folder again.")
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
        raise NotFound(f"{path} is gone from disk: index its folder again.") from error
    return real


@contextmanager
def readable(item: Item) -> Iterator[None]:
    """Turns what is wrong with a file into an answer to whoever asked for it."""
    try:
        yield
    except OSError as error:
        raise NotFound(f"{item.path} cannot be opened: {error.strerror or error}.") from error
    except MediaError as error:
        raise NotFound(f"{item.path} cannot be shown: {error}") from error


def shown_member(item: Item) -> str | None:
    """Returns the name of a shard's entry without where in the shard it begins."""
    return None if item.member is None else _BEGINS.sub("", item.member)


def file_name(path: str) -> str:
    """Returns the last part of a path, fit for a header: a line end in it must not become one."""
    return _CONTROLS.sub("_", PurePosixPath(path).name)


def state(place: Path | str, item: Item) -> str:
    """Returns what tells one state of the item's file, and one part of the file, from another.

    A store is not asked: what changes there gets another id when it is indexed again.
    """
    part = f"{item.position}\0{item.span and item.span.best_ms}\0{item.member}"
    if isinstance(place, Path):
        stat = place.stat()
        now = f"{stat.st_mtime_ns}\0{stat.st_size}"
    else:
        now = str(item.id)
    return digest(f"{place}\0{now}\0{part}".encode("utf-8", "surrogateescape"))


def digest(content: bytes) -> str:
    """Returns a short name for these bytes alone."""
    return hashlib.sha256(content).hexdigest()[:32]
