"""`atisbo failures`: the files that could not be read, or in part alone, and another try."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from indexer import options
from indexer.commands.passes import Model, run_pass, show_troubles, summary
from indexer.commands.walk import Folders
from indexer.config import Settings, load_settings
from indexer.library import open_catalog_of, stored_model, writing
from indexer.types import Scope, Skipped


@click.command()
@options.library
@options.database
@options.device
@click.option("--retry", is_flag=True, help="Try all of them again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def failures(retry: bool, as_json: bool, **chosen: object) -> None:
    """List the files that could not be read, or only in part, with the reason.

    Those that could not be read are tried again by themselves when they change. --retry tries them
    now: after an update of atisbo, say, or when a disk is well again.
    """
    settings = load_settings(**chosen)
    catalog = open_catalog_of(settings.library, settings.database)
    counts = catalog.counts()
    failed = catalog.skipped(counts.skipped)
    partial = catalog.partial(counts.partial)
    if retry:
        with writing(settings.library):
            catalog.forget([one.source for one in failed])
            catalog.close()
            _retry(failed, settings)
        return
    catalog.close()
    if as_json:
        found = [
            {"path": one.source.address, "reason": one.reason, "partial": one in partial}
            for one in (*failed, *partial)
        ]
        click.echo(json.dumps(found))
        return
    for one in failed:
        click.echo(f"{one.source.address}: {one.reason}")
    for one in partial:
        click.echo(f"{one.source.address} (in part): {one.reason}")
    if not failed and not partial:
        click.echo("Every file could be read.")


def _retry(failed: Sequence[Skipped], settings: Settings) -> None:
    console = Console(stderr=True)
    roots = sorted({Path(one.source.root) for one in failed if not one.source.is_remote})
    stores = sorted({one.source.root for one in failed if one.source.is_remote})
    there = [root for root in roots if root.is_dir()]
    scopes = {Scope(one.source.location.parent, deep=False) for one in failed}
    model = Model(stored_model(settings.library) or "", settings, console)
    done = run_pass(Folders(there, scopes=list(scopes), stores=stores), model, settings, console)
    Console().print(summary(done))
    show_troubles(done, there, console)
