"""What the index of a space finds as it is searched, beside an exact scan of the same vectors.

The same queries as in `indexer.evaluation.recall`, one caption of each drawn picture and the
pictures themselves, ask the index for its first 24, as many as a page shows. Here everything that
the index holds competes, pictures without captions and moments of films too, and each caption
counts by itself; so these figures are those of recall only where every picture has its captions,
and the exact scan is there to tell what the index loses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.evaluation.pairs import Numbers, Pairs
from indexer.evaluation.recall import Change, Estimate, Ranks, Recall, change, means, summarise
from indexer.evaluation.space import draw_pairs
from indexer.types import Ids, Matches, Modality, VectorIndex, Vectors

DEPTH = 24
MOST_QUERIES = 1_000
_TEN = 10
_TIE = 1e-6
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Questions:
    """Captions and pictures whose right answers are known; row i of both is about one picture.

    `texts` and `images` float32 (n, dim); `pictures` and `captions` are, for each text and for each
    image, the ids that are right, int64.
    """

    texts: Vectors
    images: Vectors
    pictures: Sequence[Ids]
    captions: Sequence[Ids]


@dataclass(frozen=True, slots=True)
class Searched:
    """What an index finds as it is searched, beside what there is to find.

    Recall and ranks among the first 24 only: a median rank of 25 says that more than half were not
    among them. `loss` is live less exact; `found` the share of the true ten best that the index
    finds, for texts and for images as queries.
    """

    queries: int
    exact: Recall
    live: Recall
    loss: Change
    found: Mapping[Modality, Estimate]


def questions(
    pairs: Pairs, pictures: Ids, captions: Ids, *, most: int = MOST_QUERIES, seed: int = 0
) -> Questions:
    """Returns a text and an image for each of at most `most` pictures, with what is right.

    Captions that say the same are right for all pictures that bear one of them.

    Args:
        pairs: Vectors of captions and their pictures.
        pictures: int64 (images,), their ids.
        captions: int64 (texts,), their ids.
        most: How many pictures to draw where there are more.
        seed: Decides which, and which of their captions.
    """
    of_texts, of_images = draw_pairs(pairs.about, most=most, seed=seed)
    by_word, by_picture = _Groups(pairs.words), _Groups(pairs.about)
    same = [np.unique(pairs.words[by_picture[row]]) for row in of_images.tolist()]
    return Questions(
        pairs.texts[of_texts],
        pairs.images[of_images],
        [
            np.unique(pictures[pairs.about[by_word[word]]])
            for word in pairs.words[of_texts].tolist()
        ],
        [captions[np.concatenate([by_word[word] for word in some.tolist()])] for some in same],
    )


def searched(
    asked: Questions,
    exact: Mapping[Modality, VectorIndex],
    live: Mapping[Modality, VectorIndex],
    *,
    seed: int = 0,
) -> Searched:
    """Returns what the live index of pictures and captions finds beside the exact one.

    Args:
        asked: What to look for.
        exact: Indexes that scan all vectors, of IMAGE and TEXT.
        live: The same vectors, as they are searched.
        seed: Decides the bootstrap.
    """
    truth, answers = (
        {
            Modality.TEXT: list(_asking(asked.texts, one[Modality.IMAGE])),
            Modality.IMAGE: list(_asking(asked.images, one[Modality.TEXT])),
        }
        for one in (exact, live)
    )
    before, after = (
        Ranks(
            _ranks(found[Modality.TEXT], asked.pictures),
            _ranks(found[Modality.IMAGE], asked.captions),
            np.arange(len(asked.texts)),
        )
        for found in (truth, answers)
    )
    rows = np.arange(len(asked.texts))
    found = {
        modality: means({_TEN: _shares(answers[modality], truth[modality])}, rows, seed=seed)[_TEN]
        for modality in (Modality.TEXT, Modality.IMAGE)
    }
    return Searched(
        len(rows),
        summarise(before, seed=seed),
        summarise(after, seed=seed),
        change(before, after, seed=seed),
        found,
    )


class _Groups:
    """The rows of each number, ascending."""

    def __init__(self, numbers: Numbers) -> None:
        self._order = np.argsort(numbers, kind="stable")
        self._sorted = numbers[self._order]

    def __getitem__(self, number: int) -> Numbers:
        low, high = np.searchsorted(self._sorted, (number, number + 1))
        return self._order[low:high]


def _asking(vectors: Vectors, index: VectorIndex) -> Iterator[Matches]:
    for start in range(0, len(vectors), _AT_ONCE):
        found = index.search(vectors[start : start + _AT_ONCE], DEPTH)
        for ids, scores in zip(found.ids, found.scores, strict=True):
            yield Matches(ids, scores)


def _ranks(found: Sequence[Matches], right: Sequence[Ids]) -> Numbers:
    ranks = np.full(len(found), DEPTH + 1, np.int64)
    for row, (matches, ids) in enumerate(zip(found, right, strict=True)):
        at = np.flatnonzero(np.isin(matches.ids, ids))
        if len(at):
            ranks[row] = at[0] + 1
    return ranks


def _shares(found: Sequence[Matches], truth: Sequence[Matches]) -> NDArray[np.float64]:
    """Returns the share of the true ten best that was found; what scores the same is as good."""
    shares = []
    for one, true in zip(found, truth, strict=True):
        ten = true.scores[:_TEN][true.ids[:_TEN] >= 0]
        good = one.scores[:_TEN] >= ten[-1] - _TIE if len(ten) else np.ones(1, bool)
        shares.append(good.sum() / max(len(ten), 1))
    return np.array(shares, np.float64)
