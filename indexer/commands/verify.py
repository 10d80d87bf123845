"""`atisbo verify`: proves that a library is sound, or says what is not."""

import json
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict

import click
from rich.console import Console

from indexer import options
from indexer.commands.vectors import tend_indexes
from indexer.config import load_settings
from indexer.library import open_catalog_of, writing
from indexer.verify import Checked, verify

EXIT_UNSOUND = 1


@click.command("verify")
@options.library
@options.database
@click.option("--repair", is_flag=True, help="Mend what can be mended without a model.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_command(repair: bool, as_json: bool, **chosen: object) -> None:
    """Prove that files, rows and vectors of a library agree, checksums included.

    Exits with 1 if something is wrong and was not mended.
    """
    settings = load_settings(**chosen)
    catalog = open_catalog_of(settings.library, settings.database)
    # Nobody writes where it is not possible, so nobody need be kept from it.
    alone = repair or os.access(settings.library, os.W_OK)
    with writing(settings.library) if alone else nullcontext():
        checked = verify(settings.library, catalog, repair=repair)
        if repair:
            tend_indexes(settings, Console(stderr=True))
    wrong = [one for one in checked.findings if not one.mended]
    if as_json:
        click.echo(json.dumps({"sound": not wrong, **asdict(checked)}))
    else:
        _show(checked, sound=not wrong)
    if wrong:
        sys.exit(EXIT_UNSOUND)


def _show(checked: Checked, *, sound: bool) -> None:
    for name, count in checked.counts.items():
        click.echo(f"{count:>12,} {name}")
    for one in checked.findings:
        click.echo(f"{'mended' if one.mended else 'WRONG'}: {one.fact}: {one.remedy}")
    click.echo("The library is sound." if sound else "The library is not sound.")
