"""`atisbo import`: take in what `atisbo export` wrote, or what other tools computed."""

from pathlib import Path

import click
from rich.console import Console

from indexer import options
from indexer.commands.passes import show_counts
from indexer.commands.peer_files import Wanted
from indexer.commands.peers import peer_at, take_over
from indexer.commands.progress import ShownProgress
from indexer.commands.vectors import tend_indexes
from indexer.config import Settings, load_settings
from indexer.errors import ConfigError, IndexMismatch
from indexer.library import open_library, stored_model, writing
from indexer.media.image import IMAGE_SUFFIXES
from indexer.pipeline import bulk_index, heal
from indexer.spaces import own_space, write_first
from indexer.sync import settle_copies


@click.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@options.library
@options.database
@click.option(
    "--into",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the pictures of tar shards go.",
)
@click.option(
    "--map",
    "moved",
    multiple=True,
    metavar="OLD=NEW",
    help="An indexed folder that lies elsewhere here; may be repeated.",
)
@click.option("--model", metavar="NAME", help="Model that made another tool's vectors.")
@options.device
@click.option(
    "--root",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that another tool's pictures lie in. [default: the one they share]",
)
@click.option(
    "--unproved", is_flag=True, help="Take another tool's vectors if nothing can be compared."
)
def import_command(
    source: Path,
    into: Path | None,
    moved: tuple[str, ...],
    model: str | None,
    root: Path | None,
    unproved: bool,
    **chosen: object,
) -> None:
    """Take in SOURCE: an atisbo export, tar shards, or what clip-retrieval or rclip computed.

    An export comes in with its vectors, nothing is embedded; it must be of the library's model.
    Files that the library holds already, unchanged, are left alone. Shards are unpacked into
    --into; then atisbo index makes that folder searchable.

    The output folder of clip-retrieval, or rclip's database (~/.local/share/rclip/db.sqlite3),
    comes in with its vectors too. Neither tells reliably which model made them, so some pictures
    are embedded again: only if the vectors are the same, the rest is believed.
    """
    settings = load_settings(**chosen)
    if source.suffix == ".tar" or (source.is_dir() and any(source.glob("*.tar"))):
        _unpack(source, into)
        return
    if (peer := peer_at(source)) is not None:
        take_over(peer, Wanted(model, root, _roots(moved), unproved), settings)
        return
    _take_in(source, _roots(moved), settings)


def _unpack(source: Path, into: Path | None) -> None:
    from indexer.exchange.webdataset import unpack

    if into is None:
        raise click.UsageError("Name the folder that the pictures shall go to with --into.")
    written, refused = unpack(source, into, IMAGE_SUFFIXES)
    click.echo(f"{written:,} files are in {into}. Make them searchable with: atisbo index {into}")
    for name in refused[:10]:
        click.echo(f"refused {name}: it leads elsewhere, or another file is there", err=True)
    if len(refused) > 10:
        click.echo(f"... and {len(refused) - 10:,} more", err=True)


def _roots(moved: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for one in moved:
        old, sign, new = one.partition("=")
        if not sign or not old or not new:
            raise click.UsageError(f"--map takes OLD=NEW, not {one!r}.")
        found[Path(old).as_posix()] = Path(new).absolute().as_posix()
    return found


def _take_in(source: Path, roots: dict[str, str], settings: Settings) -> None:
    from indexer.exchange.parquet import Export

    export = Export(source, roots)
    facts = export.facts
    space = own_space(facts.model, facts.fingerprint, facts.dim)
    files = export.files()
    with writing(settings.library):
        if stored_model(settings.library) is None:
            if not files:
                raise ConfigError(f"the export {source} holds no items.")
            write_first(settings.library, space)
        library = open_library(
            settings.library, database=settings.database, index=settings.index, write=True
        )
        if library.space.fingerprint != facts.fingerprint or library.space.dim != facts.dim:
            raise IndexMismatch(
                f"the export {source} holds vectors of {facts.model} (weights "
                f"{facts.fingerprint}), the library {settings.library} those of "
                f"{library.space.model} (weights {library.space.fingerprint}). Import it into a "
                "library of its own with --library OTHER_FOLDER."
            )
        heal(library.catalog, library.indexes, library.thumbnails)
        changed = library.catalog.changed(files)
        with ShownProgress(len(changed), Console(stderr=True)) as progress:
            report = bulk_index(
                changed,
                engine=export,
                catalog=library.catalog,
                indexes=library.indexes,
                thumbnails=library.thumbnails,
                progress=progress,
                checkpoint_items=settings.checkpoint_items,
            )
        copies = export.copies()
        new = {file.key for file in library.catalog.changed([copy for copy, _ in copies])}
        settle_copies(
            [pair for pair in copies if pair[0].key in new],
            library.catalog,
            library.indexes,
            library.thumbnails,
        )
        tend_indexes(settings, Console(stderr=True))
    click.echo(f"{show_counts(report)} came in; {len(files) - len(changed):,} files were there.")
