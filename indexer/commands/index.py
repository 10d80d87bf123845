"""`atisbo index`: make folders searchable."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from indexer import options
from indexer.commands.progress import ShownProgress
from indexer.commands.walk import walk
from indexer.config import Settings, load_settings
from indexer.embedders import DEFAULT_MODEL, hint, open_embedder
from indexer.engines import open_engine
from indexer.errors import ConfigError
from indexer.library import Library, make_library, open_library, stored_model, writing
from indexer.media import readers
from indexer.media.image import thumbnail
from indexer.pipeline import Report, bulk_index, heal
from indexer.scan import distinct_roots
from indexer.sync import Difference, apply, compare, content_digest, relink
from indexer.types import Embedder, Kind, Modality, SourceFile

EXIT_SOME_SKIPPED = 1
EXIT_INTERRUPTED = 130
_SHOWN_SKIPPED = 10


@click.command()
@options.folders
@options.library
@options.database
@click.option("--model", metavar="NAME", help="Model of a new library; see README for names.")
@options.device
@click.option("--precision", help="auto, fp32, bf16 or fp16. [default: auto]")
@click.option("--batch-size", type=int, help="Pictures or captions embedded at once. [default: 32]")
@click.option("--workers", type=int, help="Threads that decode. [default: one for each core]")
@click.option("--max-megapixels", type=int, help="Skip larger pictures. [default: 180]")
@click.option("--keep-missing", is_flag=True, help="Keep what was indexed of deleted files.")
@click.option("--allow-empty", is_flag=True, help="Believe an empty folder: its files are deleted.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file had to be skipped.")
def index(
    folders: tuple[Path, ...], keep_missing: bool, allow_empty: bool, strict: bool, **chosen: object
) -> None:
    """Make pictures and captions in FOLDERs searchable, and keep them in step with the files.

    Files that did not change since the last run cost nothing, so run it again at any time; a run
    that was stopped goes on where it was. Renamed and moved files are known by their content and
    keep what they have; deleted ones are forgotten.
    """
    settings = load_settings(**chosen)
    console = Console(stderr=True)
    with writing(settings.library):
        try:
            run = _index(
                folders,
                settings,
                console,
                keep_missing=keep_missing,
                allow_empty=allow_empty,
            )
        except KeyboardInterrupt:
            console.print("Stopped. What was done is kept; run the same command to go on.")
            sys.exit(EXIT_INTERRUPTED)
    Console().print(_summary(run))
    _show_skipped(run.report, console)
    if advice := hint(run.library.space.model):
        console.print(advice, style="dim", highlight=False, soft_wrap=True)
    if strict and run.report.skipped:
        sys.exit(EXIT_SOME_SKIPPED)


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run did."""

    report: Report
    library: Library
    difference: Difference
    unchanged: int


def _index(
    folders: Sequence[Path],
    settings: Settings,
    console: Console,
    *,
    keep_missing: bool,
    allow_empty: bool,
) -> _Run:
    roots = distinct_roots(folders)
    files, unread = walk(roots, exclude=settings.library, console=console)
    # Pictures first: they are what people look for, and a long table would keep them waiting.
    files.sort(key=lambda file: file.kind is not Kind.IMAGE)
    stored = stored_model(settings.library)
    name = settings.model or stored or DEFAULT_MODEL
    embedder: Embedder | None = None
    if stored is None:
        if not files:
            raise ConfigError(
                f"there are no pictures or captions in {', '.join(map(str, folders))}. Name a "
                "folder that holds some."
            )
        embedder = _open_embedder(name, settings, console)
        make_library(settings.library, embedder)
    library = open_library(
        settings.library, database=settings.database, index=settings.index, write=True
    )
    heal(library.catalog, library.indexes)
    captions = readers(files, min_side=0, max_pixels=0)[Kind.CAPTION]
    with console.status("Comparing with the library"):
        difference = compare(
            [root.as_posix() for root in roots],
            files,
            library.catalog,
            unread=unread,
            allow_empty=allow_empty,
        )
        if keep_missing:
            difference = replace(difference, gone=())
        apply(difference, library.catalog, library.indexes, library.thumbnails, captions)
    for root, held in difference.held_back.items():
        console.print(
            f"{root} holds no pictures or captions, but {held:,} files of it are indexed: is its "
            "disk mounted? They are kept. If they are deleted indeed, add --allow-empty.",
            style="yellow",
            highlight=False,
        )
    changed = library.catalog.changed(files)
    report = Report()
    if changed or name != library.space.model:
        embedder = embedder or _open_embedder(name, settings, console)
        library.check(embedder)
        report = _embed(changed, files, embedder=embedder, library=library, settings=settings)
    if changed or difference.moved or difference.gone:
        relink(files, library.catalog, captions)
    return _Run(report, library, difference, len(files) - len(changed))


def _open_embedder(name: str, settings: Settings, console: Console) -> Embedder:
    with console.status(f"Loading {name}"):
        return open_embedder(name, device=settings.device, precision=settings.precision)


def _embed(
    changed: Sequence[SourceFile],
    files: Sequence[SourceFile],
    *,
    embedder: Embedder,
    library: Library,
    settings: Settings,
) -> Report:
    engine = open_engine(
        "local",
        readers=readers(
            files,
            min_side=2 * embedder.image_side,
            max_pixels=settings.max_megapixels * 1_000_000,
        ),
        embedder=embedder,
        thumbnail=thumbnail,
        digest=content_digest,
        batch_size=settings.batch_size,
        workers=settings.workers or os.cpu_count() or 1,
    )
    with ShownProgress(len(changed), Console(stderr=True)) as progress:
        return bulk_index(
            changed,
            engine=engine,
            catalog=library.catalog,
            indexes=library.indexes,
            thumbnails=library.thumbnails,
            progress=progress,
            checkpoint_items=settings.checkpoint_items,
        )


def _summary(run: _Run) -> Table:
    report, library = run.report, run.library
    counts = library.catalog.counts()
    table = Table(title=f"Library {library.folder}", title_justify="left", show_header=True)
    table.add_column("")
    table.add_column("this run", justify="right")
    table.add_column("in the library", justify="right")
    for label, modality in (("pictures", Modality.IMAGE), ("captions", Modality.TEXT)):
        done, held = report.items.get(modality, 0), counts.items.get(modality, 0)
        table.add_row(label, f"{done:,}", f"{held:,}")
    table.add_row("files skipped", f"{len(report.skipped):,}", f"{counts.skipped:,}")
    table.add_row("files unchanged", f"{run.unchanged:,}", "")
    if moved := len(run.difference.moved):
        table.add_row("files moved", f"{moved:,}", "")
    if gone := len(run.difference.gone):
        table.add_row("files forgotten", f"{gone:,}", "")
    embedded = sum(report.items.values())
    rate = f" ({embedded / report.seconds:,.0f} items/s)" if embedded and report.seconds else ""
    table.add_row("time", f"{report.seconds:,.1f} s{rate}", "")
    table.add_row("model", "", library.space.model)
    return table


def _show_skipped(report: Report, console: Console) -> None:
    for skipped in report.skipped[:_SHOWN_SKIPPED]:
        console.print(f"skipped {skipped.source.location}: {skipped.reason}", style="yellow")
    if (more := len(report.skipped) - _SHOWN_SKIPPED) > 0:
        console.print(
            f"... and {more:,} more; all of them: atisbo status --skipped", style="yellow"
        )
