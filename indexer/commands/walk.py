"""Walking the folders that a command was given, with a word on what could not be looked at."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from indexer.config import Settings
from indexer.errors import ConfigError
from indexer.library import open_catalog_of
from indexer.scan import distinct_roots, scan
from indexer.types import Scope, SourceFile


def roots_of(folders: Sequence[Path], settings: Settings, console: Console) -> Sequence[Path]:
    """Returns the folders that were named, or else those that the library knows and are there.

    Raises:
        ConfigError: no folder was named, and there is no library or none of its folders is there.
    """
    if folders:
        return distinct_roots(folders)
    catalog = open_catalog_of(settings.library, settings.database)
    known = [Path(root) for root in catalog.roots()]
    catalog.close()
    for root in known:
        if not root.is_dir():
            console.print(f"{root} is not there and left as it is.", style="yellow")
    if not (there := [root for root in known if root.is_dir()]):
        raise ConfigError(
            f"none of the folders of the library {settings.library} is there. Name a folder: "
            "atisbo index FOLDER"
        )
    return distinct_roots(there)


def walk(
    roots: Sequence[Path],
    *,
    exclude: Path,
    console: Console,
    scopes: Sequence[Scope] | None = None,
) -> tuple[list[SourceFile], list[Path]]:
    """Returns the files of the folders, or of parts of them, and what could not be looked at."""
    files: list[SourceFile] = []
    unread: list[Path] = []
    with console.status("Looking for pictures and captions"):
        for root in roots:
            for found in scan(root, exclude=exclude, scopes=scopes):
                if isinstance(found, SourceFile):
                    files.append(found)
                else:
                    unread.append(found.path)
                    console.print(f"passed over {found.path}: {found.reason}", style="yellow")
    return files, unread
