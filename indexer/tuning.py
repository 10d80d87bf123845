"""Keeping the indexes of a space fast and honest: what each is made of, judged by real queries.

Queries of the other modality come from the library itself: captions ask for pictures, pictures for
captions; and what people asked, where that is remembered. They are what an index must be judged by,
since vectors of the own modality lie among its rows and find their neighbours whatever it is made
of.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import numpy as np

from indexer.types import Modality, Vectors
from indexer.vectors.budget import Budget
from indexer.vectors.samples import Queries, Samples, strangers
from indexer.vectors.structure import Structure
from indexer.vectors.tuned import TunedIndex

Say = Callable[[Modality, str], None]


class Words(Protocol):
    """Gives vectors of texts, float32 (n, dim), embedded by the model of the space."""

    def past(self) -> Vectors:
        """Returns those of texts that were searched for here; none where none are kept."""
        ...

    def phrases(self) -> Vectors:
        """Returns those of texts as people may search for."""
        ...


_OWN, _OTHER = 5_000, 10_000
_TOO_FEW = 100
_SEED = 2
_ASKED_BY = {
    Modality.IMAGE: Modality.TEXT,
    Modality.TEXT: Modality.IMAGE,
    Modality.VIDEO: Modality.TEXT,
}


def tend(
    indexes: Mapping[Modality, TunedIndex],
    budget: Budget | None = None,
    *,
    words: Words | None = None,
    say: Say = lambda _modality, _text: None,
) -> Mapping[Modality, Structure]:
    """Returns what was made anew: indexes that miss their budget, or whose rows changed much.

    Args:
        indexes: The indexes of one space.
        budget: What each may cost from now on; None leaves what each was made for.
        words: Gives texts that were asked, and others for a library with few captions to judge by.
        say: Takes what is done, for people.

    Raises:
        OSError: the files cannot be written.
    """
    done = {}
    for modality, index in indexes.items():
        if index.due(budget) is None:
            continue
        samples = samples_for(modality, indexes, words)
        made = index.tend(samples, budget, partial(say, modality))
        if made is not None:
            done[modality] = made
    return done


def rebuild(
    indexes: Mapping[Modality, TunedIndex],
    budget: Budget | None = None,
    *,
    kind: str | None = None,
    words: Words | None = None,
    say: Say = lambda _modality, _text: None,
) -> Mapping[Modality, Structure]:
    """Returns the structures of all indexes that hold something, made anew from raw vectors.

    Args:
        indexes: The indexes of one space.
        budget: What each may cost; None for what it was made for.
        kind: One of `indexer.vectors.structure.KINDS` or a FAISS factory string, in place of a
            choice.
        words: As for `tend`.
        say: As for `tend`.

    Raises:
        ConfigError: FAISS cannot make the kind.
        OSError: the files cannot be written.
    """
    done = {}
    for modality, index in indexes.items():
        if not len(index):
            continue
        before = index.structure
        done[modality] = index.build(
            samples_for(modality, indexes, words),
            budget or (before.budget if before else Budget()),
            kind=kind,
            say=partial(say, modality),
        )
    return done


def samples_for(
    modality: Modality, indexes: Mapping[Modality, TunedIndex], words: Words | None
) -> Samples:
    """Returns queries for the index of that modality, of its own and of the one it is asked in."""
    random = np.random.default_rng(_SEED)

    def some(of: Modality, most: int) -> Queries:
        index = indexes[of]
        ids = index.ids
        chosen = random.permutation(random.choice(ids, min(most, len(ids)), replace=False))
        return Queries(index.vectors(chosen), chosen)

    other = _ASKED_BY[modality]
    asked = some(other, _OTHER).vectors
    if other is Modality.TEXT and words is not None:
        asked = np.concatenate([asked, words.past()])
        if len(asked) < _TOO_FEW:
            asked = np.concatenate([asked, words.phrases()])
        asked = random.permutation(asked)
    own = Modality.IMAGE if modality is Modality.VIDEO else modality
    return {other: strangers(asked), own: some(modality, _OWN)}
