"""Tiny models, teachers and corpora, drawn in code."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch

from indexer.embedders.pocket.model import PocketConfig
from indexer.embedders.pocket.tokenizer import Tokenizer, train
from indexer.training.data import Corpus, Picture, ViewOptions
from indexer.training.material import Material
from indexer.training.recipe import Phase, Recipe, Weights
from indexer.training.student import Reference
from indexer.training.trainer import Epoch, Report, Trainer

COLOURS = ("red", "green", "blue", "white")
SHAPES = ("left half", "right half", "middle", "frame")


def draw(colour: int, shape: int) -> np.ndarray:
    picture = np.full((64, 64, 3), 40, np.uint8)
    paint = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)[colour]
    if shape == 0:
        picture[:, :32] = paint
    elif shape == 1:
        picture[:, 32:] = paint
    elif shape == 2:
        picture[16:48, 16:48] = paint
    else:
        picture[:] = paint
        picture[12:52, 12:52] = 40
    return picture


def corpus(repeats: int) -> Corpus:
    pictures, pixels = [], []
    for number in range(repeats * 16):
        colour, shape = number % 4, number // 4 % 4
        name = f"{COLOURS[colour]} {SHAPES[shape]}"
        texts = (f"a {name}", f"the {SHAPES[shape]} is {COLOURS[colour]}")
        pictures.append(Picture("drawn", str(number), texts, colour * 4 + shape))
        pixels.append(draw(colour, shape))
    return Corpus(pictures, np.stack(pixels))


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train(corpus(1).texts(), size=320, minimum=1, context_length=12)


@pytest.fixture
def recipe(tokenizer: Tokenizer) -> Recipe:
    config = PocketConfig(
        image_tower="mobilenetv2_035",
        image_side=64,
        dim=16,
        vocabulary=len(tokenizer),
        context_length=12,
        text_width=16,
        text_layers=1,
        text_heads=2,
    )
    weights = Weights(contrast=1.0, maps=0.5, embedding=0.5, affinity=0.2)
    phase = Phase(
        "image",
        epochs=2,
        trained=("image", "text", "neck", "temperature"),
        side=64,
        batch=16,
        weights=weights,
        views=ViewOptions(cutmix=0.5, texts_per_picture=2),
        renew_reference=True,
    )
    text = replace(
        phase,
        name="text",
        inputs="teacher",
        trained=("text", "head", "temperature"),
        weights=Weights(),
        views=ViewOptions(),
        renew_reference=False,
    )
    by_stage = replace(phase, name="stages", inputs="stages", trained=("image", "neck"))
    return Recipe(config, (text, by_stage, replace(phase, renew_reference=False)), workers=2)


@pytest.fixture
def trainer(tokenizer: Tokenizer) -> Callable[..., Trainer]:
    def build(recipe: Recipe, folder: Path, report: Report | None = None) -> Trainer:
        torch.manual_seed(0)
        rng = np.random.default_rng(0)
        learned, held_out = corpus(2), corpus(1)
        by_group = rng.normal(size=(16, 24, 2, 2)).astype(np.float16)
        groups = np.array([picture.group for picture in learned.pictures])
        held = np.array([picture.group for picture in held_out.pictures])
        material = Material(
            corpus=learned,
            held_out=held_out,
            tokenizer=tokenizer,
            maps=by_group[groups],
            held_out_maps=by_group[held],
            reference=Reference(
                torch.randn(16, 24), torch.zeros(16), torch.randn(len(learned.texts()), 16), 10.0
            ),
            trunk=timm.create_model("mobilenetv2_035", num_classes=0).eval(),
        )
        return Trainer(recipe, material, folder=folder, report=report or ignore)

    return build


def ignore(_: Epoch) -> None:
    """Reports nothing."""
