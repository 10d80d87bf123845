"""A model of one's own: what a run on captioned folders is made of."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from indexer.embedders.pocket.model import Pocket, PocketConfig, load, weights_in
from indexer.embedders.pocket.tokenizer import Tokenizer
from indexer.embedders.pocket.tokenizer import train as train_tokenizer
from indexer.errors import ConfigError
from indexer.training.captioned import (
    Parts,
    Readers,
    Skip,
    Tick,
    decode_pairs,
    find_pairs,
    teacher_vectors,
)
from indexer.training.data import ViewOptions
from indexer.training.material import Material
from indexer.training.recipe import Phase, Recipe, Weights, pocket
from indexer.training.student import Reference
from indexer.types import Embedder, Kind, SourceFile

SCRATCH = "scratch"
VOCABULARY = 6000
_ROOM = 10 / 9  # a cached picture is larger than the model's input by this, for crops
_SCALES = [float(scale) for scale in np.geomspace(5, 200, 24)]
_SAMPLE = 1000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a run is asked for.

    `start` is `pocket`, `pocket:FOLDER` or `scratch`; `held_out` the share of the pictures to judge
    by; `rate` the peak learning rate.
    """

    start: str = "pocket"
    loss: Literal["infonce", "sigmoid"] = "infonce"
    epochs: int = 20
    batch: int = 256
    rate: float | None = None
    held_out: float = 0.1
    patience: int = 5
    micro_batches: int = 4
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: int = 0
    device: str = "cpu"
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a trainer needs; `start` is None for random weights."""

    recipe: Recipe
    material: Material
    start: Pocket | None


def open_start(name: str) -> tuple[Pocket, Tokenizer] | None:
    """Returns the weights to begin with, None for random ones.

    Raises:
        ConfigError: there are none of that name.
    """
    family, _, folder = name.partition(":")
    if name == SCRATCH:
        return None
    if family != "pocket":
        raise ConfigError(
            f"training cannot begin with {name!r}. Use pocket, pocket:FOLDER of an earlier run's "
            "model, or scratch."
        )
    return load(weights_in(Path(folder) if folder else None))


def prepare(
    files: Sequence[SourceFile],
    readers: Callable[[int], Readers],
    choices: Choices,
    folder: Path,
    *,
    teacher: Embedder | None,
    skip: Skip,
    tick: Tick,
    say: Say,
) -> Prepared:
    """Returns a run on the captioned pictures among the files; caches go into `folder`.

    Args:
        files: All files of the folders to learn from.
        readers: Returns readers for pictures no smaller than so many pixels.
        choices: What is asked for.
        folder: Of the run.
        teacher: Any embedder to imitate the similarities of.
        skip: Takes files that cannot be read.
        tick: Takes the progress of the stage at hand.
        say: Takes the name of each stage.

    Raises:
        ConfigError: there is too little to learn from, or a model's name is wrong.
    """
    start = open_start(choices.start)
    config = start[0].config if start else pocket().config
    side = round(config.image_side * _ROOM)
    reading = readers(max(2 * side, teacher.image_side if teacher else 0))
    pairs = find_pairs(files, reading, skip)
    say("Decoding")
    images = reading[Kind.IMAGE]
    parts = decode_pairs(
        pairs, images, side=side, share=choices.held_out, folder=folder, skip=skip, tick=tick
    )
    tokenizer = start[1] if start else _tokenizer(parts, config, folder)
    maps, reference = None, None
    if teacher is not None:
        say(f"Asking {teacher.name}")
        cache = folder / f"teacher-{teacher.fingerprint}-{parts.digest}.npy"
        vectors = teacher_vectors(parts.files, images, teacher, cache, tick)
        # Elements of a unit vector are small; a network's outputs begin at about one.
        maps = (vectors * np.float16(teacher.dim**0.5))[:, :, None, None]
        reference = _reference(teacher, vectors, parts)
    return Prepared(
        _recipe(choices, teacher, config, len(tokenizer), len(parts.learned.pictures)),
        Material(parts.learned, parts.held_out, tokenizer, maps=maps, reference=reference),
        start[0] if start else None,
    )


def _tokenizer(parts: Parts, config: PocketConfig, folder: Path) -> Tokenizer:
    """Returns a vocabulary learned from the captions, kept for a run that goes on."""
    file = folder / f"vocabulary-{parts.digest}.json"
    if not file.exists():
        learned = train_tokenizer(
            parts.learned.texts(), size=VOCABULARY, context_length=config.context_length
        )
        learned.save(file)
    return Tokenizer.load(file)


def _reference(teacher: Embedder, images: np.ndarray, parts: Parts) -> Reference:
    texts = torch.from_numpy(teacher.embed_texts(parts.learned.texts()))
    identity = torch.eye(teacher.dim)
    scale = _fitted_scale(
        torch.from_numpy(images[:_SAMPLE].astype(np.float32)),
        texts[torch.from_numpy(parts.learned.text_starts()[:_SAMPLE])],
    )
    return Reference(identity, torch.zeros(teacher.dim), texts, scale)


def _fitted_scale(images: torch.Tensor, texts: torch.Tensor) -> float:
    """Returns the inverse temperature at which the teacher is surest of the right pairs.

    Embedders do not tell theirs; this is the one that its own contrastive loss would choose.
    """
    right = torch.arange(len(images))
    logits = images @ texts.T

    def loss(scale: float) -> float:
        return torch.nn.functional.cross_entropy(scale * logits, right).item()

    return min(_SCALES, key=loss)


def _recipe(
    choices: Choices,
    teacher: Embedder | None,
    config: PocketConfig,
    vocabulary: int,
    pictures: int,
) -> Recipe:
    taught = teacher is not None
    rate = choices.rate or (1e-3 if choices.start == SCRATCH else 3e-4)
    phase = Phase(
        "pairs",
        epochs=choices.epochs,
        trained=("image", "text", "neck", "temperature"),
        side=config.image_side,
        batch=min(choices.batch, 2 ** int(math.log2(pictures))),
        lr=rate,
        ema=0.99,
        weights=Weights(
            contrast=1.0,
            maps=0.5 if taught else 0.0,
            affinity=2.0 if taught else 0.0,
            sigmoid=choices.loss == "sigmoid",
        ),
        views=ViewOptions(smallest=0.5, jitter=0.15, texts_per_picture=2, word_dropout=0.1),
    )
    on_cpu = choices.device == "cpu"
    return Recipe(
        replace(config, vocabulary=vocabulary),
        (phase,),
        seed=choices.seed,
        workers=choices.workers if on_cpu else 1,
        micro_batches=choices.micro_batches,
        recompute=choices.micro_batches > 1,
        precision=choices.precision,
        device=choices.device,
        teacher=f"{teacher.name} {teacher.fingerprint}" if teacher else "",
        patience=choices.patience,
    )
