"""`atisbo forget`: take files out of the library; the files themselves are left alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import click

from indexer import options
from indexer.commands.roots import known_paths
from indexer.config import Settings, load_settings
from indexer.errors import NotFound
from indexer.library import open_library, writing
from indexer.media.captions import SIDECAR_SUFFIXES
from indexer.media.pictures import PictureNames
from indexer.pipeline import heal
from indexer.spaces import open_family, spaces
from indexer.sync import clear
from indexer.types import CatalogWriter, Kind, Modality, SourceFile, VectorIndex


@click.command()
@known_paths
@options.library
@options.database
@click.option("--undo", is_flag=True, help="Let forgotten files in again.")
def forget(paths: tuple[Path, ...], undo: bool, **chosen: object) -> None:
    """Take files or whole folders out of the library; the files themselves are left alone.

    They stay out, in whatever way their folder is indexed later, until --undo. An indexed folder
    that is forgotten as a whole is as if it had never been indexed.
    """
    settings = load_settings(**chosen)
    library = open_library(settings.library, database=settings.database, index="exact")
    catalog = library.catalog
    with writing(settings.library):
        wanted = paths
        if undo:
            back = list(_below(wanted, catalog.kept_out()))
            catalog.forget(back)
            click.echo(f"{len(back):,} files may come in again, with: atisbo index")
            return
        families = list(_families(settings))
        for indexes in families:
            heal(catalog, indexes, library.thumbnails)
        roots = [root for root in catalog.roots() if _inside(Path(root), wanted)]
        whole = [file for root in roots for file in catalog.stored(root)]
        parts = list(_parts(wanted, roots, catalog))
        if not whole and not parts:
            names = ", ".join(map(str, paths))
            raise NotFound(f"the library {settings.library} holds nothing of {names}")
        gone = [file for file in parts if not _may_come_back(file)]
        kept_out = [file for file in parts if _may_come_back(file)]
        for ids in (catalog.forget([*whole, *gone]), catalog.keep_out(kept_out)):
            for indexes in families:
                clear(ids, indexes, library.thumbnails)
        catalog.drop_roots(roots)
    click.echo(f"{len(whole) + len(parts):,} files are forgotten. The files are untouched.")
    if kept_out:
        click.echo("To let them in again: atisbo forget --undo PATH, then atisbo index")


def _may_come_back(file: SourceFile) -> bool:
    """Whether the next run may come by the file; stores are not asked."""
    return file.is_remote or file.location.exists()


def _families(settings: Settings) -> Iterator[Mapping[Modality, VectorIndex]]:
    """Yields the vectors of every model that the library was ever moved to."""
    for space in spaces(settings.library):
        if space.base is None:
            yield {m: open_family(settings.library, space, m, "exact") for m in Modality}


def _parts(
    wanted: Sequence[Path], roots: Sequence[str], catalog: CatalogWriter
) -> Iterator[SourceFile]:
    """Yields what lies in or at the paths, and sidecars of pictures and films that are named."""
    for root in catalog.roots():
        near = [path for path in wanted if path.is_relative_to(root)]
        if root in roots or not near:
            continue
        files = catalog.stored(root)
        shown = [file for file in files if file.kind in (Kind.IMAGE, Kind.VIDEO)]
        names = PictureNames(shown)
        told = {file.key for file in shown if file.location in near}
        beside = [
            file.location
            for file in files
            if file.kind is Kind.CAPTION
            and PurePosixPath(file.path).suffix.lower() in SIDECAR_SUFFIXES
            and (file.root, names.beside(file)) in told
        ]
        yield from _below([*near, *beside], files)


def _below(wanted: Sequence[Path], files: Iterable[SourceFile]) -> Iterator[SourceFile]:
    return (file for file in files if _inside(file.location, wanted))


def _inside(path: Path, wanted: Sequence[Path]) -> bool:
    return any(path.is_relative_to(one) for one in wanted)
