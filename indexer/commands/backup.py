"""`atisbo backup`: copies a library while it is in use."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from indexer import options
from indexer.backup import Copied, backup
from indexer.catalog import open_catalog
from indexer.config import load_settings
from indexer.library import open_catalog_of
from indexer.types import Modality


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@options.library
@options.database
@click.option("--thumbnails", is_flag=True,
              help="Copy thumbnails too; without, they are made again on demand.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup_command(target: Path, thumbnails: bool, as_json: bool, **chosen: object) -> None:
    """Copy the library to the new folder TARGET, also while it is indexed into and searched.

    The copy is a library by itself, its catalogue in SQLite whatever the database of this one. It
    appears when it is whole. Pictures and captions stay where they are and are not copied.
    """
    settings = load_settings(**chosen)
    catalog = open_catalog_of(settings.library, settings.database)
    with Console(stderr=True).status("Copying") as status:
        copied = backup(
            settings.library,
            target,
            catalog,
            open_catalog,
            thumbnails=thumbnails,
            progress=lambda what: status.update(f"Copying {what}"),
        )
    if as_json:
        click.echo(json.dumps({"target": str(target), **asdict(copied)}))
    else:
        _show(target, copied)


def _show(target: Path, copied: Copied) -> None:
    pictures, captions = (copied.items[one] for one in (Modality.IMAGE, Modality.TEXT))
    click.echo(
        f"{pictures:,} pictures and {captions:,} captions, {len(copied.spaces)} spaces, "
        f"{copied.thumbnails:,} thumbnails: {copied.size_bytes:,} bytes in {target}"
    )
    if copied.left_out:
        click.echo(f"{copied.left_out:,} files that went or changed meanwhile are left out.")
    click.echo(f'Search it with: atisbo search "..." --library {target}')
