"""Where training pictures come from: a captions table, tars of photos with class names.

The pixels are decoded once into a uint8 cache, a memory-mapped file that all later epochs read.
"""

import csv
import io
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.training.data import Corpus, Picture

PROMPTS = ("{}", "a photo of a {}", "a picture of {}")
"""The ways to name a class."""

HELD_OUT_EACH = 10
"""One in so many of the class-named photos of each tar is never learned from."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture that was found; `member` is its name in `archive`, or the path of a plain file."""

    source: str
    member: str
    archive: Path | None = None
    captions: tuple[str, ...] = ()
    label: str | None = None


@dataclass(slots=True)
class Collection:
    """Everything found, by use; `named` are held-out photos with a class name."""

    learned: list[Entry] = field(default_factory=list)
    held_out: list[Entry] = field(default_factory=list)
    named: list[Entry] = field(default_factory=list)


def collect(captioned: Path, photos: Path) -> Collection:
    """Returns the entries of a folder with `captions.csv`, `train.txt`, `dev.txt` and `images/`,
    and of the tars in another; pictures in neither list are left out.
    """
    captions: dict[str, list[str]] = {}
    with (captioned / "captions.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            captions.setdefault(Path(row["image"]).name, []).append(row["caption"])
    found = Collection()
    for listing, entries in (("train.txt", found.learned), ("dev.txt", found.held_out)):
        for name in (captioned / listing).read_text(encoding="utf-8").split():
            path = str(captioned / "images" / name)
            entries.append(Entry(captioned.name, path, captions=tuple(captions[name])))
    for archive in sorted(photos.glob("*.tar")):
        for number, entry in enumerate(read_tar(archive)):
            keep = entry.label is not None and number % HELD_OUT_EACH == 0
            (found.named if keep else found.learned).append(entry)
    return found


def read_tar(archive: Path) -> Iterator[Entry]:
    """Yields the tar's pictures by name, each with its class name if it has one."""
    pictures: dict[str, str] = {}
    labels: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            stem, _, kind = member.name.rpartition(".")
            if kind == "jpg":
                pictures[stem] = member.name
            elif kind == "txt" and (content := tar.extractfile(member)) is not None:
                labels[stem] = content.read().decode().strip()
    for stem in sorted(pictures):
        label = labels.get(stem)
        yield Entry(archive.stem, pictures[stem], archive, label=label and plain(label))


def plain(label: str) -> str:
    """Returns the class name alone: without its group after a comma, without its article."""
    return label.split(",", maxsplit=1)[0].removeprefix("a ")


def pictures(entries: Sequence[Entry]) -> list[Picture]:
    """Returns the entries as training pictures; photos of one class of one source are a group."""
    classes = sorted({(e.source, e.label) for e in entries if e.label is not None})
    numbers = {name: len(entries) + place for place, name in enumerate(classes)}
    out = []
    for place, entry in enumerate(entries):
        texts, group = entry.captions, place if entry.captions else -1
        if entry.label is not None:
            texts = tuple(prompt.format(entry.label) for prompt in PROMPTS)
            group = numbers[entry.source, entry.label]
        out.append(Picture(entry.source, entry.member, texts, group))
    return out


def open_pictures(entries: Sequence[Entry]) -> Iterator[Image.Image]:
    """Yields each entry's picture in RGB, in order; archives are opened once each."""
    archives: dict[Path, tarfile.TarFile] = {}
    try:
        for entry in entries:
            if entry.archive is None:
                with Image.open(entry.member) as image:
                    yield image.convert("RGB")
                continue
            if entry.archive not in archives:
                archives[entry.archive] = tarfile.open(entry.archive)  # noqa: SIM115
            content = archives[entry.archive].extractfile(entry.member)
            if content is not None:
                with Image.open(io.BytesIO(content.read())) as image:
                    yield image.convert("RGB")
    finally:
        for tar in archives.values():
            tar.close()


def decode(entries: Sequence[Entry], side: int, cache: Path) -> NDArray[np.uint8]:
    """Returns uint8 (n, side, side, 3), squashed to squares, from the cache if it is there."""
    shape = (len(entries), side, side, 3)
    if not cache.exists() or np.load(cache, mmap_mode="r").shape != shape:
        write_pixels(entries, side, cache)
    kept: NDArray[np.uint8] = np.load(cache, mmap_mode="r")
    return kept


def write_pixels(entries: Sequence[Entry], side: int, cache: Path) -> None:
    """Writes uint8 (n, side, side, 3) to the cache, which appears only when it is whole."""
    unfinished = cache.with_suffix(".part")
    shape = (len(entries), side, side, 3)
    out = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
    with ThreadPoolExecutor() as pool:
        squashed = pool.map(lambda image: squash(image, side), open_pictures(entries))
        for row, pixels in zip(out, squashed, strict=True):
            row[:] = pixels
    out.flush()
    unfinished.replace(cache)


def squash(image: Image.Image, side: int) -> NDArray[np.uint8]:
    """Returns uint8 (side, side, 3)."""
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def corpus(entries: Sequence[Entry], side: int, cache: Path) -> Corpus:
    """Returns the entries as a corpus, decoded once."""
    return Corpus(pictures(entries), decode(entries, side, cache))
