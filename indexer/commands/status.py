"""`atisbo status`: what a library holds."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from indexer import options
from indexer.commands.calibrating import relevance_of
from indexer.commands.vectors import LABELS
from indexer.config import load_settings
from indexer.library import Library, open_library
from indexer.types import Modality
from indexer.vectors.structure import told
from indexer.vectors.tuned import TunedIndex


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
    made = _indexes(library)
    skipped = _skipped(library) if list_skipped else []
    facts["relevance"] = relevance_of(library)
    if as_json:
        indexes = {
            modality: asdict(index.structure) if index.structure else None
            for modality, index in made.items()
        }
        listed = {"skipped_files": skipped} if list_skipped else {}
        click.echo(json.dumps({**facts, "indexes": indexes, **listed}))
        return
    table = Table(title=f"Library {library.folder}", title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(
            name.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value)
        )
    for modality, index in made.items():
        table.add_row(f"{LABELS[modality]} index", _described(index))
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


def _indexes(library: Library) -> dict[Modality, TunedIndex]:
    """Returns the indexes that hold something and have something to tell."""
    return {
        modality: index
        for modality, index in library.indexes.items()
        if isinstance(index, TunedIndex) and len(index)
    }


def _described(index: TunedIndex) -> str:
    structure, due = index.structure, index.due()
    if structure is None:
        lines = ["exact: all vectors are scanned"]
    else:
        lines = [f"{structure.kind}: {structure.why}; {told(structure)}"]
        if index.tail and structure.files:
            lines.append(f"{index.tail:,} vectors came since and are scanned")
    if due is not None:
        lines.append(f"the next atisbo index makes it anew: {due}")
    return "; ".join(lines)


def _skipped(library: Library) -> list[dict[str, str]]:
    every = library.catalog.skipped(library.catalog.counts().skipped)
    return [{"path": one.source.address, "reason": one.reason} for one in every]
