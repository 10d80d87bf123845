"""`atisbo teach`: a library's space, taught by its own captions."""

import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from indexer import options
from indexer.commands.calibrating import calibrate_if_due
from indexer.commands.captioned import captioned
from indexer.commands.passes import Model
from indexer.commands.vectors import tend_indexes
from indexer.config import Settings, load_settings
from indexer.embedders.adapted import Adapter
from indexer.evaluation.pairs import Pairs
from indexer.evaluation.verdict import TEST, Split, Verdict, judge, split
from indexer.library import Library, open_library, writing
from indexer.pipeline import heal
from indexer.spaces import Space, add_space, read_adapter, spaces, use_space
from indexer.types import Modality

EXIT_REFUSED = 1


@click.command()
@options.library
@options.database
@click.option("--seed", default=0, show_default=True, help="Decides the split and the start.")
@click.option("--dry-run", is_flag=True, help="Judge, and change nothing.")
def teach(seed: int, dry_run: bool, **chosen: object) -> None:
    """Teach a library's space by its own captions.

    A small adapter on top of the library's model learns from the stored vectors of captions and
    pictures. A fifth of the pictures is held out as judge: the new space goes live only if recall
    on them rises significantly. The old space stays beside it, and no picture is embedded again.
    """
    settings = load_settings(**chosen)
    started = time.monotonic()
    open_library(settings.library, database=settings.database, index="exact").catalog.close()
    with writing(settings.library):
        library = open_library(
            settings.library, database=settings.database, index="exact", write=True
        )
        heal(library.catalog, library.indexes, library.thumbnails)
        live = next(space for space in spaces(settings.library) if space.live)
        pairs, parts, adapter = _taught(library, seed)
        held = pairs.of(parts.judge)
        before = held
        if live.base is not None:
            before = _through(read_adapter(library.folder, live), held)
        verdict = judge(before, _through(adapter, held), seed=seed)
        seconds = time.monotonic() - started
        Console().print(_table(verdict, live, seconds))
        click.echo(f"Test: {TEST}. Chance that the mean gain is luck: p = {verdict.p_gain:.4f}.")
        if not verdict.accepted:
            click.echo(_refusal(verdict))
            sys.exit(EXIT_REFUSED)
        if dry_run:
            click.echo("The taught space would go live; nothing was changed (--dry-run).")
            return
        _go_live(library, live, adapter, verdict, parts, settings, seed)


def _taught(library: Library, seed: int) -> tuple[Pairs, Split, Adapter]:
    chosen = captioned(library)
    pairs = chosen.stored(library, library.space)
    parts = split(chosen.pictures, pairs.images, seed=seed)
    from indexer.training.adapter import teach as teach_adapter

    with Progress(
        *Progress.get_default_columns()[:3], TimeElapsedColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("Teaching", total=None)
        adapter = teach_adapter(
            pairs.of(parts.train),
            pairs.of(parts.stop),
            seed=seed,
            progress=lambda done, most: bar.update(task, completed=done, total=most),
        )
    return pairs, parts, adapter


def _through(adapter: Adapter, pairs: Pairs) -> Pairs:
    residuals = adapter.residuals
    return Pairs(
        residuals[Modality.IMAGE](pairs.images),
        residuals[Modality.TEXT](pairs.texts),
        pairs.about,
        pairs.words,
    )


def _table(verdict: Verdict, live: Space, seconds: float) -> Table:
    table = Table(
        title=f"Held out: {verdict.pictures:,} pictures, {verdict.captions:,} different captions",
        title_justify="left",
        caption=f"{seconds:,.1f} s",
        caption_justify="left",
    )
    table.add_column(f"recall@{verdict.k} in %")
    for heading in ("before", "after", "change", "p of a fall"):
        table.add_column(heading, justify="right")
    for label, old, new, p in (
        ("text to image", verdict.text_before, verdict.text_after, f"{verdict.p_text:.4f}"),
        ("image to text", verdict.image_before, verdict.image_after, f"{verdict.p_image:.4f}"),
    ):
        change = f"{100 * (new - old):+.1f}"
        table.add_row(label, f"{100 * old:.1f}", f"{100 * new:.1f}", change, p)
    table.add_row("mean of both", "", "", f"{100 * verdict.gain:+.1f}", "")
    table.add_row("space", live.name[-34:], "taught", "", "")
    return table


def _refusal(verdict: Verdict) -> str:
    if verdict.gain <= 0 or verdict.p_gain >= 0.05:
        why = (
            f"recall did not rise significantly ({100 * verdict.gain:+.1f} points, "
            f"p = {verdict.p_gain:.4f}, needed: below 0.05)"
        )
    else:
        which = "text to image" if verdict.p_text < verdict.p_image else "image to text"
        why = f"recall from {which} fell significantly"
    return (
        f"Refused: on the held-out captions {why}. Nothing was changed. More captions, or captions "
        "that say what the model does not know yet, may help."
    )


def _go_live(
    library: Library,
    live: Space,
    adapter: Adapter,
    verdict: Verdict,
    parts: Split,
    settings: Settings,
    seed: int,
) -> None:
    facts = {
        "taught": {
            "on": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": seed,
            "pictures": {"train": len(parts.train), "stop": len(parts.stop)},
            "compared_with": live.name,
            "test": TEST,
            **asdict(verdict),
        }
    }
    space = add_space(settings.library, library.space, adapter, facts)
    use_space(settings.library, space.name)
    console = Console(stderr=True)
    tend_indexes(settings, console)
    calibrate_if_due(settings, console, Model(space.model, settings, console))
    click.echo(
        f"Space {space.name} is live. A running atisbo serve follows at once.\n"
        f"Go back with: atisbo models use {live.name} --library {settings.library}"
    )
