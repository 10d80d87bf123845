"""What an index finds as it is searched, as `atisbo evaluate` tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from indexer.commands.captioned import Captioned
from indexer.evaluation.live import DEPTH, Questions, Searched, questions, searched
from indexer.evaluation.pairs import Pairs
from indexer.evaluation.recall import Direction, Estimate
from indexer.library import Library
from indexer.spaces import Space, open_vectors
from indexer.types import Modality, VectorIndex
from indexer.vectors.structure import EXACT
from indexer.vectors.tuned import TunedIndex


class Through:
    """Asks a space's own vectors through one back end after the other."""

    def __init__(self, library: Library, captioned: Captioned, *, seed: int) -> None:
        self._library = library
        self._captioned = captioned
        self._seed = seed

    def each(self, pairs: Pairs, space: Space, kinds: Sequence[str]) -> dict[str, Searched]:
        """Returns what each kind of index finds, by its name and by what it is made of."""
        known = self._captioned
        asked = questions(pairs, known.pictures, known.captions, seed=self._seed)
        exact = self._open(space, EXACT)
        return dict(self._one(asked, exact, self._open(space, kind), kind) for kind in kinds)

    def _one(
        self,
        asked: Questions,
        exact: Mapping[Modality, VectorIndex],
        live: Mapping[Modality, VectorIndex],
        kind: str,
    ) -> tuple[str, Searched]:
        made = " and ".join(dict.fromkeys(_made_of(index) for index in live.values()))
        name = kind if made == kind else f"{kind}: {made}"
        return name, searched(asked, exact, live, seed=self._seed)

    def _open(self, space: Space, kind: str) -> dict[Modality, VectorIndex]:
        folder = self._library.folder
        both = (Modality.IMAGE, Modality.TEXT)
        return {modality: open_vectors(folder, space, modality, kind) for modality in both}


def facts_of(found: Searched) -> dict[str, Any]:
    """Returns the figures for JSON; a median rank beyond the first 24 is null."""
    facts = asdict(found)
    for recall in (facts["exact"], facts["live"]):
        for direction in recall.values():
            if direction["median_rank"] > DEPTH:
                direction["median_rank"] = None
    return facts


def searched_table(found: Mapping[str, Searched], space: str) -> Table:
    """Returns the figures for people."""
    first = next(iter(found.values()))
    table = Table(
        title=f"As {space} is searched, in %: {first.queries:,} pictures and a caption of each "
        "ask for all that it holds",
        title_justify="left",
    )
    table.add_column("", no_wrap=True)
    for heading in ("@1", "@5", "@10", "median rank", "true ten found"):
        table.add_column(heading, justify="right")
    for direction, modality in (
        ("text_to_image", Modality.TEXT),
        ("image_to_text", Modality.IMAGE),
    ):
        what = direction.replace("_", " ")
        table.add_row(f"{what}, exact", *_cells(getattr(first.exact, direction)), "")
        for name, one in found.items():
            share = percent(one.found[modality])
            table.add_row(f"  {name}", *_cells(getattr(one.live, direction)), share)
            loss = getattr(one.loss, direction)
            table.add_row("  less exact, in points", *map(points, loss.values()), "", "")
    return table


def _cells(found: Direction) -> list[str]:
    rank = found.median_rank
    median = f"{rank:,.0f}" if rank <= DEPTH else f"over {DEPTH}"
    return [*map(percent, found.recall.values()), median]


def _made_of(index: VectorIndex) -> str:
    structure = index.structure if isinstance(index, TunedIndex) else None
    return EXACT if structure is None else structure.kind


def percent(one: Estimate) -> str:
    """Returns a share and its interval in percent."""
    return f"{100 * one.value:.1f}\n[dim]{100 * one.low:.1f} to {100 * one.high:.1f}[/dim]"


def points(one: Estimate) -> str:
    """Returns a difference of shares and its interval in points."""
    return f"{100 * one.value:+.1f}\n[dim]{100 * one.low:+.1f} to {100 * one.high:+.1f}[/dim]"
