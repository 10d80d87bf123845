"""Walking the folders that a command was given, with a word on what could not be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from indexer.commands.lines import WARNING, say
from indexer.config import Settings
from indexer.errors import ConfigError, Unavailable
from indexer.library import open_catalog_of, stored_model
from indexer.media.remote import distinct_stores, list_shards
from indexer.scan import distinct_roots, scan
from indexer.types import Scope, SourceFile, is_url


@dataclass(frozen=True, slots=True)
class Folders:
    """What a pass is to look at, and how.

    `roots` are absolute and distinct; `scopes` are the parts of them to be looked at, None for all.
    `unsettled` files are still being written and left for a later pass. `keep_missing` keeps what
    was indexed of deleted files, `allow_empty` believes a root without files: they are deleted.
    `again` reads files that did not change as well. `stores` are the URLs of shards, looked at as a
    whole whatever the scopes.
    """

    roots: Sequence[Path]
    scopes: Sequence[Scope] | None = None
    unsettled: Sequence[Path] = ()
    keep_missing: bool = False
    allow_empty: bool = False
    again: bool = False
    stores: Sequence[str] = ()


def folders_of(named: Sequence[Path | str], settings: Settings, console: Console) -> Folders:
    """Returns what was named, or else all that the library knows and that is there.

    A folder inside one that the library knows is a part of that one, so no file comes twice.

    Raises:
        ConfigError: no folder was named, and there is no library or none of its folders is there.
    """
    if not named:
        return _known_and_there(settings, console)
    urls = [one for one in named if isinstance(one, str)]
    stores = distinct_stores([*urls, *_around(urls, settings)])
    wanted = distinct_roots(one for one in named if isinstance(one, Path))
    outer = {
        folder: known
        for folder in wanted
        for known in _known(settings)
        if folder != known and distinct_roots([known, folder]) == [known]
    }
    if not outer:
        return Folders(wanted, stores=stores)
    roots = sorted({outer.get(folder, folder) for folder in wanted})
    return Folders(roots, scopes=[Scope(folder) for folder in wanted], stores=stores)


def _known(settings: Settings) -> Sequence[Path]:
    """Returns the library's folders that are there; none where there is no library yet."""
    known = [Path(root) for root in _known_roots(settings) if not is_url(root)]
    return [root for root in known if root.is_dir()]


def _around(urls: Sequence[str], settings: Settings) -> Sequence[str]:
    """Returns the stores that the library knows and that one of the URLs is a part of."""
    known = [root for root in _known_roots(settings) if is_url(root)] if urls else []
    return [root for root in known if any(url.startswith(f"{root}/") for url in urls)]


def _known_roots(settings: Settings) -> Sequence[str]:
    if stored_model(settings.library) is None:
        return []
    catalog = open_catalog_of(settings.library, settings.database)
    known = catalog.roots()
    catalog.close()
    return known


def _known_and_there(settings: Settings, console: Console) -> Folders:
    catalog = open_catalog_of(settings.library, settings.database)
    every = catalog.roots()
    catalog.close()
    known = [Path(root) for root in every if not is_url(root)]
    stores = distinct_stores(root for root in every if is_url(root))
    there = [root for root in known if root.is_dir()]
    for root in known:
        if root not in there:
            say(console, f"{root} is not there and left as it is.", style=WARNING)
    if not there and not stores:
        raise ConfigError(
            f"none of the folders of the library {settings.library} is there. Name a folder: "
            "atisbo index FOLDER"
        )
    return Folders(distinct_roots(there), stores=stores)


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
                    say(console, f"passed over {found.path}: {found.reason}", style=WARNING)
    return files, unread


def ask(
    stores: Sequence[str], console: Console, *, alone: bool
) -> tuple[list[SourceFile], list[str]]:
    """Returns the shards in the stores, and the stores that answered.

    Of the others nothing may count as deleted, so they are left as they are, with a word.

    Raises:
        ConfigError: none can be read, for want of a package; and they are `alone`, without folders.
        Unavailable: none answers, likewise.
    """
    files: list[SourceFile] = []
    answered: list[str] = []
    for store in stores:
        try:
            with console.status(f"Looking for shards in {store}"):
                found = list_shards(store)
        except (ConfigError, Unavailable) as error:
            if alone and store == stores[-1] and not answered:
                raise
            say(console, str(error), style=WARNING)
            continue
        if not found:
            say(console, f"{store} holds no shards (.tar, .parquet).", style=WARNING)
        files += found
        answered.append(store)
    return files, answered
