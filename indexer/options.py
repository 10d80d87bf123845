"""Options that several commands share."""

from pathlib import Path

import click

library = click.option(
    "--library",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the library. [default: ATISBO_LIBRARY, or one in the user's data folder]",
)
database = click.option(
    "--database",
    metavar="URL",
    help="SQLAlchemy URL of the catalogue. [default: ATISBO_DATABASE, or SQLite in the library]",
)
device = click.option("--device", help="auto, cpu, cuda, cuda:N or mps. [default: auto]")
