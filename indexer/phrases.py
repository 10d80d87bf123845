"""Texts as people ask for pictures, to judge an index by where a library has no captions."""

from collections.abc import Sequence
from itertools import product

_SUBJECTS = (
    "a dog, two cats, a bird in flight, a horse, cows, a fish, an insect on a leaf, a baby, "
    "children, a woman, a man with a beard, an old couple, a crowd, friends, a bride and "
    "groom, a football team, a runner, a cyclist, a swimmer, skiers, a climber, musicians on "
    "stage, a dancer, a chef, a car, a red bus, a train, a bicycle, a motorcycle, a boat, a "
    "plane, a bridge, a tower, a church, an old house, a skyscraper, a street, a market, a "
    "shop window, a kitchen, a living room, an office, a classroom, a computer screen, a "
    "document, a book, a map, a toy, a birthday cake, a plate of food, fruit, a cup of "
    "coffee, flowers, a tree, a forest path, mountains, a lake, the sea, a beach, a "
    "waterfall, a desert, fields, a garden, clouds, fireworks, a statue, a painting, a sign "
    "with words, a clock, a guitar"
).split(", ")
_SETTINGS = (
    "{}",
    "a photo of {}",
    "{} in the snow",
    "{} at night",
    "{} at sunset",
    "{} in black and white",
    "{} seen from above",
    "a close-up of {}",
    "{} in the rain",
    "{} indoors",
    "{} in bright colours",
    "{} far away",
    "a blurry picture of {}",
    "{} and a person laughing",
)


def asked_texts() -> Sequence[str]:
    """Returns some thousand different texts, no two that follow one another alike."""
    every = [setting.format(subject) for setting, subject in product(_SETTINGS, _SUBJECTS)]
    stride = 101  # shares no factor with their number, so each comes once
    return [every[at * stride % len(every)] for at in range(len(every))]
