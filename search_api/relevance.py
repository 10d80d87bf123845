"""How likely the hits of a search are what was asked for, and what an answer is worth.

A search always returns something. Whether it is right is told by the cosine, but not by the same
one for every query: what a short name finds lies nearer than what a long sentence finds, because a
sentence says more than any picture shows; and the best of many pictures lies nearer by chance than
the best of few. So the calibration (indexer.calibration) knows the number of telling words and of
pictures searched. It belongs to one space, since each model's cosines have a range of their own.

Spreads of scores over the library do not help here, though they do in fusing terms: a library full
of dogs has high scores for dogs everywhere, and "stands out" would call all of them unlikely.
`make bench-relevance` measures it, and fits it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from indexer.calibration import NOTHING, STRONG, TOP, Calibration
from indexer.types import Hit
from indexer.wording import words_of

_LIKELY = 0.5


class Verdict(StrEnum):
    """What an answer is worth: its best hits are right, may be, or the library has nothing such."""

    STRONG = "strong"
    WEAK = "weak"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hits with their probabilities, what the answer is worth, and how many hits are likely.

    `likely` counts from the first on. It and `verdict` are None where nothing is known of the space
    or of such queries.
    """

    hits: Sequence[Hit]
    verdict: Verdict | None = None
    likely: int | None = None


def judge(
    hits: Sequence[Hit], text: str | None, calibration: Calibration | None, searched: int
) -> Judgement:
    """Returns the judgement on the hits of a search for pictures.

    Args:
        hits: In the order in which they are shown.
        text: What was asked for; None where that was not one text alone.
        calibration: That of the space; None where there is none.
        searched: How many pictures there are to find.
    """
    if text is None or calibration is None:
        return Judgement(hits)

    def probability(cosine: float) -> float:
        return calibration.probability(cosine, text, searched)

    judged = [replace(hit, probability=probability(hit.score)) for hit in hits]
    said = [_says_all(hit, text) for hit in hits]
    top = sorted((hit.score for hit in hits), reverse=True)[:TOP]
    worth = probability(sum(top) / len(top)) if top else 0.0
    if worth >= STRONG or any(said[:TOP]):
        verdict = Verdict.STRONG
    elif worth < NOTHING and not any(said):
        verdict = Verdict.NOTHING
    else:
        verdict = Verdict.WEAK
    if verdict is Verdict.NOTHING:
        return Judgement(judged, verdict, 0)
    fits = [
        says or (hit.probability or 0.0) >= _LIKELY for hit, says in zip(judged, said, strict=True)
    ]
    return Judgement(judged, verdict, _longest(fits))


def _longest(fits: Sequence[bool]) -> int:
    """Returns how many of the first to take so that those that fit most outnumber the others."""
    best = balance = most = 0
    for count, one in enumerate(fits, start=1):
        balance += 1 if one else -1
        if one and balance >= most:
            most, best = balance, count
    return best


def _says_all(hit: Hit, text: str) -> bool:
    """Whether words about the hit hold every telling word of the text."""
    words = words_of(text)
    return any(
        reason.text is not None and all(word in reason.text.casefold() for word in words)
        for reason in hit.reasons
    )
