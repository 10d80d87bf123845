"""How well words of a vocabulary say what a picture shows, by way of ranking and wording.

    make bench-labels DATA=/folder/with/flickr8k/and/photos

Classed photos, the names of the classes beside the vocabulary that comes with atisbo: how often the
class comes first, and among the first five, classes weighing the same. Much that counts as wrong is
right ("house" for "front of a house"), but as much for each way. And photos of Flickr8k that
`pocket` was not trained on: the share of the first five words that stand in one of five captions, a
lower bound, since people do not name all that they see.
"""

import csv
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from bench_fusion import Photos, told_by_captions, told_by_class
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from indexer.types import Modality, Vectors
from indexer.wording import words_of
from search_api.spread import drawn
from search_api.vocabulary import read_vocabulary

LEAST = 5
WORDINGS = {
    "bare": ("{}",),
    "a photo of a ...": ("a photo of a {}",),
    "both, mean": ("{}", "a photo of a {}"),
}

Scores = NDArray[np.float32]


def ways(scores: Scores, background: Scores) -> Iterator[tuple[str, Scores]]:
    """Yields ways to rank words, from their cosines to pictures and to those of the library."""
    mean, spread = background.mean(axis=0), background.std(axis=0)
    yield "cosine", scores
    yield "less half the mean", scores - 0.5 * mean
    yield (
        "less half the mean of 22",
        scores - 0.5 * background[:: len(background) // 22].mean(axis=0),
    )
    yield "less the mean", scores - mean
    yield "in spreads", (scores - mean) / spread


def vectors(photos: Photos, words: Sequence[str], wordings: Sequence[str]) -> Vectors:
    """Returns the vectors of the words, float32 (n, dim)."""
    total = sum(photos.view.embedder.embed_texts([one.format(word) for word in words])
                for one in wordings)  # fmt: skip
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), np.float32)


def ranked(photos: Photos, ids: Sequence[int], words: Sequence[str]):
    """Yields wording, way, and scores (pictures, words)."""
    index = photos.view.indexes[Modality.IMAGE]
    rows, background = index.vectors(np.array(ids)), drawn(index.ids, index.vectors)
    for wording, templates in WORDINGS.items():
        made = vectors(photos, words, templates)
        for way, scores in ways(rows @ made.T, background @ made.T):
            yield wording, way, scores


def by_class(photos: Photos, vocabulary: Sequence[str]):
    """Yields wording, way, and how often the class is first, and among five."""
    # Names with a comma are of groceries, which have siblings by the dozen.
    classes = {
        name.removeprefix("a "): sorted(ids)
        for name, ids in photos.true.items()
        if len(ids) >= LEAST and "," not in name
    }
    words = list(dict.fromkeys([*vocabulary, *classes]))
    pairs = [(id, words.index(name)) for name, ids in classes.items() for id in ids]
    weights = [1 / len(ids) for ids in classes.values() for _ in ids]
    right = np.array([word for _, word in pairs])
    for wording, way, scores in ranked(photos, [id for id, _ in pairs], words):
        above = (scores > scores[np.arange(len(right)), right][:, None]).sum(axis=1)
        yield wording, way, *(np.average(above < k, weights=weights) for k in (1, 5))


def by_captions(photos: Photos, data: Path, vocabulary: Sequence[str]):
    """Yields wording, way, and the shares of the first and the first five that captions have."""
    said: dict[str, set[str]] = defaultdict(set)
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            said[Path(row["image"]).name].update(map(stem, words_of(row["caption"])))
    items = photos.catalog.fetch(photos.ids)
    told = [{stem(part) for part in words_of(word)} for word in vocabulary]
    fits = np.array([[one <= said[items[id].path] for one in told] for id in photos.ids])
    for wording, way, scores in ranked(photos, photos.ids, vocabulary):
        first = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        found = np.take_along_axis(fits, first, axis=1)
        yield wording, way, found[:, 0].mean(), found.mean()


def stem(word: str) -> str:
    """Returns the word without the endings by which forms of one word differ most."""
    short = re.sub("(?<=..)(ning|ming|ing|ies|es|s)$", "", word)
    return short.rstrip("e")


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
def main(data: Path) -> None:
    """Prints the table."""
    vocabulary = read_vocabulary()
    with tempfile.TemporaryDirectory() as name:
        classed = told_by_class(data / "photos", Path(name))
        columns = ("words", "ranked by", "class first", "among 5", "caption has first", "of 5")
        table = Table(*columns, title=f"{len(vocabulary)} words")
        captioned = told_by_captions(data / "flickr8k", Path(name))
        found = zip(
            by_class(classed, vocabulary),
            by_captions(captioned, data / "flickr8k", vocabulary),
            strict=True,
        )
        for (wording, way, *classes), (_, _, *captions) in found:
            table.add_row(wording, way, *(f"{share:.1%}" for share in (*classes, *captions)))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
