"""`atisbo calibrate`: what the scores of a library's space are worth, measured by its captions."""

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from indexer import options
from indexer.calibration import NOTHING, STRONG, Figures, Fitted, write_fitted
from indexer.commands.calibrating import fit_space
from indexer.commands.passes import Model
from indexer.config import load_settings
from indexer.library import open_catalog_of, open_library, writing
from indexer.spaces import space_folder

EXIT_REFUSED = 1


@click.command("calibrate")
@options.library
@options.database
@options.device
@click.option("--seed", default=0, show_default=True, help="Decides the queries and the halves.")
@click.option("--dry-run", is_flag=True, help="Measure, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def calibrate_command(seed: int, dry_run: bool, as_json: bool, **chosen: object) -> None:
    """Measure what scores are worth here, so that answers say strong, weak or nothing found.

    Captions, words of captions and things that no caption names ask for pictures, with and without
    an answer. Half of these queries fit how likely a score is right, the other half judges it. It
    is refused, and nothing is claimed of answers, where scores tell too little; and where the
    built-in model's own is as good, that one stays.

    atisbo index does it by itself for models without one, once there are enough captions and
    whenever the library has doubled since. Exits with 1 if it is refused.
    """
    settings = load_settings(**chosen)
    console = Console(stderr=True)
    open_catalog_of(settings.library, settings.database).close()
    with writing(settings.library):
        library = open_library(settings.library, database=settings.database, index=settings.index)
        model = Model(library.space.model, settings, console)
        made = fit_space(library, model, console, seed=seed)
        if not dry_run:
            write_fitted(space_folder(library.folder, library.space), made)
    if as_json:
        click.echo(json.dumps(asdict(made)))
    else:
        if made.figures is not None:
            Console().print(_table(made.figures, made.asked_about))
        click.echo(_said(made, dry_run=dry_run))
    if made.refused is not None:
        sys.exit(EXIT_REFUSED)


def _table(figures: Figures, pictures: int) -> Table:
    table = Table(
        title=f"Held out: {figures.queries:,} queries; {pictures:,} captioned pictures",
        title_justify="left",
        show_header=False,
    )
    apart = f"{figures.auc:.1%} [{figures.auc_low:.1%}, {figures.auc_high:.1%}]"
    table.add_row("of two queries, the one with an answer scores higher", apart)
    table.add_row("on the right side of one half", f"{figures.right_side:.1%}")
    table.add_row("expected calibration error", f"{figures.error:.3f}")
    for name, limit, right, given, of in (
        ("strong", f"{STRONG:.0%} and more", figures.strong_right, figures.strong_given, "is"),
        ("nothing", f"below {NOTHING:.0%}", figures.nothing_right, figures.nothing_given, "is not"),
    ):
        share = "never given" if right is None else f"right in {right:.1%}"
        table.add_row(f"{name} ({limit})", f"{share}, given to {given:.1%} of what {of} there")
    return table


def _said(made: Fitted, *, dry_run: bool) -> str:
    if made.refused is not None:
        return f"Refused: {made.refused}."
    if dry_run:
        return "Answers would have verdicts by it; nothing was changed (--dry-run)."
    return "Answers to a text have verdicts by it now. A running atisbo serve follows at once."
