"""How likely the hits of a search are what was asked for, and what an answer is worth.

A search always returns something. Whether it is right is told by the cosine, but not by the same
one for every query: what a short name finds lies nearer than what a long sentence finds, because a
sentence says more than any picture shows. So the calibration knows the number of telling words. It
belongs to one model, since each model's cosines have a range of their own.

Spreads of scores over the library do not help here, though they do in fusing terms: a library full
of dogs has high scores for dogs everywhere, and "stands out" would call all of them unlikely.
`make bench-relevance` measures it, and fits it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, log

from indexer.types import Hit
from indexer.wording import words_of

_TOP = 3
_STRONG, _NOTHING, _LIKELY = 0.8, 0.2, 0.5


class Verdict(StrEnum):
    """What an answer is worth: its best hits are right, may be, or the library has nothing such."""

    STRONG = "strong"
    WEAK = "weak"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic in the cosine and in the logarithm of one more than the number of telling words.

    It was fitted so that queries with and without a right answer weigh the same.
    """

    cosine: float
    words: float
    offset: float

    def probability(self, cosine: float, text: str) -> float:
        """Returns how likely a picture of this cosine is what the text asks for, from 0 to 1."""
        told = log(len(words_of(text)) + 1)
        return 1 / (1 + exp(-(self.cosine * cosine + self.words * told + self.offset)))


CALIBRATIONS = {
    # pocket: fitted on half of 116 names, bare and in "a photo of a ...", asked of 10,599 classed
    # photos with and without the class and of 7,096 of Flickr8k, and of 600 captions of Flickr8k
    # asked of their photos and of the classed ones. On the other half: AUC 0.954 (cosine alone
    # 0.904), right side of one half 89.9 % (the best flat cosine 84.4 %), expected error 0.026.
    "131c5ea7670afe4a": Calibration(65.4, 3.97, -34.9),
}
"""By the fingerprint of the model."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Hits with their probabilities, what the answer is worth, and how many hits are likely.

    `likely` counts from the first on. It and `verdict` are None where nothing is known of the model
    or of such queries.
    """

    hits: Sequence[Hit]
    verdict: Verdict | None = None
    likely: int | None = None


def judge(hits: Sequence[Hit], text: str | None, calibration: Calibration | None) -> Judgement:
    """Returns the judgement on the hits of a search for pictures.

    Args:
        hits: In the order in which they are shown.
        text: What was asked for; None where that was not one text alone.
        calibration: That of the model; None where there is none.
    """
    if text is None or calibration is None:
        return Judgement(hits)
    judged = [replace(hit, probability=calibration.probability(hit.score, text)) for hit in hits]
    said = [_says_all(hit, text) for hit in hits]
    top = sorted((hit.score for hit in hits), reverse=True)[:_TOP]
    worth = calibration.probability(sum(top) / len(top), text) if top else 0.0
    if worth >= _STRONG or any(said[:_TOP]):
        verdict = Verdict.STRONG
    elif worth < _NOTHING and not any(said):
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
