"""Training pairs from folders, through the readers of the product.

Whatever `atisbo index` understands as a caption of a picture is a pair here: a text beside a
picture, a table, COCO's JSON. Pictures are decoded once, into a uint8 cache that all epochs read.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.errors import ConfigError, MediaError
from indexer.evaluation.pairs import words
from indexer.training.data import Corpus, Picture
from indexer.training.sources import squash
from indexer.types import Embedder, Facts, Kind, MediaReader, Sample, Skipped, SourceFile

LEAST_PICTURES = 50
MOST_HELD_OUT = 1000
_AT_ONCE = 64

Readers = Mapping[Kind, MediaReader]
Skip = Callable[[Skipped], None]
Tick = Callable[[int, int], None]
"""Takes how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Captioned:
    """A picture and what is said about it; at least one text, none twice."""

    source: SourceFile
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Pictures to learn from and pictures to judge by, and the files that they came from."""

    learned: Corpus
    held_out: Corpus
    files: Sequence[Captioned]
    """Those of `learned`, in order."""
    digest: str
    """Tells these pictures and texts from others."""


@dataclass(frozen=True, slots=True)
class _Order:
    """What each place of the pixel cache holds, as rows of the pairs; the last are held out."""

    rows: list[int]
    held_out: int


def find_pairs(files: Sequence[SourceFile], readers: Readers, skip: Skip) -> Sequence[Captioned]:
    """Returns the pictures among the files that have captions among the files, by path.

    A caption file that cannot be read is given to `skip`; the others go on.

    Raises:
        ConfigError: there are fewer than LEAST_PICTURES.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    for file in files:
        if file.kind is Kind.CAPTION:
            try:
                for sample in readers[Kind.CAPTION].read(file):
                    if isinstance(sample, Facts) or sample.about is None:
                        continue
                    if isinstance(sample.content, str):
                        found.setdefault((file.root, sample.about), {})[sample.content] = None
            except MediaError as error:
                skip(Skipped(file, str(error)))
    pictures = sorted(
        (file for file in files if file.kind is Kind.IMAGE and file.key in found),
        key=lambda file: file.key,
    )
    if len(pictures) < LEAST_PICTURES:
        raise ConfigError(
            f"there are {len(pictures)} pictures with captions here; training takes at least "
            f"{LEAST_PICTURES}. Put captions beside the pictures: photo.txt for photo.jpg, or a "
            "table with the columns image and caption."
        )
    return [Captioned(file, tuple(found[file.key])) for file in pictures]


def decode_pairs(
    pairs: Sequence[Captioned],
    reader: MediaReader,
    *,
    side: int,
    share: float,
    folder: Path,
    skip: Skip,
    tick: Tick,
) -> Parts:
    """Returns the pictures squashed to squares of `side` pixels, some of them held out.

    Which are held out depends on their pixels, so copies of a picture are on one side. The cache
    in `folder` is used again when files and texts are the same. A picture that cannot be decoded is
    given to `skip`; the others go on.

    Args:
        pairs: What to decode.
        reader: Of pictures.
        side: In pixels.
        share: Of the pictures to hold out; never more than MOST_HELD_OUT.
        folder: Where the cache is kept.
        skip: Takes what cannot be read.
        tick: Takes the progress.

    Raises:
        ConfigError: too few can be decoded.
    """
    digest = _digest(pairs, side, share)
    index, cache = folder / "pixels.json", folder / "pixels.u8"
    kept = _read_index(index, digest)
    if kept is None:
        rows = _write_pixels(pairs, reader, side, cache, skip, tick)
        kept = _arrange(cache, rows, side, share)
        stored = {"digest": digest, "rows": kept.rows, "held_out": kept.held_out}
        index.write_text(json.dumps(stored), encoding="utf-8")
    rows, held = kept.rows, kept.held_out
    if len(rows) - held < LEAST_PICTURES // 2 or not held:
        raise ConfigError(
            f"{len(rows)} different pictures with captions could be decoded, {held} of them to "
            f"judge by; training takes at least {LEAST_PICTURES}."
        )
    shape = (len(rows), side, side, 3)
    pixels: NDArray[np.uint8] = np.memmap(cache, np.uint8, "r", shape=shape)
    pictures = _pictures([pairs[row] for row in rows])
    learned = len(rows) - held
    return Parts(
        Corpus(pictures[:learned], pixels[:learned]),
        Corpus(pictures[learned:], pixels[learned:]),
        [pairs[row] for row in rows[:learned]],
        digest,
    )


def teacher_vectors(
    files: Sequence[Captioned], reader: MediaReader, teacher: Embedder, cache: Path, tick: Tick
) -> NDArray[np.float16]:
    """Returns the teacher's vectors of the pictures, float16 (n, dim), cached in a file.

    Raises:
        MediaError: a picture that was decoded before cannot be read any more.
    """
    if cache.exists():
        kept: NDArray[np.float16] = np.load(cache)
        if kept.shape == (len(files), teacher.dim):
            return kept
    out = np.empty((len(files), teacher.dim), np.float16)
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), _AT_ONCE):
            some = [one.source for one in files[start : start + _AT_ONCE]]
            drawn = pool.map(lambda file: teacher.preprocess(_picture(reader, file)), some)
            out[start : start + len(some)] = teacher.embed_images(list(drawn))
            tick(start + len(some), len(files))
    np.save(cache, out)
    return out


def _picture(reader: MediaReader, file: SourceFile) -> Image.Image:
    for sample in reader.read(file):
        if isinstance(sample, Sample) and not isinstance(sample.content, str):
            return sample.content
    raise MediaError(f"{file.location} holds no picture")


def _write_pixels(
    pairs: Sequence[Captioned],
    reader: MediaReader,
    side: int,
    cache: Path,
    skip: Skip,
    tick: Tick,
) -> list[int]:
    """Writes the pixels one after the other; returns the rows of `pairs` that they belong to."""

    def draw(pair: Captioned) -> NDArray[np.uint8] | str:
        try:
            return squash(_picture(reader, pair.source), side)
        except MediaError as error:
            return str(error)

    rows = []
    with ThreadPoolExecutor() as pool, cache.open("wb") as out:
        for row, drawn in enumerate(_in_order(pool, draw, pairs)):
            if isinstance(drawn, str):
                skip(Skipped(pairs[row].source, drawn))
            else:
                out.write(drawn.tobytes())
                rows.append(row)
            tick(row + 1, len(pairs))
    return rows


def _in_order(
    pool: ThreadPoolExecutor,
    draw: Callable[[Captioned], NDArray[np.uint8] | str],
    pairs: Sequence[Captioned],
) -> Iterator[NDArray[np.uint8] | str]:
    """Maps in blocks, so that a large source does not fill the memory with waiting pictures."""
    for start in range(0, len(pairs), _AT_ONCE):
        yield from pool.map(draw, pairs[start : start + _AT_ONCE])


def _arrange(cache: Path, rows: list[int], side: int, share: float) -> _Order:
    """Moves the pixels of the pictures to hold out to the end of the cache; returns the new order.

    Copies of a picture are left out: their captions would say what is wrong of each other.
    """
    if not rows:
        return _Order([], 0)
    pixels = np.memmap(cache, np.uint8, "r", shape=(len(rows), side * side * 3))
    marks = [hashlib.blake2b(row, digest_size=8).digest() for row in pixels]
    first = sorted({mark: at for at, mark in reversed(list(enumerate(marks)))}.values())
    by_chance = sorted(first, key=lambda at: marks[at])
    held = set(by_chance[: min(MOST_HELD_OUT, round(share * len(first)))])
    order = [at for at in first if at not in held] + sorted(held)
    part = cache.with_suffix(".part")
    with part.open("wb") as out:
        for at in order:
            out.write(pixels[at].tobytes())
    part.replace(cache)
    return _Order([rows[at] for at in order], len(held))


def _pictures(pairs: Sequence[Captioned]) -> list[Picture]:
    """Returns training pictures; those of which the very same is said are a group."""
    texts = [text for pair in pairs for text in pair.texts]
    numbers = iter(words(texts).tolist())
    groups: dict[frozenset[int], int] = {}
    return [
        Picture(
            pair.source.root,
            pair.source.path,
            pair.texts,
            groups.setdefault(frozenset(next(numbers) for _ in pair.texts), len(groups)),
        )
        for pair in pairs
    ]


def _read_index(index: Path, digest: str) -> _Order | None:
    try:
        stored = json.loads(index.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if stored.get("digest") != digest:
        return None
    return _Order(stored["rows"], stored["held_out"])


def _digest(pairs: Iterable[Captioned], side: int, share: float) -> str:
    digest = hashlib.blake2b(f"{side} {share}".encode(), digest_size=8)
    for pair in pairs:
        file = pair.source
        facts = (file.root, file.path, file.size_bytes, file.mtime_ns, pair.texts)
        digest.update(repr(facts).encode())
    return digest.hexdigest()
