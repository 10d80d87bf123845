"""How much looks, captions and words say for an item, in one unit, and what that makes together.

The unit is the spread of the scores that a query has over an index: what stands out by four spreads
in its looks and what does so in its captions are about as unlikely by chance. Ranks, which are
fused elsewhere, do not tell: in a library where some pictures have captions, the best caption is a
first even if it is about something else, and whatever has none came after all that have one.

`make bench-words` measures it, and the two numbers.
"""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

AGREED = 0.6
"""Looks and a caption together count 0.6 of their sum, where that is more than looks alone: a
caption that fits helps what looks right, and does not bring up what does not."""
SAID = 1.0
"""What words are worth that hold all that is asked, in spreads, at least. Where they hold a part
only, it is the square of their share."""
_RARE = 1.5
"""The fewer items are found by all the words, the less likely is that by chance: a name that one
file has comes first whatever it shows. So many times the spreads that so small a share lies at."""


def together(looks: NDArray[np.float64], captions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns what looks and the best captions are worth, float64 (n,).

    Args:
        looks: Of each item, in spreads above the mean.
        captions: The same of its best caption; -inf where it has none.
    """
    return np.maximum(looks, AGREED * (looks + captions))


def worth_of_words(shares: Mapping[int, float], rows: int, *, cut: bool) -> dict[int, float]:
    """Returns by id what is worth, in spreads, that words about an item hold those asked.

    Args:
        shares: By id, which share of the words asked it holds.
        rows: How many items there are.
        cut: Whether there may be more than those.
    """
    whole = sum(share == 1 for share in shares.values())
    most = SAID
    if whole and not cut:
        most = max(SAID, _RARE * NormalDist().inv_cdf(1 - whole / (max(rows, whole) + 1)))
    return {id: most if share == 1 else SAID * share**2 for id, share in shares.items()}
