"""Options that several commands share."""

from pathlib import Path

import click

folders = click.argument(
    "folders",
    nargs=-1,
    required=True,
    metavar="FOLDER...",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
known_folders = click.argument(
    "folders",
    nargs=-1,
    metavar="[FOLDER...]",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
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
