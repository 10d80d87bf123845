"""The stages of indexing, each measured alone."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image

from indexer.library import make_library, open_library
from indexer.media.image import THUMBNAIL_SIDE, ImageReader, thumbnail
from indexer.types import EmbeddedFile, EmbeddedItem, Embedder, Modality, Pixels, SourceFile

EMBED_AT_MOST = 256  # preprocessed pictures kept in memory: 154 MB at 224 x 224
WRITE_AT_ONCE = 4096  # the pipeline's own checkpoint
T = TypeVar("T")


@dataclass(slots=True)
class Line:
    """A row of the table."""

    stage: str
    value: str
    note: str = ""


@dataclass(slots=True)
class Stages:
    """Seconds that one core spent on all photos, and what is needed further on."""

    plain_decode_s: float = 0.0
    decode_s: float = 0.0
    thumbnail_s: float = 0.0
    preprocess_s: float = 0.0


def read_all(files: Sequence[SourceFile], embedder: Embedder) -> tuple[Sequence[Pixels], Stages]:
    """Returns the first pictures preprocessed, and the times of reading all of them."""
    reader = ImageReader(max(2 * embedder.image_side, THUMBNAIL_SIDE))
    stages = Stages()
    pixels: list[Pixels] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    embedder.preprocess(next(reader.read(files[0])).content)  # type: ignore[arg-type] # a picture
    for file in files:
        start = time.perf_counter()
        with Image.open(file.location) as image:
            image.convert("RGB")
        plain = time.perf_counter()
        picture = next(reader.read(file)).content
        assert isinstance(picture, Image.Image)
        decoded = time.perf_counter()
        thumbnail(picture)
        shrunk = time.perf_counter()
        prepared = embedder.preprocess(picture)
        done = time.perf_counter()
        stages.plain_decode_s += plain - start
        stages.decode_s += decoded - plain
        stages.thumbnail_s += shrunk - decoded
        stages.preprocess_s += done - shrunk
        if len(pixels) < EMBED_AT_MOST:
            pixels.append(prepared)
    torch.set_num_threads(threads)
    return pixels, stages


def reading_lines(stages: Stages, n: int) -> Iterator[Line]:
    """Yields the rows about one core's work on a photo."""
    for stage, seconds, note in (
        ("decode", stages.decode_s, "one core: upright RGB, scaled down where it is free"),
        ("peer: Pillow alone", stages.plain_decode_s, "one core: open, convert to RGB"),
        ("thumbnail", stages.thumbnail_s, "one core: resize, WebP"),
        ("preprocess", stages.preprocess_s, "one core: the model's own transform"),
    ):
        yield Line(stage, f"{1000 * seconds / n:.2f} ms/photo", note)


def embedding_rate(embedder: Embedder, pixels: Sequence[Pixels], batch_size: int) -> float:
    """Returns photos per second through the image encoder."""
    embedder.embed_images(pixels[:batch_size])
    start = time.perf_counter()
    for some in portions(pixels, batch_size):
        embedder.embed_images(some)
    return len(pixels) / (time.perf_counter() - start)


def writing_lines(
    folder: Path, embedder: Embedder, files: Sequence[SourceFile], rows: int
) -> Iterator[Line]:
    """Yields the rows about making results durable, in the pipeline's own order and portions."""
    make_library(folder, embedder)
    library = open_library(folder)
    index = library.indexes[Modality.IMAGE]
    small = thumbnail(next(ImageReader(THUMBNAIL_SIDE).read(files[0])).content)  # type: ignore[arg-type] # a picture
    vectors = np.random.default_rng(0).standard_normal((rows, embedder.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    item = EmbeddedItem(width=640, height=480, thumbnail=small)
    done = [
        EmbeddedFile(
            replace(file, path=f"{row}/{file.path}"), Modality.IMAGE, [item], vectors[row : row + 1]
        )
        for row, file in enumerate(islice(cycle(files), rows))
    ]
    catalog_s = thumbnails_s = index_s = 0.0
    for some in portions(done, WRITE_AT_ONCE):
        start = time.perf_counter()
        ids = library.catalog.add(some)
        added = time.perf_counter()
        for item_id in ids.tolist():
            library.thumbnails.write(item_id, small)
        written = time.perf_counter()
        index.add(ids, np.concatenate([file.vectors for file in some]))
        index.save()
        saved = time.perf_counter()
        library.catalog.publish([file.source for file in some])
        catalog_s += added - start + time.perf_counter() - saved
        thumbnails_s += written - added
        index_s += saved - written
    note = f"{rows} rows, a checkpoint every {WRITE_AT_ONCE}"
    yield Line("write: catalogue", per_second(rows / catalog_s, "rows"), f"{note}: add, publish")
    yield Line("write: vectors", per_second(rows / index_s, "rows"), f"{note}: add, save")
    yield Line("write: thumbnails", per_second(rows / thumbnails_s, "files"))
    total_s = catalog_s + thumbnails_s + index_s
    yield Line("write, all three", per_second(rows / total_s, "rows"))


def portions(some: Sequence[T], length: int) -> Iterator[Sequence[T]]:
    """Yields the sequence in slices of that length; the last may be shorter."""
    for start in range(0, len(some), length):
        yield some[start : start + length]


def per_second(rate: float, what: str = "photos") -> str:
    """Returns the rate with three figures or more."""
    return f"{rate:,.0f} {what}/s" if rate >= 100 else f"{rate:.1f} {what}/s"
