"""Words beside looks, in a library where some photos have captions and others have none.

    make bench-words DATA=/folder/with/flickr8k/and/photos

Photos of Flickr8k that `pocket` was not trained on, a share of them with all captions but the
first, and classed photos without any. The first caption asks for its photo, among those with
captions and among those without; the name of a class asks for its photos. Ways: looks alone; the
lists by looks, captions and words fused by ranks, as many tools do; and the product's.
"""

import csv
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from indexer.embedders import open_embedder
from indexer.library import open_library
from search_api.query import Fusion, Query, Term, Text
from search_api.searcher import Searcher

SHARES = (1.0, 0.5, 0.1)
OF_CLASS = 12
ASKED = 300
WAYS = {
    "looks alone": {"words": False},
    "ranks fused": {"fusion": Fusion.RANKS},
    "the product": {},
}
COLUMNS = (
    "photos with captions", "way", "captioned, first", "among ten", "without, first", "among ten",
    "names, right among five",
)  # fmt: skip


def first_and_others(data: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Returns the first caption, and the others, of each photo that the model does not know."""
    trained = {Path(line).name for line in (data / "train.txt").read_text().split()}
    every: dict[str, list[str]] = defaultdict(list)
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if Path(row["image"]).name not in trained:
                every[Path(row["image"]).name].append(row["caption"])
    return {name: said[0] for name, said in every.items()}, {n: c[1:] for n, c in every.items()}


def unpacked(data: Path, folder: Path) -> dict[str, set[str]]:
    """Writes a few photos of each class, under names that tell nothing; returns them by class."""
    found: dict[str, set[str]] = defaultdict(set)
    for shard in sorted(data.glob("*.tar")):
        with tarfile.open(shard) as tar:
            names = {one.name: one for one in tar.getmembers()}
            for name, member in names.items():
                if not name.endswith(".txt"):
                    continue
                told = tar.extractfile(member)
                label = told.read().decode().strip() if told else ""
                if "," in label or len(found[label]) == OF_CLASS:
                    continue
                photo = tar.extractfile(names[name.replace(".txt", ".jpg")])
                if photo is not None:
                    place = folder / f"{len(found)}-{len(found[label])}-{shard.stem}.jpg"
                    place.write_bytes(photo.read())
                    found[label].add(place.name)
    return found


def indexed(photos: Path, library: Path) -> Searcher:
    """Returns what searches the photos, indexed with `pocket`."""
    command = [sys.executable, "-m", "indexer", "index", str(photos), "--library", str(library)]
    subprocess.run([*command, "--model", "pocket"], check=True, capture_output=True)
    opened = open_library(library)
    return Searcher(opened.catalog, opened.indexes, open_embedder("pocket"))


def names(searcher: Searcher, text: str, k: int, way: dict[str, object]) -> list[str]:
    """Returns the names of the files found."""
    answer = searcher.search(Query((Term(Text(text)),), k=k, **way))  # type: ignore[arg-type]
    return [Path(hit.item.path).name for hit in answer.hits]


def judged(
    searcher: Searcher, asked: Sequence[tuple[str, str]], way: dict[str, object]
) -> list[float]:
    """Returns how often the photo asked for comes first, and among ten."""
    found = [names(searcher, text, 10, way) for _, text in asked]
    pairs = [(name, some) for (name, _), some in zip(asked, found, strict=True)]
    return [
        float(np.mean([some[:1] == [name] for name, some in pairs])) if pairs else np.nan,
        float(np.mean([name in some for name, some in pairs])) if pairs else np.nan,
    ]


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
def main(data: Path) -> None:
    """Prints the table."""
    table = Table(*COLUMNS, title="Words beside looks", title_justify="left")
    first, others = first_and_others(data / "flickr8k")
    order = np.random.default_rng(0).permutation(sorted(first)).tolist()
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        photos.mkdir()
        classes = unpacked(data / "photos", photos)
        for name in first:
            shutil.copy(data / "flickr8k" / "images" / name, photos / name)
        for share in SHARES:
            captioned, without = (
                order[: round(share * len(order))],
                order[round(share * len(order)) :],
            )
            with (photos / "captions.csv").open("w", newline="", encoding="utf-8") as file:
                rows = [(name, text) for name in captioned for text in others[name]]
                csv.writer(file).writerows([("image", "caption"), *rows])
            searcher = indexed(photos, Path(scratch) / f"library-{share}")
            for way, options in WAYS.items():
                figures = [
                    figure
                    for some in (captioned, without)
                    for figure in judged(searcher, [(n, first[n]) for n in some[:ASKED]], options)
                ]
                right = [
                    np.mean([one in true for one in names(searcher, name, 5, options)])
                    for name, true in classes.items()
                    if len(true) >= 5
                ]
                cells = [f"{one:.1%}" for one in (*figures, float(np.mean(right)))]
                table.add_row(f"{share:.0%}", way, *(c if c != "nan%" else "" for c in cells))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
