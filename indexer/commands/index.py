"""`atisbo index`: make folders searchable."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from indexer import options
from indexer.commands.passes import Folders, Model, Pass, run_pass, show_troubles, summary
from indexer.config import Settings, load_settings
from indexer.embedders import DEFAULT_MODEL, hint
from indexer.errors import ConfigError
from indexer.library import make_library, stored_model, writing
from indexer.scan import distinct_roots, scan
from indexer.types import SourceFile

EXIT_SOME_SKIPPED = 1
EXIT_INTERRUPTED = 130


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
    keep what they have; deleted ones are forgotten; exact copies are embedded once.
    """
    settings = load_settings(**chosen)
    console = Console(stderr=True)
    wanted = Folders(distinct_roots(folders), keep_missing=keep_missing, allow_empty=allow_empty)
    with writing(settings.library):
        try:
            model = _model(wanted.roots, settings, console)
            done = run_pass(wanted, model, settings, console)
        except KeyboardInterrupt:
            console.print("Stopped. What was done is kept; run the same command to go on.")
            sys.exit(EXIT_INTERRUPTED)
    _show(done, wanted.roots, console)
    if strict and done.report.skipped:
        sys.exit(EXIT_SOME_SKIPPED)


def _model(roots: Sequence[Path], settings: Settings, console: Console) -> Model:
    """Returns the library's model, after making the library where there is none."""
    stored = stored_model(settings.library)
    model = Model(settings.model or stored or DEFAULT_MODEL, settings, console)
    if stored is None:
        if not _holds_media(roots, settings.library):
            raise ConfigError(
                f"there are no pictures or captions in {', '.join(map(str, roots))}. Name a "
                "folder that holds some."
            )
        make_library(settings.library, model.embedder)
    return model


def _holds_media(roots: Sequence[Path], library: Path) -> bool:
    return any(
        isinstance(found, SourceFile) for root in roots for found in scan(root, exclude=library)
    )


def _show(done: Pass, roots: Sequence[Path], console: Console) -> None:
    Console().print(summary(done))
    show_troubles(done, roots, console)
    if advice := hint(done.library.space.model):
        console.print(advice, style="dim", highlight=False, soft_wrap=True)
