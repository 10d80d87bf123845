"""`atisbo export`: hand out what a library holds, in formats that other programs read."""

import sys
from pathlib import Path
from typing import TextIO

import click
import numpy as np

from indexer import options
from indexer.config import load_settings
from indexer.errors import ConfigError
from indexer.library import open_library, open_space
from indexer.spaces import find_space, read_space
from indexer.types import Ids

_SHOWN = 10


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@options.library
@options.database
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "webdataset"]),
    default="parquet",
    show_default=True,
    help="parquet: items with vectors; webdataset: tar shards of pictures and captions.",
)
@click.option(
    "--under",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Only what lies below FOLDER; may be repeated.",
)
@click.option(
    "--ids",
    "ids_file",
    metavar="FILE",
    type=click.File(),
    help="Only items whose ids FILE lists, one a line; - reads stdin.",
)
@click.option("--space", "name", metavar="NAME", help="Vectors of this space, see atisbo models.")
def export(
    out: Path,
    kind: str,
    under: tuple[Path, ...],
    ids_file: TextIO | None,
    name: str | None,
    **chosen: object,
) -> None:
    """Write what the library holds into the new folder OUT; `atisbo import` reads it back.

    Vectors are those of the library's model unless --space names others.
    """
    from indexer.exchange import parquet, webdataset
    from indexer.exchange.chosen import Chosen

    settings = load_settings(**chosen)
    library = open_library(settings.library, database=settings.database, index="exact")
    wanted = Chosen(
        [folder.absolute() for folder in under] or None,
        None if ids_file is None else _ids(ids_file),
    )
    if kind == "webdataset":
        count, lost = webdataset.write(out, library.catalog, wanted)
        click.echo(f"{count:,} pictures are in {out}.")
        for path, reason in lost[:_SHOWN]:
            click.echo(f"left out {path}: {reason}", err=True)
        if lost:
            click.echo(f"{len(lost):,} pictures could not be read and are left out.", err=True)
            sys.exit(1)
        return
    space = library.space
    if name is not None:
        space = find_space(settings.library, name)
    elif space.base is not None:
        space = read_space(settings.library, space.base)
    facts = parquet.write(
        out,
        library.catalog,
        open_space(settings.library, space, "exact"),
        wanted,
        model=space.model,
        fingerprint=space.fingerprint,
        dim=space.dim,
    )
    click.echo(
        f"{facts.items['image']:,} pictures and {facts.items['text']:,} captions are in {out}, "
        f"with vectors of {space.name}."
    )


def _ids(file: TextIO) -> Ids:
    try:
        return np.array([int(line) for line in file if line.strip()], np.int64)
    except ValueError as error:
        raise ConfigError(f"{file.name} must list ids, one a line: {error}") from error
