"""Results that are as good as one: near-duplicates, and moments of the same film."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.types import Hit, Vectors

SAME = 0.95
"""The least cosine between pictures that count as one among results; far above where
`atisbo duplicates` begins, which looks at the pictures as well: see the table there."""


@dataclass(frozen=True, slots=True)
class Group:
    """Hits that count as one, best first."""

    hits: tuple[Hit, ...]
    film: int | None = None

    @property
    def leader(self) -> Hit:
        return self.hits[0]


def grouped(
    hits: Sequence[Hit], vectors: Mapping[int, Vectors], films: Mapping[int, int]
) -> list[Group]:
    """Returns the hits in groups, each at the place of its best one.

    Moments go to their film's group, all else to the first group whose best hit is nearly the same.

    Args:
        hits: Best first.
        vectors: By id, float32 (dim,) of unit length; those without one stay alone.
        films: The film of each moment, by the moment's id.
    """
    groups: list[list[Hit]] = []
    of_film: dict[int, int] = {}
    leaders: list[int] = []
    rows = np.empty((len(hits), len(next(iter(vectors.values()), ()))), np.float32)
    for hit in hits:
        film, vector = films.get(hit.item.id), vectors.get(hit.item.id)
        place = None
        if film is not None:
            place = of_film.setdefault(film, len(groups))
        elif vector is not None and leaders:
            alike = np.einsum("nd,d->n", rows[: len(leaders)], vector)
            if alike.max() >= SAME:
                place = leaders[int(np.argmax(alike))]
        if place is not None and place < len(groups):
            groups[place].append(hit)
            continue
        if film is None and vector is not None:
            rows[len(leaders)] = vector
            leaders.append(len(groups))
        groups.append([hit])
    return [Group(tuple(one), films.get(one[0].item.id)) for one in groups]
