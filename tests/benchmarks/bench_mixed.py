"""Photos and captions in one ranking: does the modality gap decide, and what is found?

    make bench-mixed DATA=/folder/with/flickr8k

Photos of Flickr8k that `pocket` was not trained on, with all their captions but the first. The
first asks by text, the middle of each photo as a picture; right are the photo and its other
captions. Each way to make one ranking of the two lists is told by the share of photos among the
first ten and twenty, by the photos and captions that are found there, and by the mean average
precision of the whole ranking (of the product its first 200). A fifth of what is there, and of what
is right, are photos.
"""

import csv
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from indexer.embedders import open_embedder
from indexer.library import Library, open_library
from indexer.types import Modality, Vectors
from search_api.query import Picture, Query, Target, Term, Text
from search_api.ranking import RANK_OFFSET
from search_api.searcher import Searcher
from search_api.spread import drawn

ASKED = 300
SHOWN = 20

Scores = NDArray[np.float64]


class Mixed:
    """An indexed folder of photos and captions, and what asks for them."""

    def __init__(self, library: Library, first: dict[str, str]) -> None:
        self.library = library
        self.embedder = open_embedder("pocket")
        self.searcher = Searcher(library.catalog, library.indexes, self.embedder)
        self.ids = {one: library.indexes[one].ids for one in (Modality.IMAGE, Modality.TEXT)}
        self.rows = {one: library.indexes[one].vectors(ids) for one, ids in self.ids.items()}
        items = library.catalog.fetch(self.ids[Modality.IMAGE].tolist())
        self.first = {id: first[item.path.rpartition("/")[2]] for id, item in items.items()}
        self.right: dict[int, set[int]] = {id: {id} for id in items}
        for caption, about in zip(*(ids.tolist() for ids in library.catalog.pairs()), strict=True):
            self.right[about].add(caption)

    def queries(self, kind: str) -> Iterator[tuple[int, Vectors, Term]]:
        """Yields the photo asked for, the query's vector and the query."""
        ids = list(self.right)[:: max(1, len(self.right) // ASKED)]
        for id in ids:
            if kind == "text":
                yield id, self.embedder.embed_texts([self.first[id]]), Term(Text(self.first[id]))
                continue
            with Image.open(self.library.catalog.fetch([id])[id].location) as image:
                wide, high = image.size
                middle = (0.2 * wide, 0.2 * high, 0.8 * wide, 0.8 * high)
                cut = image.convert("RGB").crop(tuple(map(round, middle)))
            vector = self.embedder.embed_images([self.embedder.preprocess(cut)])
            yield id, vector, Term(Picture(cut))


def ways(mixed: Mixed, vector: Vectors) -> Iterator[tuple[str, list[int]]]:
    """Yields ways to make one ranking, each with all ids, best first."""
    scores = {one: (rows @ vector[0]).astype(float) for one, rows in mixed.rows.items()}
    some = {one: (drawn(mixed.ids[one], mixed.library.indexes[one].vectors) @ vector[0])
            for one in scores}  # fmt: skip

    def merged(value: dict[Modality, Scores]) -> list[int]:
        ids = np.concatenate([mixed.ids[one] for one in value])
        return [int(id) for id in ids[np.argsort(-np.concatenate(list(value.values())))]]

    yield "cosine", merged(scores)
    yield "less the mean", merged({one: scores[one] - some[one].mean() for one in scores})
    yield (
        "in spreads",
        merged({one: (scores[one] - some[one].mean()) / some[one].std() for one in scores}),
    )
    for share in (0.01, 0.001):
        tops = {one: np.quantile(scores[one], (0.5, 1 - share)) for one in scores}
        yield (
            f"by the best {share:.1%}",
            merged({one: (scores[one] - low) / (high - low) for one, (low, high) in tops.items()}),
        )
    ranks = {one: np.argsort(np.argsort(-scores[one])) for one in scores}
    yield "ranks fused", merged({one: 1 / (RANK_OFFSET + 1.0 + ranks[one]) for one in scores})
    yield "share of the list", merged({one: -ranks[one] / len(ranks[one]) for one in scores})


def measured(ranking: list[int], photo: int, right: set[int], photos: set[int]) -> list[float]:
    """Returns the figures of one ranking."""
    flags = np.array([id in right for id in ranking])
    found = np.cumsum(flags) / np.arange(1, len(flags) + 1)
    captions = right - {photo}
    shown = set(ranking[:SHOWN])
    return [
        np.mean([id in photos for id in ranking[:10]]),
        np.mean([id in photos for id in ranking[:SHOWN]]),
        photo in ranking[:10],
        photo in shown,
        len(captions & shown) / max(len(captions), 1),
        found[flags].sum() / len(right),
    ]


def library_of(data: Path, folder: Path) -> Mixed:
    """Indexes photos that the model was not trained on, with all captions but the first."""
    trained = {Path(line).name for line in (data / "train.txt").read_text().split()}
    first: dict[str, str] = {}
    rows = []
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = Path(row["image"]).name
            if name in trained:
                continue
            if name in first:
                rows.append((name, row["caption"]))
            else:
                first[name] = row["caption"]
    photos = folder / "photos"
    photos.mkdir()
    for name in first:
        shutil.copy(data / "images" / name, photos / name)
    with (photos / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("image", "caption"), *rows])
    command = [sys.executable, "-m", "indexer", "index", str(photos), "--model", "pocket"]
    subprocess.run([*command, "--library", str(folder / "mixed")], check=True, capture_output=True)
    return Mixed(open_library(folder / "mixed"), first)


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
def main(data: Path) -> None:
    """Prints a table for each kind of query."""
    with tempfile.TemporaryDirectory() as name:
        mixed = library_of(data / "flickr8k", Path(name))
        photos = set(mixed.ids[Modality.IMAGE].tolist())
        for kind in ("text", "picture"):
            found: dict[str, list[list[float]]] = defaultdict(list)
            for id, vector, term in mixed.queries(kind):
                for way, ranking in ways(mixed, vector):
                    found[way].append(measured(ranking, id, mixed.right[id], photos))
                for words in (False, True):
                    query = Query((term,), k=200, target=Target.ALL, words=words)
                    ids = [hit.item.id for hit in mixed.searcher.search(query).hits]
                    way = f"the product, words {'on' if words else 'off'}, first 200"
                    found[way].append(measured(ids, id, mixed.right[id], photos))
            table = Table("ranked by", "photos @10", "@20", "photo found @10", "@20",
                          "captions @20", "mAP", title=f"Asked by {kind}")  # fmt: skip
            for way, values in found.items():
                table.add_row(way, *(f"{value:.1%}" for value in np.mean(values, axis=0)))
            Console(width=120).print(table)


if __name__ == "__main__":
    main()
