"""Which words of a text tell something."""

import re

_WORD = re.compile(r"\w+")
_LITTLE = frozenset(
    "a an the and or of in on at to is are was were with for from by it its his her their this "
    "that there as into up down out through over near while who some other".split()
)


def words_of(text: str) -> list[str]:
    """Returns the words that tell something, in lower case, each once; all if none does."""
    every = list(dict.fromkeys(_WORD.findall(text.casefold())))
    return [word for word in every if word not in _LITTLE] or every


def held(asked: str, text: str) -> float:
    """Returns which share of the telling words asked a text holds; a plural's singular will do."""
    words, there = words_of(asked), text.casefold()
    if not words:
        return 0.0
    return sum(word in there or word.removesuffix("s") in there for word in words) / len(words)
