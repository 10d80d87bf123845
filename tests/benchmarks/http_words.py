"""Sentences and names for a drawn library and for those who search it, always the same."""

from collections.abc import Iterator
from itertools import count

import numpy as np

HOW = "old young small big red blue green white black brown happy tired wet dry quiet loud".split()
WHO = (
    "dog cat horse bird child woman man girl boy couple crowd bicycle car train boat ship kite "
    "ball tree flower cake guitar camera umbrella hat jacket bridge tower market window"
).split()
DOES = (
    "runs jumps sits stands sleeps swims plays waits climbs falls shines turns rests leans "
    "smiles looks works dances flies rolls"
).split()
WHERE = (
    "beach forest street park river mountain lake garden kitchen station field harbour desert "
    "castle church school stadium museum bridge island valley roof balcony cellar airport"
).split()
WHEN = "morning noon evening night winter spring summer autumn rain snow fog sunshine".split()

_QUERY, _CAPTION, _FOLDER = range(3)


def texts(seed: int) -> Iterator[str]:
    """Yields texts to search for, one of five to seven words after the other, never one twice."""
    random = np.random.default_rng((_QUERY, seed))
    for number in count():
        yield f"{_said(random)} {seed}{number:05d}"


def known_texts(many: int) -> list[str]:
    """Returns texts to search for again and again, all different."""
    random = np.random.default_rng(_QUERY)
    found: dict[str, None] = {}
    while len(found) < many:
        found[_said(random)] = None
    return list(found)


def captions(many: int) -> list[str]:
    """Returns so many captions; some come twice, as captions do."""
    random = np.random.default_rng(_CAPTION)
    return [f"a {_said(random)} in the {_of(random, WHEN)}" for _ in range(many)]


def folders(many: int) -> list[str]:
    """Returns names of folders such as people give them."""
    random = np.random.default_rng(_FOLDER)
    return [f"{_of(random, WHERE)} {_of(random, WHEN)} {n:04d}" for n in range(many)]


def _said(random: np.random.Generator) -> str:
    who, does = _of(random, WHO), _of(random, DOES)
    return f"{_of(random, HOW)} {who} {does} at the {_of(random, HOW)} {_of(random, WHERE)}"


def _of(random: np.random.Generator, words: list[str]) -> str:
    """Returns one of the words, the first ones more often."""
    return words[int(len(words) * random.random() ** 1.5)]
