"""The figures of a model card: recall on held-out captions, naming, time and size, as markdown."""

import io
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from indexer.embedders import open_embedder
from indexer.evaluation.pairs import Pairs, words
from indexer.evaluation.recall import Estimate, rank, summarise
from indexer.training.sources import PROMPTS, Entry, collect, open_pictures
from indexer.types import Embedder, Vectors

DRAWS = 1000


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True,
              help="Folder with flickr8k/ and photos/.")  # fmt: skip
@click.option("--model", default="pocket", show_default=True)
def main(data: Path, model: str) -> None:
    """Prints the tables of one model."""
    started = time.perf_counter()
    embedder = open_embedder(model)
    click.echo(f"{embedder.name}, weights {embedder.fingerprint}, {embedder.image_side} px; "
               f"loaded in {time.perf_counter() - started:.2f} s\n")  # fmt: skip
    found = collect(data / "flickr8k", data / "photos")
    captioned(embedder, found.held_out)
    single_words(embedder, found.held_out)
    named(embedder, found.named, [*found.learned, *found.named])
    speed(embedder, found.held_out[0])


def captioned(embedder: Embedder, entries: Sequence[Entry]) -> None:
    """Prints recall on photos and their captions, with intervals by bootstrap over photos."""
    texts = [text for entry in entries for text in entry.captions]
    about = np.repeat(np.arange(len(entries)), [len(entry.captions) for entry in entries])
    pairs = Pairs(embed(embedder, entries), embedder.embed_texts(texts), about, words(texts))
    found = summarise(rank(pairs), rounds=DRAWS)
    click.echo(f"{len(entries):,} photos, {found.text_to_image.queries:,} different captions\n")
    click.echo("| | R@1 | R@5 | R@10 |\n|---|---|---|---|")
    for way, one in (("text → image", found.text_to_image), ("image → text", found.image_to_text)):
        click.echo(f"| {way} | " + " | ".join(percent(k) for k in one.recall.values()) + " |")


def single_words(embedder: Embedder, entries: Sequence[Entry]) -> None:
    """Prints how well one word alone finds the photos of which two captions use it."""
    said = [[set(re.findall("[a-z]+", text.lower())) for text in e.captions] for e in entries]
    counts = Counter(word for photo in said for caption in photo for word in caption)
    right = {}
    for word, _ in counts.most_common(400):
        hits = np.array([sum(word in caption for caption in photo) >= 2 for photo in said])
        if len(word) > 3 and hits.sum() >= 5:
            right[word] = hits
    scores = embedder.embed_texts(list(right)) @ embed(embedder, entries).T
    found = {w: precision(row, right[w]) for w, row in zip(right, scores, strict=True)}
    some = ", ".join(f"{w} {100 * found[w]:.0f}" for w in ("snow", "beach", "water", "bike"))
    mean = 100 * float(np.mean(list(found.values())))
    click.echo(f"\nSingle words, mean average precision of {len(found)}: {mean:.1f} ({some})")


def precision(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> float:
    """Returns the average precision of a ranking."""
    hits = right[np.argsort(-scores)]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def named(embedder: Embedder, entries: Sequence[Entry], every: Sequence[Entry]) -> None:
    """Prints how often the right class name is first, or in the first five, source by source.

    The names to choose from are those of all photos of the source.
    """
    by_source: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_source[entry.source].append(entry)
    known: dict[str, set[str]] = defaultdict(set)
    for entry in every:
        if entry.label is not None:
            known[entry.source].add(entry.label)
    click.echo("\n| source | names | photos | top-1 | top-5 | chance of top-5 |")
    click.echo("|---|---|---|---|---|---|")
    for source, some in by_source.items():
        names = sorted(known[source])
        phrases = [embedder.embed_texts([p.format(name) for p in PROMPTS]) for name in names]
        means = np.stack([one.mean(axis=0) for one in phrases])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        order = np.argsort(-(embed(embedder, some) @ means.T), axis=1)
        right = np.array([names.index(entry.label or "") for entry in some])
        hits = [(order[:, :k] == right[:, None]).any(axis=1) for k in (1, 5)]
        chance = min(1.0, 5 / len(names))
        click.echo(f"| {source} | {len(names)} | {len(some)} | {interval(hits[0])} | "
                   f"{interval(hits[1])} | {100 * chance:.1f} |")  # fmt: skip


def speed(embedder: Embedder, entry: Entry) -> None:
    """Prints the processor time of a text query and of a photo of 256 pixels, on one thread."""
    (photo,) = open_pictures([entry])
    square = io.BytesIO()
    photo.resize((256, 256)).save(square, "JPEG", quality=90)
    torch.set_num_threads(1)

    def once() -> None:
        with Image.open(io.BytesIO(square.getvalue())) as image:
            embedder.preprocess(image)

    pixels = [embedder.preprocess(photo)] * 32
    queries = iter(f"a dog in the snow number {n}" for n in range(10**6))
    click.echo("\n| processor time | ms |\n|---|---|")
    click.echo(f"| text query | {median(lambda: embedder.embed_texts([next(queries)])):.2f} |")
    click.echo(f"| photo of 256 px: decode, resize | {median(once):.2f} |")
    batch = median(lambda: embedder.embed_images(pixels), 20) / len(pixels)
    click.echo(f"| picture through the image tower, of a batch of 32 | {batch:.2f} |")


def embed(embedder: Embedder, entries: Sequence[Entry]) -> Vectors:
    """Returns the vectors of the pictures."""
    found, waiting = [], []
    for image in open_pictures(entries):
        waiting.append(embedder.preprocess(image))
        if len(waiting) == 64:
            found.append(embedder.embed_images(waiting))
            waiting = []
    return np.concatenate([*found, embedder.embed_images(waiting)])


def median(work: Callable[[], object], rounds: int = 200) -> float:
    """Returns the median processor time of a call, in ms, all threads together."""
    work()
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return 1e3 * float(np.median(times))


def interval(hits: NDArray[np.bool_]) -> str:
    """Returns the share in per cent with its 95 % bootstrap interval."""
    picks = np.random.default_rng(0).integers(0, len(hits), (DRAWS, len(hits)))
    low, high = np.quantile(hits[picks].mean(axis=1), (0.025, 0.975))
    return percent(Estimate(float(hits.mean()), float(low), float(high)))


def percent(one: Estimate) -> str:
    """Returns a share in per cent with its interval."""
    return f"{100 * one.value:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]"


if __name__ == "__main__":
    main()
