"""Which words of a text tell something."""

import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+")
_LITTLE = frozenset(
    "a an the and or of in on at to is are was were with for from by it its his her their this "
    "that there as into up down out through over near while who some other".split()
)


def words_of(text: str) -> list[str]:
    """Returns the words that tell something, in lower case, each once; all if none does."""
    every = list(dict.fromkeys(_WORD.findall(text.casefold())))
    return [word for word in every if word not in _LITTLE] or every


def held(asked: str, texts: Sequence[str]) -> list[float]:
    """Returns which share of the telling words asked each text holds; a singular will do."""
    words = words_of(asked)
    if not words:
        return [0.0] * len(texts)
    forms = [(word, word.removesuffix("s")) for word in words]
    return [
        sum(word in there or single in there for word, single in forms) / len(words)
        for there in map(str.casefold, texts)
    ]
