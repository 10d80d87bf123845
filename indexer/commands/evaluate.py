"""`atisbo evaluate`: how well a library's space, and its index, serve its own captions."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from indexer import options
from indexer.commands.captioned import captioned
from indexer.commands.searched import Through, facts_of, percent, points, searched_table
from indexer.config import load_settings
from indexer.evaluation.live import Searched
from indexer.evaluation.pairs import Pairs
from indexer.evaluation.picture import Look, draw
from indexer.evaluation.recall import Change, Ranks, change, rank, summarise
from indexer.evaluation.space import draw_pairs, flatten, measure
from indexer.library import Library, open_library
from indexer.spaces import find_space

_CALLED = ("first", "second")


@click.command()
@options.library
@options.database
@click.option("--space", "with_space", is_flag=True, help="Measure the space's geometry too.")
@click.option("--in", "name", metavar="NAME", help="Space to judge. [default: the live one]")
@click.option("--compare", metavar="NAME", help="A second space, judged on the same pairs.")
@click.option(
    "--through",
    multiple=True,
    metavar="KIND",
    help="Search through faiss, torch or exact; twice for two side by side. "
    "[default: ATISBO_INDEX, or faiss]",
)
@click.option("--sample", type=click.IntRange(2), help="Judge on so many pictures only.")
@click.option("--seed", default=0, show_default=True, help="Decides every draw.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw recall, similarities and a map of the space into this PNG.",
)
def evaluate(
    with_space: bool,
    name: str | None,
    compare: str | None,
    through: tuple[str, ...],
    sample: int | None,
    seed: int,
    as_json: bool,
    picture: Path | None,
    **chosen: object,
) -> None:
    """Judge a library by its own captions: does each find its picture, and each picture a caption?

    Recall is exact at first, over the vectors of pictures with captions; then the same captions and
    pictures are looked for through the index, as it is searched, and what that loses is told. Reads
    stored vectors only, loads no model and changes nothing.
    """
    settings = load_settings(**chosen)
    library = open_library(settings.library, database=settings.database, index=settings.index)
    pairs = captioned(library, sample, seed=seed)
    judged: list[tuple[Look, Ranks]] = []
    asking = Through(library, pairs, seed=seed)
    for one in [name or library.space.name, *([compare] if compare else [])]:
        space = find_space(library.folder, one)
        stored = pairs.stored(library, space)
        live = asking.each(stored, space, through or (settings.index,))
        judged.append(_judge(one, stored, live, seed))
    looks = [look for look, _ in judged]
    gained = change(judged[0][1], judged[1][1], seed=seed) if compare else None
    measured = with_space or picture is not None
    if picture is not None:
        draw(
            [replace(look, name=_CALLED[at]) for at, look in enumerate(looks)],
            _title(looks),
            picture,
        )
    if as_json:
        click.echo(json.dumps(_facts(library, looks, gained, measured, sample, seed)))
    else:
        console = Console()
        console.print(_title(looks), highlight=False, soft_wrap=True)
        console.print(_recall_table(looks))
        if gained is not None:
            console.print(_change_table(gained))
        for at, look in enumerate(looks):
            console.print(
                searched_table(look.live, "the space" if len(looks) == 1 else f"the {_CALLED[at]}")
            )
        if measured:
            console.print(_space_table(looks))
    if picture is not None:
        click.echo(f"The picture is in {picture}", err=True)


def _judge(name: str, pairs: Pairs, live: Mapping[str, Searched], seed: int) -> tuple[Look, Ranks]:
    ranks = rank(pairs)
    of_texts, of_images = draw_pairs(pairs.about, seed=seed)
    drawn = pairs.texts[of_texts], pairs.images[of_images]
    return Look(
        name, summarise(ranks, seed=seed), measure(*drawn, seed=seed), flatten(*drawn), live
    ), ranks


def _title(looks: list[Look]) -> str:
    if len(looks) == 1:
        return f"Space {looks[0].name}"
    return "\n".join(f"{_CALLED[at]}: {look.name}" for at, look in enumerate(looks))


def _facts(
    library: Library,
    looks: list[Look],
    gained: Change | None,
    measured: bool,
    sample: int | None,
    seed: int,
) -> dict[str, Any]:
    spaces = []
    for look in looks:
        one: dict[str, Any] = {"name": look.name, "recall": asdict(look.recall)}
        one["live"] = {kind: facts_of(found) for kind, found in look.live.items()}
        if measured:
            found = asdict(look.measures)
            for key in ("edges", "matched", "unmatched"):
                found["similarities"][key] = found["similarities"][key].tolist()
            one["measures"] = found
        spaces.append(one)
    recall = looks[0].recall
    facts: dict[str, Any] = {
        "library": str(library.folder),
        "pictures": recall.image_to_text.queries,
        "captions": recall.text_to_image.queries,
        "sample": sample,
        "seed": seed,
        "spaces": spaces,
    }
    return facts if gained is None else {**facts, "change": asdict(gained)}


def _recall_table(looks: list[Look]) -> Table:
    recall = looks[0].recall
    table = Table(
        title=f"Recall in %, with 95 % intervals, on {recall.image_to_text.queries:,} pictures and "
        f"{recall.text_to_image.queries:,} different captions",
        title_justify="left",
    )
    table.add_column("", no_wrap=True)
    for heading in ("@1", "@5", "@10", "median rank"):
        table.add_column(heading, justify="right")
    for at, look in enumerate(looks):
        which = f", {_CALLED[at]}" if len(looks) > 1 else ""
        both = (
            ("text to image", look.recall.text_to_image),
            ("image to text", look.recall.image_to_text),
        )
        for name, found in both:
            cells = [percent(one) for one in found.recall.values()]
            table.add_row(name + which, *cells, f"{found.median_rank:,.0f}")
    return table


def _change_table(gained: Change) -> Table:
    table = Table(title="Change, second less first, in points", title_justify="left")
    table.add_column("direction")
    for heading in ("@1", "@5", "@10"):
        table.add_column(heading, justify="right")
    table.add_row("text to image", *map(points, gained.text_to_image.values()))
    table.add_row("image to text", *map(points, gained.image_to_text.values()))
    return table


def _space_table(looks: list[Look]) -> Table:
    measures = looks[0].measures
    table = Table(
        title=f"The space, on {measures.pairs:,} pairs drawn with seed {measures.seed}",
        title_justify="left",
    )
    table.add_column("")
    for at in range(len(looks)):
        table.add_column(_CALLED[at] if len(looks) > 1 else "", justify="right")
    every = [look.measures for look in looks]
    rows = {
        "alignment (0 is best)": [one.alignment for one in every],
        "uniformity of images (lower is better)": [one.uniformity.images for one in every],
        "uniformity of captions": [one.uniformity.texts for one in every],
        "uniformity across": [one.uniformity.cross for one in every],
        "modality gap": [one.gap for one in every],
        "gap to spread": [one.gap_to_spread for one in every],
        "separability (0.5 is mixed)": [one.separability for one in every],
        "cosine of matched pairs, mean": [one.similarities.matched_mean for one in every],
        "cosine of unmatched pairs, mean": [one.similarities.unmatched_mean for one in every],
        "AUC, matched over unmatched": [one.similarities.auc for one in every],
    }
    for name, values in rows.items():
        table.add_row(name, *(f"{value:.4f}" for value in values))
    return table
