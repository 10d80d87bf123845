"""How well copies are told from pictures of the same thing: by cosine alone, and with the look.

Copies are made of 500 real photos in nine ways and mixed with 3,950 others; all are indexed, and
each pair of an original and its copy, and of two different originals, is judged.
"""

import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np
from conditions import hardware, versions
from PIL import Image, ImageDraw, ImageEnhance, ImageFont

from indexer.library import open_library
from indexer.look import Looks, Sight, look_of
from indexer.near import LOOK_AT_LEAST
from indexer.thumbnails import Thumbnails
from indexer.types import Modality

ORIGINALS, OTHERS = "originals", "others"
TARS = "bsds caltech101 catsdogs grocery houses imagenette".split()
THRESHOLDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    chance = random.Random(share)

    def crop(image: Image.Image) -> Image.Image:
        width, height = (round(side * (1 - share)) for side in image.size)
        left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
        return image.crop((left, top, left + width, top + height))

    return crop


def smaller(factor: int) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize(
        (image.width // factor, image.height // factor), Image.Resampling.LANCZOS
    )


def marked(image: Image.Image) -> Image.Image:
    image = image.copy()
    place = (image.width * 0.55, image.height * 0.86)
    font = ImageFont.load_default(size=max(10, image.width // 12))
    ImageDraw.Draw(image, "RGBA").text(place, "(c) photo", fill=(255, 255, 255, 180), font=font)
    return image


COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "JPEG quality 70": (lambda image: image, 70),
    "JPEG quality 40": (lambda image: image, 40),
    "half the side": (smaller(2), 85),
    "quarter of the side": (smaller(4), 85),
    "cropped by 5 %": (cropped(0.05), 85),
    "cropped by 10 %": (cropped(0.10), 85),
    "15 % brighter": (lambda image: ImageEnhance.Brightness(image).enhance(1.15), 85),
    "greyscale": (lambda image: image.convert("L").convert("RGB"), 85),
    "watermark": (marked, 85),
}


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder with flickr8k/ and photos/.")  # fmt: skip
@click.option("--model", default="pocket", show_default=True)
def main(data: Path, model: str) -> None:
    """Makes the photos and a library of them in a temporary folder, and prints two tables."""
    with tempfile.TemporaryDirectory() as name:
        photos, library = Path(name, "photos"), Path(name, "library")
        draw(data, photos)
        command = [sys.executable, "-m", "indexer", "index", str(photos), "--library", str(library)]
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "ATISBO_MODEL": model},
        )
        click.echo(f"{hardware('cpu', os.cpu_count() or 1)}; {versions()}\nmodel {model}")
        judge(library)


def draw(data: Path, photos: Path) -> None:
    """Writes originals, others and copies as JPEG files below `photos`."""
    chance = random.Random(5)
    for name in (ORIGINALS, OTHERS, *COPIES):
        (photos / name).mkdir(parents=True)
    flickr = sorted((data / "flickr8k" / "images").glob("*.jpg"))
    chosen = [(one.name, one.read_bytes()) for one in chance.sample(flickr, 2350)]
    originals, others = chosen[:350], chosen[350:]
    for tar in TARS:
        some = chance.sample(list(photos_of(data / "photos" / f"{tar}.tar")), 350)
        originals += some[:25]
        others += some[25:]
    for folder, content in ((ORIGINALS, originals), (OTHERS, others)):
        for name, encoded in content:
            (photos / folder / name).write_bytes(encoded)
    for name, encoded in originals:
        image = Image.open(io.BytesIO(encoded)).convert("RGB")
        for folder, (change, quality) in COPIES.items():
            change(image).save(photos / folder / name, "JPEG", quality=quality)


def photos_of(tar: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(tar) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if member.name.endswith(".jpg") and content:
                yield f"{tar.stem}-{member.name}", content.read()


def judge(folder: Path) -> None:
    library = open_library(folder, index="exact")
    ids = library.catalog.ids(Modality.IMAGE)
    items = library.catalog.fetch(ids.tolist())
    paths = [Path(items[one].path) for one in ids.tolist()]
    vectors = library.indexes[Modality.IMAGE].vectors(ids)
    stored = Thumbnails(folder / "thumbnails")
    with ThreadPoolExecutor() as pool:
        sight = Sight(lambda one: look_of(stored.read(one) or b""), lambda _: None, pool, pool)
        looks = Looks(ids, sight)
        looks.load(np.arange(len(ids)))
        row_of = {path: row for row, path in enumerate(paths)}

        def pairs(first: list[int], second: list[int]) -> tuple[np.ndarray, np.ndarray]:
            a, b = np.array(first), np.array(second)
            maybe = [looks.may_be_alike(slice(i, i + 1), slice(j, j + 1))[0, 0]
                     for i, j in zip(a, b, strict=True)]  # fmt: skip
            return (vectors[a] * vectors[b]).sum(1), looks.alike(a, b) * maybe

        click.echo("\nrecall       " + "".join(f"cosine >= {t:<8}" for t in THRESHOLDS))
        click.echo("             " + "alone  look       " * len(THRESHOLDS))
        for name in COPIES:
            copies = [path for path in paths if path.parent.name == name]
            originals = [row_of[Path(ORIGINALS, path.name)] for path in copies]
            row("recall", name, *pairs(originals, [row_of[path] for path in copies]))
        different = [row for row, path in enumerate(paths) if path.parent.name not in COPIES]
        cosines = np.triu(vectors[different] @ vectors[different].T, 1)
        first, second = np.nonzero(cosines >= THRESHOLDS[0])
        at = np.array(different)
        click.echo(f"\npairs of {len(different):,} different photos that pass")
        row("count", "", *pairs(at[first].tolist(), at[second].tolist()))


def row(kind: str, name: str, cosines: np.ndarray, looks: np.ndarray) -> None:
    line = f"{name:20}"
    for threshold in THRESHOLDS:
        for passed in (cosines >= threshold, (cosines >= threshold) & (looks >= LOOK_AT_LEAST)):
            line += f"{passed.mean():7.1%} " if kind == "recall" else f"{passed.sum():7,} "
        line += "  "
    click.echo(line)


if __name__ == "__main__":
    main()
