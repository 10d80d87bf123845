"""What a training run does, as data: phases, each with its losses and their weights."""

from dataclasses import dataclass, field, replace
from typing import Literal

from indexer.embedders.pocket.model import PocketConfig
from indexer.training.data import ViewOptions

Part = Literal["image", "text", "head", "neck", "temperature"]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each loss counts; 0 leaves it out.

    `contrast` InfoNCE, or the sigmoid loss; `maps` imitation of the teacher's feature maps;
    `embedding` of the reference's image embeddings; `affinity` of its similarities to texts;
    `text` of its text embeddings.
    """

    contrast: float = 1.0
    maps: float = 0.0
    embedding: float = 0.0
    affinity: float = 0.0
    text: float = 0.0
    sigmoid: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the run with one schedule.

    `inputs` says what the image side reads: pixels, or the teacher's feature maps, through the
    student's head; with stages, each stage of the image tower learns from the teacher's input to
    that stage to give its output. `side` is the side of the training views in pixels. `sources`
    names the sources to learn from, all if empty, and `repeats` how often a source counts in an
    epoch if not once. `texts` is how many texts of the reference an image is compared to for its
    affinities. `renew_reference` makes the student, as it is at the start, the reference.
    """

    name: str
    epochs: int
    inputs: Literal["pixels", "teacher", "stages"] = "pixels"
    trained: tuple[Part, ...] = ("image", "text", "neck", "temperature")
    side: int = 128
    batch: int = 256
    lr: float = 2e-3
    floor: float = 0.02
    warmup: float = 0.05
    decay: float = 0.05
    ema: float = 0.998
    weights: Weights = field(default_factory=Weights)
    views: ViewOptions = field(default_factory=ViewOptions)
    sources: tuple[str, ...] = ()
    repeats: tuple[tuple[str, int], ...] = ()
    texts: int = 4096
    renew_reference: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole run.

    `workers` share each batch on a processor; on a GPU one does the work. `micro_batches` cut each
    worker's share, and with `recompute` one of them is in memory at a time. With `bf16` the towers
    multiply in half precision; weights, losses and sums stay float32.
    """

    config: PocketConfig
    phases: tuple[Phase, ...]
    seed: int = 0
    workers: int = 4
    micro_batches: int = 1
    recompute: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    device: str = "cpu"
    teacher: str = ""
    """Whose vectors are imitated, by name and fingerprint; told, not acted upon."""
    patience: int = 0
    """Epochs of a phase without a better validation recall before it ends; 0 never ends early."""


def pocket(vocabulary: int = 6000, workers: int = 4) -> Recipe:
    """Returns the recipe of the built-in model.

    Words first, on the teacher's features and towards its words. Then every block of the image
    tower learns, from random weights, what the teacher's block does to the same input; local
    lessons are learned in few steps. Then the whole tower, on larger pictures, learns where a view
    belongs in the space of the words, and last both towers learn together.
    """
    config = PocketConfig(
        image_tower="mobilenetv2_100",
        image_side=160,
        std=0.5,
        vocabulary=vocabulary,
        text_width=256,
        text_layers=2,
    )
    double = (("flickr8k", 2),)
    words = Phase(
        "words",
        epochs=20,
        inputs="teacher",
        trained=("text", "head", "temperature"),
        lr=1e-3,
        decay=0.1,
        ema=0.99,
        weights=Weights(affinity=2.0, text=1.0),
        views=ViewOptions(texts_per_picture=2, word_dropout=0.2),
        sources=("flickr8k", "caltech101", "imagenette", "catsdogs", "houses", "grocery"),
        repeats=double,
    )
    by_stage = Phase(
        "stages",
        epochs=3,
        inputs="stages",
        trained=("image", "neck"),
        side=96,
        batch=64,
        lr=5e-2,
        floor=0.05,
        decay=0.0,
        ema=0.99,
        weights=Weights(contrast=0.0),
        views=ViewOptions(smallest=0.15, jitter=0.15),
        renew_reference=True,
    )
    whole = Phase(
        "whole",
        epochs=3,
        trained=("image", "neck"),
        side=128,
        batch=96,
        lr=1e-3,
        floor=0.05,
        ema=0.99,
        weights=Weights(contrast=0.0, maps=1.0, embedding=2.0, affinity=0.2),
        views=ViewOptions(smallest=0.4, jitter=0.15),
        repeats=double,
        texts=2048,
    )
    together = replace(
        whole,
        name="together",
        epochs=5,
        trained=("image", "neck", "text", "temperature"),
        lr=7e-4,
        floor=0.02,
        weights=Weights(contrast=0.5, maps=0.5, embedding=2.0, affinity=0.5),
        views=ViewOptions(smallest=0.4, jitter=0.15, texts_per_picture=2, word_dropout=0.15),
    )
    return Recipe(config, (words, by_stage, whole, together), workers=workers)
