"""`atisbo index`: make folders searchable."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from indexer import options
from indexer.commands.calibrating import calibrate_if_due
from indexer.commands.moving import model_of
from indexer.commands.passes import Pass, run_pass, show_troubles, summary
from indexer.commands.roots import known_roots
from indexer.commands.vectors import rebuild_indexes, tend_indexes
from indexer.commands.walk import folders_of
from indexer.config import load_settings
from indexer.embedders import hint
from indexer.library import writing

EXIT_SOME_SKIPPED = 1
EXIT_INTERRUPTED = 130


@click.command()
@known_roots
@options.library
@options.database
@click.option(
    "--model",
    metavar="NAME",
    help="Model of a new library, or the one to move the library to; see atisbo models.",
)
@options.device
@click.option("--precision", help="auto, fp32, bf16 or fp16. [default: auto]")
@click.option("--batch-size", type=int, help="Pictures or captions embedded at once. [default: 32]")
@click.option("--workers", type=int, help="Threads that decode. [default: one for each core]")
@click.option("--max-megapixels", type=int, help="Skip larger pictures. [default: 180]")
@click.option(
    "--video-every", type=float, help="Seconds of a long take that give one moment. [default: 10]"
)
@click.option("--max-moments", type=int, help="Moments taken of one film. [default: 5000]")
@click.option("--video-seconds", type=int, help="Time to read one film in. [default: 900]")
@options.budget
@click.option(
    "--rebuild-vectors",
    is_flag=True,
    help="Make the indexes anew from stored vectors, without embedding anything.",
)
@click.option(
    "--kind",
    metavar="KIND",
    help="With --rebuild-vectors: exact, codes, lists, for GPUs ivfpq or cagra, or a FAISS factory "
    "string, for pictures, captions and films. [default: what keeps the budget]",
)
@click.option("--again", is_flag=True, help="Read files anew that did not change.")
@click.option("--keep-missing", is_flag=True, help="Keep what was indexed of deleted files.")
@click.option("--allow-empty", is_flag=True, help="Believe an empty folder: its files are deleted.")
@click.option("--strict", is_flag=True, help="Exit with 1 if any file had to be skipped.")
def index(
    roots: tuple[Path | str, ...],
    model: str | None,
    rebuild_vectors: bool,
    kind: str | None,
    again: bool,
    keep_missing: bool,
    allow_empty: bool,
    strict: bool,
    **chosen: object,
) -> None:
    """Make pictures, films and captions in FOLDERs searchable, and keep step with the files.

    A URL (s3://bucket/shards, https://...) names shards of a data set, or one of them: tar files as
    of WebDataset, and parquet files with the bytes of pictures.

    Without FOLDERs it goes through all that were indexed before.

    Files that did not change since the last run cost nothing, so run it again at any time; a run
    that was stopped goes on where it was. Renamed and moved files are known by their content and
    keep what they have; deleted ones are forgotten; exact copies are embedded once.

    With --again files that did not change are read anew, under new ids: after an update of atisbo
    that finds more in them.

    A search scans all vectors, exactly, as long as that keeps --max-latency and --max-memory; then
    an index is chosen and tuned until it finds --min-recall of the true ten best, measured on
    queries of pictures and of texts apart. atisbo status shows what was chosen and why.

    With --model the items of the library get vectors of another model, beside those that are
    searched meanwhile; at the end the library, and a running service, switch to them.
    """
    settings = load_settings(**chosen)
    console = Console(stderr=True)
    if kind and not rebuild_vectors:
        raise click.UsageError("--kind goes with --rebuild-vectors.")
    if rebuild_vectors and not roots:
        with writing(settings.library):
            rebuild_indexes(settings, console, kind=kind)
        return
    wanted = replace(
        folders_of(roots, settings, console),
        again=again,
        keep_missing=keep_missing,
        allow_empty=allow_empty,
    )
    with writing(settings.library):
        try:
            used = model_of(wanted.roots, model, settings, console, stores=wanted.stores)
            done = run_pass(wanted, used, settings, console)
            if rebuild_vectors:
                rebuild_indexes(settings, console, kind=kind, model=used)
            else:
                tend_indexes(settings, console, model=used)
            calibrate_if_due(settings, console, used)
        except KeyboardInterrupt:
            console.print("Stopped. What was done is kept; run the same command to go on.")
            sys.exit(EXIT_INTERRUPTED)
    _show(done, wanted.roots, console)
    if strict and done.report.skipped:
        sys.exit(EXIT_SOME_SKIPPED)


def _show(done: Pass, roots: Sequence[Path], console: Console) -> None:
    Console().print(summary(done))
    show_troubles(done, roots, console)
    if advice := hint(done.library.space.model):
        console.print(advice, style="dim", highlight=False, soft_wrap=True)
