"""`atisbo train`: a model of one's own, from captioned pictures."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from indexer import options
from indexer.commands.lines import WARNING, say
from indexer.commands.passes import limits
from indexer.commands.walk import walk
from indexer.config import Settings, load_settings
from indexer.embedders import open_embedder
from indexer.errors import Unavailable
from indexer.media import readers
from indexer.scan import distinct_roots
from indexer.types import Skipped

if TYPE_CHECKING:
    from indexer.training.trainer import Epoch, Trainer
    from indexer.training.validation import Recalls

EXIT_INTERRUPTED = 130
_SHOWN_SKIPPED = 10


@click.command()
@options.folders
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run: caches, checkpoint, curves.png, training.json and model/.",
)
@click.option(
    "--start",
    default="pocket",
    show_default=True,
    metavar="MODEL",
    help="Weights to begin with: pocket, pocket:FOLDER, or scratch for random ones.",
)
@click.option("--teacher", metavar="MODEL", help="Any model whose similarities to imitate too.")
@click.option(
    "--loss",
    type=click.Choice(["infonce", "sigmoid"]),
    default="infonce",
    show_default=True,
    help="Contrastive loss over a batch.",
)
@click.option("--epochs", type=click.IntRange(1), default=20, show_default=True)
@click.option("--batch", type=click.IntRange(8), default=256, show_default=True)
@click.option("--rate", type=float, help="Peak learning rate. [default: 3e-4; scratch: 1e-3]")
@click.option(
    "--held-out",
    type=click.FloatRange(0.01, 0.5),
    default=0.1,
    show_default=True,
    help="Share of the pictures to judge by, 1,000 at most.",
)
@click.option(
    "--patience",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Stop after so many epochs without gain; 0 never does.",
)
@click.option(
    "--micro-batches",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    help="Hold one of so many parts of a batch in memory at a time; 1 is a third less work.",
)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True)
@click.option("--seed", default=0, show_default=True)
@options.device
@click.option("--workers", type=int, help="Threads; part of the result. [default: one a core]")
@click.option("--max-megapixels", type=int, help="Skip larger pictures. [default: 180]")
def train(
    folders: tuple[Path, ...],
    out: Path,
    device: str | None,
    workers: int | None,
    max_megapixels: int | None,
    teacher: str | None,
    **chosen: Any,
) -> None:
    """Train a small model on the captioned pictures in FOLDERs.

    Captions are found as `atisbo index` finds them. Some pictures are held out as judge. A run
    that was stopped goes on from its last epoch, to the same weights, when it is started again.
    """
    settings = load_settings(device=device, workers=workers, max_megapixels=max_megapixels)
    console = Console(stderr=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{out} cannot be made: {error.strerror}") from error
    try:
        _train(folders, out, settings, teacher, chosen, console)
    except KeyboardInterrupt:
        console.print("Stopped. Finished epochs are kept; run the same command to go on.")
        sys.exit(EXIT_INTERRUPTED)


def _train(
    folders: Sequence[Path],
    out: Path,
    settings: Settings,
    teacher: str | None,
    chosen: dict[str, Any],
    console: Console,
) -> None:
    from indexer.embedders.device import open_device
    from indexer.training.curves import draw
    from indexer.training.own import Choices, prepare
    from indexer.training.trainer import Epoch, Trainer

    choices = Choices(
        device=str(open_device(settings.device)),
        workers=settings.workers or os.cpu_count() or 1,
        **chosen,
    )
    files, _ = walk(distinct_roots(folders), exclude=out, console=console)
    skipped: list[Skipped] = []
    columns = TextColumn("{task.description}"), BarColumn()
    with Progress(
        *columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        bar = progress.add_task("Reading captions", total=None)

        def tick(done: int, of: int) -> None:
            progress.update(bar, completed=done, total=of)

        def say(stage: str) -> None:
            progress.reset(bar, description=stage, total=None)

        def report(epoch: Epoch) -> None:
            progress.console.print(_line(epoch), highlight=False, soft_wrap=True)
            progress.reset(bar)

        prepared = prepare(
            files,
            lambda side: readers(files, limits(settings, side)),
            choices,
            out,
            teacher=open_embedder(teacher, device=choices.device) if teacher else None,
            skip=skipped.append,
            tick=tick,
            say=say,
        )
        _show_skipped(skipped, progress.console)
        say("Training")
        trainer = Trainer(
            prepared.recipe,
            prepared.material,
            folder=out,
            report=report,
            step=tick,
            start=prepared.start,
        )
        before = trainer.recall()
        trainer.run()
    draw(trainer.history, out / "curves.png")
    _summarise(trainer, before, out)


def _summarise(trainer: "Trainer", before: "Recalls", out: Path) -> None:
    from indexer.training.trainer import peak_memory
    from indexer.training.validation import quality

    best = max(trainer.history, key=lambda epoch: quality(epoch.recall))
    material = trainer.material
    click.echo(
        f"Learned from {len(material.corpus.pictures):,} pictures. Recall in % on "
        f"{len(material.held_out.pictures):,} others, held out:"
    )
    table = Table()
    for heading in ("", "before", f"epoch {best.number} of {len(trainer.history)}"):
        table.add_column(heading, justify="right" if heading else "left")
    for key, old in before.items():
        way, _, k = key.partition("@")
        named = "text to image" if way == "t2i" else "image to text"
        table.add_row(f"{named} @{k}", f"{old:.1f}", f"{best.recall[key]:.1f}")
    Console().print(table)
    held = peak_memory(trainer.recipe.device).items()
    memory = ", ".join(f"{size / 1e9:.1f} GB {name}" for name, size in held)
    click.echo(f"Peak memory: {memory}. Curves: {out / 'curves.png'}")
    if quality(best.recall) > quality(before):
        model = (out / "model").resolve()
        click.echo(f"Use it: atisbo index --model 'pocket:{model}'")
    else:
        click.echo(
            "It did not become better at finding pictures. More captions, another --rate or a "
            "--teacher may help."
        )


def _show_skipped(skipped: Sequence[Skipped], console: Console) -> None:
    for one in skipped[:_SHOWN_SKIPPED]:
        say(console, f"skipped {one.source.location}: {one.reason}", style=WARNING)
    if (more := len(skipped) - _SHOWN_SKIPPED) > 0:
        say(console, f"... and {more:,} more", style=WARNING)


def _line(epoch: "Epoch") -> str:
    lost = " ".join(f"{name} {value:.3f}" for name, value in epoch.loss.items())
    found = " ".join(f"{name} {value:.1f}" for name, value in epoch.recall.items())
    return f"epoch {epoch.number}: {lost} | {found} | {epoch.pictures_per_s:.0f} pictures/s"
