"""`atisbo tag`: what users call pictures and films."""

import json

import click

from indexer import options
from indexer.config import load_settings
from indexer.errors import NotFound
from indexer.library import open_catalog_of


@click.command()
@click.argument("ids", nargs=-1, metavar="ID...", type=click.IntRange(0, 2**63 - 1))
@click.option("--add", multiple=True, metavar="NAME", help="A tag to give; may come repeatedly.")
@click.option("--remove", multiple=True, metavar="NAME", help="A tag to take away.")
@click.option("--list", "listed", is_flag=True, help="List all tags, or those of the items.")
@options.library
@options.database
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def tag(
    ids: tuple[int, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    listed: bool,
    as_json: bool,
    **chosen: object,
) -> None:
    """Give items tags and take others away, or list the tags with --list.

    ID is what searches print. Of a moment its film is tagged, of a caption what it describes. The
    tag "favourite" is what is:favourite asks for, others are asked for with tag:NAME.
    """
    if not (ids and (add or remove)) and not listed:
        raise click.UsageError("Give ids with --add NAME or --remove NAME, or --list.")
    if (add or remove) and not ids:
        raise click.UsageError("Give the ids of the items to tag.")
    settings = load_settings(**chosen)
    catalog = open_catalog_of(settings.library, settings.database)
    try:
        done = None
        if add or remove:
            done = catalog.tag(ids, add=add, remove=remove)
            if not done:
                raise NotFound(
                    "None of these ids is of a picture or film of this library: `atisbo search` "
                    "prints the ids of what it finds."
                )
        counted = catalog.tags() if listed and not ids else {}
        given = catalog.tags_of(ids) if listed and ids else {}
    finally:
        catalog.close()
    if as_json:
        click.echo(json.dumps({"tagged": done, "tags": dict(counted), "items": dict(given)}))
        return
    if done is not None:
        click.echo(f"{done:,} items are tagged so.")
    for name, items in counted.items():
        click.echo(f"{items:>9,}  {name}")
    for id, names in given.items():
        click.echo(f"{id:>9}  {', '.join(names)}")
    if listed and not counted and not given:
        click.echo("There is no tag yet.", err=True)
