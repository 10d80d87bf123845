"""Where the files lie that another tool's library is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from indexer.config import Settings
from indexer.errors import ConfigError
from indexer.exchange.peers import Peer
from indexer.exchange.placing import Placing, roots_of
from indexer.exchange.survey import Find, Survey, by_key, by_path, some_of, survey
from indexer.library import open_catalog_of, stored_model
from indexer.media.image import IMAGE_SUFFIXES
from indexer.scan import distinct_roots, scan
from indexer.types import Scope, SourceFile

_NAMES = 128


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for.

    `root` is the folder that the pictures belong to, `moved` tells which folders lie elsewhere
    here, `unproved` takes what cannot be compared.
    """

    model: str | None = None
    root: Path | None = None
    moved: Mapping[str, str] | None = None
    unproved: bool = False


def surveyed(peer: Peer, wanted: Wanted, settings: Settings) -> tuple[Sequence[SourceFile], Survey]:
    """Returns the files of the folders that the peer's pictures lie in, and which of it they are.

    Raises:
        ConfigError: they are known by keys of shards, and no folder is named.
    """
    files, find = _files_of(peer, wanted, settings)
    return files, survey(peer, find, files)


def _files_of(peer: Peer, wanted: Wanted, settings: Settings) -> tuple[list[SourceFile], Find]:
    names = some_of((row.name for row in peer.rows()), _NAMES)
    root = wanted.root.resolve() if wanted.root else None
    if not any(PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES for name in names):
        if root is None:
            example = f", such as {names[0]!r}" if names else ""
            raise ConfigError(
                f"{peer.name} names no files but samples in shards{example}. Unpack the shards "
                "with: atisbo import SHARDS --into FOLDER, and name that folder with --root FOLDER."
            )
        files = _scanned([root], None, settings)
        return files, by_key(files)
    placing = Placing(names, bases=peer.bases, root=root, moved=wanted.moved)
    folders = {path.parent for row in peer.rows() if (path := placing.path_of(row.name))}
    there = sorted({folder.resolve() for folder in folders if folder.is_dir()})
    if root is not None:
        there = [folder for folder in there if folder.is_relative_to(root)]
    roots = [root] if root else list(roots_of(there, _known_roots(settings)))
    files = _scanned(roots, [Scope(folder, deep=False) for folder in there], settings)
    return files, by_path(files, placing, root)


def _scanned(
    roots: Sequence[Path], scopes: Sequence[Scope] | None, settings: Settings
) -> list[SourceFile]:
    return [
        found
        for root in distinct_roots(roots)
        for found in scan(root, exclude=settings.library, scopes=scopes)
        if isinstance(found, SourceFile)
    ]


def _known_roots(settings: Settings) -> Sequence[Path]:
    if stored_model(settings.library) is None:
        return ()
    catalog = open_catalog_of(settings.library, settings.database)
    known = catalog.roots()
    catalog.close()
    return [Path(root) for root in known if Path(root).is_dir()]
