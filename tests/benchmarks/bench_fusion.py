"""How well composed queries and refined ones work, on photos whose contents are known.

    make bench-fusion DATA=/folder/with/flickr8k/and/photos

Photos of Flickr8k that `pocket` was not trained on are told by their captions: a word is true of a
photo where three of its five captions have it, false where none has; the rest is left out. Classed
photos are told by their class. Mean average precision of the whole ranking, by looks alone; for the
refined search, precision of the 24 shown in each round and average precision of all not judged yet.
"""

import csv
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, permutations
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from indexer.embedders import open_embedder
from indexer.library import Library, open_library
from indexer.types import Modality
from search_api.aiming import Aiming
from search_api.gathering import Gathering
from search_api.lookup import Lookup
from search_api.narrowing import Narrowing
from search_api.query import Fusion, Like, Query, Term, Text
from search_api.ranking import fuse
from search_api.view import View

WORDS = (
    "dog beach child water snow ball man woman bike grass street mountain boy girl horse rock "
    "soccer red black crowd car pool ocean tree skateboard baby sand stick hat"
).split()
SAME = {
    "dogs": "dog", "children": "child", "kids": "child", "kid": "child", "men": "man",
    "women": "woman", "boys": "boy", "girls": "girl", "bicycle": "bike", "bikes": "bike",
    "mountains": "mountain", "rocks": "rock", "horses": "horse", "trees": "tree", "cars": "car",
}  # fmt: skip
LEAST = 8
PICTURES = 5
SHOWN = 24
ROUNDS = 4

Flags = NDArray[np.bool_]
Scores = dict[int, float]


class Photos:
    """An indexed folder, and which words are true or false of each of its pictures."""

    def __init__(self, library: Library) -> None:
        self.catalog = library.catalog
        self.view = View(library.indexes, open_embedder(library.space.model))
        self.aiming = Aiming(Lookup(library.catalog), None)
        self.spread = self.view.spread(Modality.IMAGE)
        self.ids = self.view.indexes[Modality.IMAGE].ids.tolist()
        self.true: dict[str, set[int]] = {}
        self.false: dict[str, set[int]] = {}

    def ranking(self, query: Query) -> list[int]:
        """Returns all ids as the product ranks them."""
        aim = self.aiming.at(query, self.view, lambda: self.spread)
        now = Narrowing(self.catalog).now()
        gathering = Gathering(self.view, Modality.IMAGE, query, aim, now=now, excluded=())
        return [hit.item.id for hit in gathering.best(len(self.ids))]

    def plain_sum(self, query: Query) -> list[int]:
        """Returns all ids by the plain weighted sum of the terms' vectors, as peers do it."""
        each = self.aiming.at(query, self.view, lambda: self.spread).each
        vector = fuse(np.concatenate([one for one, _ in each]), [weight for _, weight in each])
        index = self.view.indexes[Modality.IMAGE]
        return [int(id) for id in index.search(vector, len(self.ids)).ids[0] if id >= 0]


def precision(ranking: Sequence[int], right: set[int], judged: set[int]) -> float:
    """Returns the average precision of the right ones, all but the judged ones left out."""
    flags = np.array([id in right for id in ranking if id in judged])
    return float((np.cumsum(flags) / np.arange(1, len(flags) + 1))[flags].mean())


def composed(photos: Photos, seed: int) -> Iterator[tuple[str, str, float]]:
    """Yields task, way and average precision, query by query."""
    generator = np.random.default_rng(seed)
    true, false = photos.true, photos.false
    ranks = {"terms, fused in space": Fusion.SPACE, "terms, ranks fused": Fusion.RANKS}

    def ways(task: str, terms: Sequence[Term], right: set[int], judged: set[int]):
        query = Query(tuple(terms), words=False)
        yield task, "plain sum", precision(photos.plain_sum(query), right, judged)
        for way, fusion in ranks.items():
            query = Query(tuple(terms), words=False, fusion=fusion)
            yield task, way, precision(photos.ranking(query), right, judged)

    def alone(task: str, way: str, term: Term, right: set[int], judged: set[int]):
        yield task, way, precision(photos.ranking(Query((term,), words=False)), right, judged)

    for a, b in combinations(WORDS, 2):
        both = true[a] & true[b]
        if len(both) >= LEAST:
            judged = both | false[a] | false[b]
            task = "A and B"
            yield from alone(task, "one text", Term(Text(f"{a} {b}")), both, judged)
            yield from ways(task, [Term(Text(a)), Term(Text(b))], both, judged)
    for a, b in permutations(WORDS, 2):
        both, only = true[a] & true[b], true[a] & false[b]
        if min(len(both), len(only)) < LEAST:
            continue
        judged = both | only | false[a]
        task = "A without B"
        yield from alone(task, "A alone", Term(Text(a)), only, judged)
        yield from ways(task, [Term(Text(a)), Term(Text(b), -1)], only, judged)
        task = "picture of A, with B"
        for id in generator.choice(sorted(only), min(PICTURES, len(only)), replace=False).tolist():
            rest = judged - {id}
            yield from alone(task, "text alone", Term(Text(b)), both, rest)
            yield from ways(task, [Term(Like(id)), Term(Text(b))], both, rest)
        task = "picture of A and B, without B"
        for id in generator.choice(sorted(both), min(PICTURES, len(both)), replace=False).tolist():
            rest = judged - {id}
            yield from alone(task, "picture alone", Term(Like(id)), only, rest)
            yield from ways(task, [Term(Like(id)), Term(Text(b), -1)], only, rest)


def refined(photos: Photos) -> Iterator[tuple[int, float, float, float, float]]:
    """Yields round, then precision of what is shown and average precision, refined and not."""
    everything = set(photos.ids)
    for word, right in photos.true.items():
        if len(right) < ROUNDS * LEAST:
            continue
        known = right | photos.false[word]
        query = Query((Term(Text(word)),), words=False)
        first = [id for id in photos.ranking(query) if id in known]
        more: list[int] = []
        less: list[int] = []
        plain_seen: set[int] = set()
        for number in range(ROUNDS):
            judged = {*more, *less}
            query = Query((Term(Text(word)),), words=False, more=tuple(more), less=tuple(less))
            ranking = [id for id in photos.ranking(query) if id in known]
            shown = [id for id in ranking if id not in judged][:SHOWN]
            plain = [id for id in first if id not in plain_seen][:SHOWN]
            yield (
                number,
                np.mean([id in right for id in shown]),
                precision(ranking, right, everything - judged) if right - judged else np.nan,
                np.mean([id in right for id in plain]),
                precision(first, right, everything - judged) if right - judged else np.nan,
            )
            more += [id for id in shown if id in right]
            less += [id for id in shown if id not in right]
            plain_seen.update(plain)


def told_by_captions(data: Path, folder: Path, model: str = "pocket") -> Photos:
    """Indexes photos that the model was not trained on, without their captions."""
    trained = {Path(line).name for line in (data / "train.txt").read_text().split()}
    captions: dict[str, list[set[str]]] = defaultdict(list)
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if Path(row["image"]).name not in trained:
                words = re.findall("[a-z]+", row["caption"].lower())
                captions[row["image"]].append({SAME.get(word, word) for word in words})
    for image in captions:
        place = folder / "photos" / Path(image).name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / image, place)
    photos = indexed(folder / "photos", folder / "library", model)
    ids = {item.path: item.id for item in photos.catalog.fetch(photos.ids).values()}
    counted = {
        ids[Path(image).name]: {word: sum(word in one for one in said) for word in WORDS}
        for image, said in captions.items()
    }
    for word in WORDS:
        photos.true[word] = {id for id, count in counted.items() if count[word] >= 3}
        photos.false[word] = {id for id, count in counted.items() if not count[word]}
    return photos


def told_by_class(data: Path, folder: Path, model: str = "pocket") -> Photos:
    """Indexes classed photos; the class is a caption there, which is not searched."""
    photos = indexed(data, folder / "classes", model)
    found: dict[str, set[int]] = defaultdict(set)
    captions, pictures = photos.catalog.pairs()
    texts = photos.catalog.fetch(captions.tolist())
    for caption, id in zip(captions.tolist(), pictures.tolist(), strict=True):
        found[texts[caption].text or ""].add(id)
    known = set().union(*found.values())
    photos.true = dict(found)
    photos.false = {name: known - ids for name, ids in found.items()}
    return photos


def indexed(photos: Path, library: Path, model: str) -> Photos:
    """Returns the photos of a folder, indexed with the model."""
    command = [sys.executable, "-m", "indexer", "index", str(photos), "--library", str(library)]
    subprocess.run([*command, "--model", model], check=True, capture_output=True)
    return Photos(open_library(library))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Returns a table to print."""
    made = Table(*columns, title=title, title_justify="left")
    for row in rows:
        made.add_row(*row)
    return made


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder with flickr8k/ and photos/.")  # fmt: skip
@click.option("--seed", default=0, show_default=True)
def main(data: Path, seed: int) -> None:
    """Prints the tables."""
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        captioned = told_by_captions(data / "flickr8k", Path(name))
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for task, way, value in composed(captioned, seed):
            found[task, way].append(value)
        console.print(
            table(
                f"Composed queries on {len(captioned.ids):,} photos",
                ("what is asked", "way", "queries", "mean average precision"),
                [
                    (task, way, str(len(values)), f"{np.mean(values):.3f}")
                    for (task, way), values in found.items()
                ],
            )
        )
        makers: Sequence[tuple[str, Callable[[], Photos]]] = (
            ("words of captions", lambda: captioned),
            ("classes", lambda: told_by_class(data / "photos", Path(name))),
        )
        for what, make in makers:
            photos = make()
            rounds = np.array(list(refined(photos)))
            rows = [
                (str(number + 1), *(f"{value:.3f}" for value in np.nanmean(some, axis=0)[1:]))
                for number in range(ROUNDS)
                if len(some := rounds[rounds[:, 0] == number])
            ]
            console.print(
                table(
                    f"Refined by judging the {SHOWN} shown: {what}, {len(photos.ids):,} photos",
                    ("round", f"P@{SHOWN} refined", "AP refined", f"P@{SHOWN} not", "AP not"),
                    rows,
                )
            )


if __name__ == "__main__":
    main()
