"""Throughput of indexing, stage by stage, beside a plain open_clip loop on the same photos.

    python tests/benchmarks/bench_index.py --photos FOLDER --model open_clip:local-dir:/some/model
    python tests/benchmarks/bench_index.py --model random:ViT-B-32 -n 256

Without --photos it draws its own, 1600 x 1200. `random:ARCHITECTURE` makes a checkpoint of random
weights in a temporary folder, which is as fast or slow as real ones. Prints one Markdown table.
The peer makes vectors only; the pipeline also makes thumbnails, rows and an index that is safe on
disk.
"""

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from conditions import draw_photos, hardware, photos_in, random_checkpoint, versions
from peer import DTYPES, PEER_WORKERS, plain_loop
from stages import Line, embedding_rate, per_second, read_all, reading_lines, writing_lines

from indexer.embedders import open_embedder
from indexer.engines import open_engine
from indexer.library import make_library, open_library
from indexer.media.image import THUMBNAIL_SIDE, ImageReader, thumbnail
from indexer.pipeline import bulk_index
from indexer.sync import digest_of
from indexer.types import (
    EmbeddedFile,
    Embedder,
    Kind,
    Modality,
    Skipped,
    SourceFile,
    Vectors,
)

BUSY = 0.25  # load for each core; OpenMP waits in barriers for a core that others hold


@dataclass(slots=True)
class Speeds:
    """Photos per second, one for each round, and how alike the peer's vectors are."""

    embed: list[float] = field(default_factory=list)
    pipeline: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    cosines: Vectors = field(default_factory=lambda: np.ones(1, np.float32))


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=Path, help="a folder; drawn where it is left out")
    parser.add_argument("--model", default="random:ViT-B-32", help="as in atisbo, or random:ARCH")
    parser.add_argument("-n", type=int, default=512, help="photos at most [%(default)s]")
    parser.add_argument("--rows", type=int, default=8192, help="rows to write [%(default)s]")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3, help="best of so many [%(default)s]")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], choices=list(DTYPES))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atisbo-bench-") as scratch:
        for line in table(chosen, Path(scratch)):
            print(line, flush=True)


def table(chosen: argparse.Namespace, scratch: Path) -> Iterator[str]:
    """Yields the table line by line, as the measurements come."""
    folder = chosen.photos or draw_photos(scratch / "photos", chosen.n)
    files = photos_in(folder, chosen.n)
    model = random_checkpoint(chosen.model, scratch)
    precisions = chosen.precision if model.startswith("open_clip:") else ["fp32"]
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]  # before this program's own
    megabytes = sum(len(file.location.read_bytes()) for file in files) / 1e6  # warms the cache too

    embedder = open_embedder(model, device=chosen.device, precision=precisions[0])
    device = str(getattr(embedder, "device", "cpu"))
    yield f"{datetime.now(UTC):%Y-%m-%d} · {hardware(device, cores)} · load before {load:.1f}"
    yield versions()
    yield (
        f"n = {len(files)} photos ({megabytes / len(files):.2f} MB each, in the page cache), "
        f"model {chosen.model}, dim {embedder.dim}, batch {chosen.batch_size}, device {device}, "
        f"best of {chosen.rounds} rounds (worst in brackets)"
    )
    if load > BUSY * cores:
        yield "BUSY: other programs hold the cores; measure again on a quiet machine to quote it."
    if len(files) < PEER_WORKERS * chosen.batch_size:
        yield "FEW: less than a batch for each of the peer's workers; the peer looks too slow."
    yield "\n| stage | throughput | note |\n|---|---:|---|"
    pixels, stages = read_all(files, embedder)
    for line in reading_lines(stages, len(files)):
        yield shown(line)
    for line in writing_lines(scratch / "written", embedder, files, chosen.rows):
        yield shown(line)
    each_s = (stages.decode_s + stages.thumbnail_s + stages.preprocess_s) / len(files)
    for precision in precisions:
        embedder = open_embedder(model, device=chosen.device, precision=precision)
        speeds = Speeds()
        for turn in range(chosen.rounds):
            library = scratch / f"library-{precision}-{turn}"
            speeds.embed.append(embedding_rate(embedder, pixels, chosen.batch_size))
            rate, ours = pipeline(library, embedder, files, chosen.batch_size, cores)
            speeds.pipeline.append(rate)
            if model.startswith("open_clip:"):
                rate, theirs = plain_loop(model, files, chosen.batch_size, device, precision)
                speeds.peer.append(rate)
                speeds.cosines = (ours * theirs).sum(axis=1)
        # Where the model runs on the same cores, the stages share them; elsewhere they overlap.
        rate = max(speeds.embed)
        limit = 1 / (each_s / cores + 1 / rate) if device == "cpu" else min(cores / each_s, rate)
        for line in speed_lines(speeds, precision, limit):
            yield shown(line)


def speed_lines(speeds: Speeds, precision: str, limit: float) -> Iterator[Line]:
    """Yields the rows about the whole: the best of the rounds, the worst in brackets."""
    best = max(speeds.pipeline)
    yield Line(f"embed, {precision}", best_of(speeds.embed), "the model alone, all cores")
    yield Line(
        f"**pipeline, {precision}**",
        f"**{best_of(speeds.pipeline)}**",
        f"end to end, durable; {best / limit:.0%} of the limit",
    )
    yield Line(
        f"limit, {precision}", per_second(limit), "the stages above on all cores, no waiting"
    )
    if speeds.peer:
        low, median = speeds.cosines.min(), np.median(speeds.cosines)
        yield Line(
            f"peer: open_clip + DataLoader, {precision}",
            best_of(speeds.peer),
            f"{PEER_WORKERS} workers, vectors only; pipeline x{best / max(speeds.peer):.2f}; "
            f"cosine of the vectors: median {median:.4f}, least {low:.4f}",
        )


def pipeline(
    folder: Path, embedder: Embedder, files: Sequence[SourceFile], batch_size: int, workers: int
) -> tuple[float, Vectors]:
    """Indexes the files into a new library; returns photos per second and the vectors in order."""
    make_library(folder, embedder)
    library = open_library(folder)
    engine = open_engine(
        "local",
        readers={Kind.IMAGE: ImageReader(max(2 * embedder.image_side, THUMBNAIL_SIDE))},
        embedder=embedder,
        thumbnail=thumbnail,
        digest=digest_of,
        batch_size=batch_size,
        workers=workers,
    )
    vectors: dict[tuple[str, str], Vectors] = {}

    def keep(result: EmbeddedFile | Skipped) -> None:
        if isinstance(result, EmbeddedFile):
            vectors[result.source.key] = result.vectors

    start = time.perf_counter()
    bulk_index(
        files,
        engine=engine,
        catalog=library.catalog,
        indexes=library.indexes,
        thumbnails=library.thumbnails,
        progress=keep,
    )
    seconds = time.perf_counter() - start
    found = library.catalog.counts().items.get(Modality.IMAGE, 0)
    assert found == len(files), f"{found} of {len(files)} photos are in the catalogue"
    return len(files) / seconds, np.concatenate([vectors[file.key] for file in files])


def best_of(rates: Sequence[float]) -> str:
    """Returns the highest rate, and the lowest in brackets where there are several."""
    worst = f" ({min(rates):,.0f})" if len(rates) > 1 else ""
    return per_second(max(rates)) + worst


def shown(line: Line) -> str:
    """Returns the line as a row of a Markdown table."""
    return f"| {line.stage} | {line.value} | {line.note} |"


if __name__ == "__main__":
    # open_clip tells the root logger that random weights are random, which is the point here.
    logging.disable(logging.WARNING)
    main()
