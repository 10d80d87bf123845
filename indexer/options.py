"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

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
_max_memory = click.option(
    "--max-memory",
    metavar="SIZE",
    help="What searches may keep in memory, and on GPUs, for each of pictures, captions and films, "
    "such as 2GB. [default: no limit]",
)
_min_recall = click.option(
    "--min-recall",
    metavar="SHARE",
    help="Share of the true ten best that searches must find. [default: 98%]",
)
_max_latency = click.option(
    "--max-latency", metavar="TIME", help="What one search may take. [default: 10ms]"
)


def budget(command: Command) -> Command:
    """What searches may cost; once named, a library keeps it."""
    return _max_memory(_min_recall(_max_latency(command)))


device = click.option("--device", help="auto, cpu, cuda, cuda:N or mps. [default: auto]")
