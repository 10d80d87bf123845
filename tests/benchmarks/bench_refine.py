"""More like these, less like those: does it find more, with which weights; and what diversity does.

    make bench-refine DATA=/folder/with/flickr8k/and/photos

Three tasks: photos of a class, asked for by its name, or by one photo of it; and photos of Flickr8k
that `pocket` was not trained on, for words that at least three of five captions have, where photos
with the word in fewer captions are left out. In each round the first 20 that were not judged are
judged, right ones as more, wrong ones as less. Recall among the next 50 and average precision are
of what is not judged yet, so a search that finds much at once has less left to find; the share that
was seen so far, of what could have been, is free of that. Then diversity, for names of kinds that
hold many classes: how many of the first 20 are of the kind, and how many different classes of it.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from pathlib import Path

import click
import numpy as np
from bench_fusion import Photos, told_by_captions, told_by_class
from rich.console import Console
from rich.table import Table

from indexer.types import Catalog, Modality
from search_api import aiming
from search_api.aiming import Aiming
from search_api.lookup import Lookup
from search_api.query import Like, Query, Term, Text
from search_api.searcher import Searcher

SHOWN, DEPTH, ROUNDS = 20, 50, 4
LEAST = 40
WEIGHTS = (None, (0.75, 0.0), (0.75, 0.25), (0.75, 0.5), (0.75, 1.0), (0.4, 0.25), (1.5, 1.0))

KINDS = {
    "an animal": "ant beaver butterfly cat 'cougar body' 'cougar face' crab crayfish crocodile "
    "'crocodile head' dalmatian dog dolphin dragonfly elephant emu 'English springer' flamingo "
    "'flamingo head' gerenuk hawksbill hedgehog ibis kangaroo leopards llama lobster mayfly "
    "nautilus octopus okapi panda pigeon platypus rhino rooster scorpion 'sea horse' starfish "
    "tench tick 'wild cat' bass",
    "a musical instrument": "accordion euphonium 'electric guitar' 'French horn' gramophone "
    "'grand piano' mandolin saxophone metronome",
    "a vehicle": "airplanes 'car side' ferry 'garbage truck' helicopter ketch motorbikes schooner "
    "wheelchair 'inline skate'",
    "a flower": "lotus sunflower 'water lilly'",
    "a tool": "'chain saw' scissors stapler wrench cannon revolver anchor",
    "furniture": "chair 'windsor chair' lamp chandelier 'ceiling fan'",
}


class Remembered(Lookup):
    """Looks each item up once."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.item = cache(super().item)  # type: ignore[method-assign]


class Task:
    """Photos of which some are right for each of several queries."""

    def __init__(self, title: str, photos: Photos, *, by_picture: bool = False) -> None:
        self.title = title
        self.photos = photos
        self.aiming = Aiming(Remembered(photos.catalog), None)
        self.ids = photos.view.indexes[Modality.IMAGE].ids
        self.rows = photos.view.indexes[Modality.IMAGE].vectors(self.ids)
        self.queries = []
        for name, right in photos.true.items():
            if len(right) < LEAST:
                continue
            asked = min(right)
            term = Term(Like(asked)) if by_picture else Term(Text(name))
            known = right | photos.false[name]
            out = {asked} if by_picture else set()
            self.queries.append((term, right - out, np.isin(self.ids, sorted(known - out))))

    def rounds(self, term: Term, right: set[int], known) -> Iterator[list[float]]:
        """Yields, round by round, recall, average precision and the share that was seen."""
        more: list[int] = []
        less: list[int] = []
        for number in range(ROUNDS):
            judged = {} if aiming.MORE is None else {"more": tuple(more), "less": tuple(less)}
            query = Query((term,), words=False, **judged)
            aim = self.aiming.at(query, self.photos.view, lambda: self.photos.spread)
            scores = np.einsum("nd,d->n", self.rows, aim.toward[0])
            left = known & ~np.isin(self.ids, [*more, *less])
            ranking = self.ids[left][np.argsort(-scores[left], kind="stable")]
            flags = np.isin(ranking, sorted(right))
            found = np.cumsum(flags) / np.arange(1, len(flags) + 1)
            more += [id for id in ranking[:SHOWN].tolist() if id in right]
            less += [id for id in ranking[:SHOWN].tolist() if id not in right]
            yield [
                flags[:DEPTH].sum() / min(flags.sum(), DEPTH) if flags.any() else np.nan,
                found[flags].mean() if flags.any() else np.nan,
                len(more) / min(len(right), SHOWN * (number + 1)),
            ]

    def refined(self) -> Iterator[Sequence[str]]:
        """Yields a row for paging on without judging, and one for each pair of weights."""
        shipped = aiming.MORE, aiming.LESS
        for weights in WEIGHTS:
            aiming.MORE, aiming.LESS = weights or (None, None)
            values = np.nanmean([list(self.rounds(*query)) for query in self.queries], axis=0)
            named = "paged, not judged" if weights is None else "{} and {}".format(*weights)
            shown = named + (" (shipped)" if weights == shipped else "")
            yield shown, *(f"{value:.3f}" for one in values for value in one)
        aiming.MORE, aiming.LESS = shipped


def various(photos: Photos) -> Iterator[Sequence[str]]:
    """Yields a row for each diversity."""
    searcher = Searcher(photos.catalog, photos.view.indexes, photos.view.embedder)
    class_of = {id: name for name, ids in photos.true.items() for id in ids}
    for diversity in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        found: dict[str, list[float]] = defaultdict(list)
        for name, classes in KINDS.items():
            query = Query((Term(Text(name)),), k=SHOWN, words=False, diversity=diversity)
            ids = [hit.item.id for hit in searcher.search(query).hits]
            rows = photos.view.indexes[Modality.IMAGE].vectors(np.array(ids))
            cosines = [float(rows[a] @ rows[b]) for a, b in combinations(range(len(ids)), 2)]
            names = [class_of.get(id, "").removeprefix("a ") for id in ids]
            fits = [bool(one) and one in classes for one in names]
            found["right"].append(np.mean(fits))
            found["classes"].append(len({one for one, fit in zip(names, fits, strict=True) if fit}))
            found["near"].append(np.mean(cosines))
            found["same"].append(np.mean(np.array(cosines) > 0.8))
        means = {key: np.mean(values) for key, values in found.items()}
        yield (
            f"{diversity}",
            f"{means['right']:.1%}",
            f"{means['classes']:.1f}",
            f"{means['near']:.3f}",
            f"{means['same']:.1%}",
        )


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
def main(data: Path) -> None:
    """Prints both tables."""
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as name:
        classed = told_by_class(data / "photos", Path(name))
        captioned = told_by_captions(data / "flickr8k", Path(name))
        heads = [f"{what} {at + 1}" for at in range(ROUNDS) for what in ("R@50", "AP", "seen")]
        for task in (
            Task("classes by name", classed),
            Task("classes by a photo", classed, by_picture=True),
            Task("words, photos that the model does not know", captioned),
        ):
            table = Table("more and less", *heads, title=f"{task.title}: {len(task.queries)}")
            for row in task.refined():
                table.add_row(*row)
            console.print(table)
        table = Table("diversity", "of the kind", "classes of it", "mean cosine", "pairs over 0.8",
                      title=f"The first {SHOWN}")  # fmt: skip
        for row in various(classed):
            table.add_row(*row)
        console.print(table)


if __name__ == "__main__":
    main()
