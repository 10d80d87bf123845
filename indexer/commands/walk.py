"""Walking the folders that a command was given, with a word on what could not be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from indexer.config import Settings
from indexer.errors import ConfigError
from indexer.library import open_catalog_of, stored_model
from indexer.scan import distinct_roots, scan
from indexer.types import Scope, SourceFile


@dataclass(frozen=True, slots=True)
class Folders:
    """What a pass is to look at, and how.

    `roots` are absolute and distinct; `scopes` are the parts of them to be looked at, None for all.
    `unsettled` files are still being written and left for a later pass. `keep_missing` keeps what
    was indexed of deleted files, `allow_empty` believes a root without files: they are deleted.
    """

    roots: Sequence[Path]
    scopes: Sequence[Scope] | None = None
    unsettled: Sequence[Path] = ()
    keep_missing: bool = False
    allow_empty: bool = False


def folders_of(named: Sequence[Path], settings: Settings, console: Console) -> Folders:
    """Returns what was named, or else all that the library knows and that is there.

    A folder inside one that the library knows is a part of that one, so no file comes twice.

    Raises:
        ConfigError: no folder was named, and there is no library or none of its folders is there.
    """
    if not named:
        return Folders(_known_and_there(settings, console))
    wanted = distinct_roots(named)
    outer = {
        folder: known
        for folder in wanted
        for known in _known(settings)
        if folder != known and distinct_roots([known, folder]) == [known]
    }
    if not outer:
        return Folders(wanted)
    roots = sorted({outer.get(folder, folder) for folder in wanted})
    return Folders(roots, scopes=[Scope(folder) for folder in wanted])


def _known(settings: Settings) -> Sequence[Path]:
    """Returns the library's folders that are there; none where there is no library yet."""
    if stored_model(settings.library) is None:
        return []
    catalog = open_catalog_of(settings.library, settings.database)
    known = [Path(root) for root in catalog.roots()]
    catalog.close()
    return [root for root in known if root.is_dir()]


def _known_and_there(settings: Settings, console: Console) -> Sequence[Path]:
    catalog = open_catalog_of(settings.library, settings.database)
    known = [Path(root) for root in catalog.roots()]
    catalog.close()
    there = [root for root in known if root.is_dir()]
    for root in known:
        if root not in there:
            console.print(f"{root} is not there and left as it is.", style="yellow")
    if not there:
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
