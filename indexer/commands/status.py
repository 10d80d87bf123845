"""`atisbo status`: what a library holds."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from indexer import options
from indexer.config import load_settings
from indexer.library import Library, open_library
from indexer.types import Modality


@click.command()
@options.library
@options.database
@click.option("--skipped", "list_skipped", is_flag=True, help="List the files that were skipped.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(list_skipped: bool, as_json: bool, **chosen: object) -> None:
    """Show what a library holds: items, files, model, size on disk, files that were skipped."""
    settings = load_settings(**chosen)
    library = open_library(settings.library, database=settings.database, index=settings.index)
    facts = _facts(library)
    skipped = _skipped(library) if list_skipped else []
    if as_json:
        click.echo(json.dumps({**facts, **({"skipped_files": skipped} if list_skipped else {})}))
        return
    table = Table(title=f"Library {library.folder}", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(
            name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value)
        )
    Console().print(table)
    for one in skipped:
        click.echo(f"{one['path']}: {one['reason']}")


def _facts(library: Library) -> dict[str, Any]:
    counts = library.catalog.counts()
    facts: dict[str, Any] = {"model": library.space.model, "weights": library.space.fingerprint}
    facts["dimensions"] = library.space.dim
    for label, modality in (("pictures", Modality.IMAGE), ("captions", Modality.TEXT)):
        facts[label] = counts.items.get(modality, 0)
        facts[f"{label}_vectors"] = len(library.indexes[modality])
    facts["pictures"] -= counts.moments
    if films := counts.items.get(Modality.VIDEO, 0):
        facts |= {"films": films, "moments_of_films": counts.moments}
        facts["films_vectors"] = len(library.indexes[Modality.VIDEO])
    facts["files_skipped"] = counts.skipped
    if counts.partial:
        facts["files_read_in_part"] = counts.partial
    facts["bytes_on_disk"] = sum(
        path.stat().st_size for path in Path(library.folder).rglob("*") if path.is_file()
    )
    return facts


def _skipped(library: Library) -> list[dict[str, str]]:
    every = library.catalog.skipped(library.catalog.counts().skipped)
    return [{"path": one.source.address, "reason": one.reason} for one in every]
