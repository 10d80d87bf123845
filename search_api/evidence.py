"""How much looks, captions and words say for an item, in one unit, and what that makes together.

The unit is the spread of the scores that a query has over an index: what stands out by four spreads
in its looks and what does so in its captions are about as unlikely by chance. Ranks, which are
fused elsewhere, do not tell: in a library where some pictures have captions, the best caption is a
first even if it is about something else, and whatever has none came after all that have one.

`make bench-words` measures it, and the two numbers.
"""

from collections.abc import Sequence
from statistics import NormalDist

from indexer.types import Reason
from indexer.wording import held

AGREED = 0.6
"""Looks and a caption together count 0.6 of their sum, where that is more than looks alone: a
caption that fits helps what looks right, and does not bring up what does not."""
SAID = 1.0
"""What words are worth that hold all that is asked, in spreads, at least. Where they hold a part
only, it is the square of their share."""
_RARE = 1.5
"""The fewer items are found by all the words, the less likely is that by chance: a name that one
file has comes first whatever it shows. So many times the spreads that so small a share lies at."""


def together(looks: float, caption: float | None) -> float:
    """Returns what looks and the best caption are worth, both in spreads above the mean."""
    return looks if caption is None else max(looks, AGREED * (looks + caption))


def worth_of_words(
    words: str, found: Sequence[tuple[int, Reason]], rows: int, *, cut: bool
) -> dict[int, float]:
    """Returns by id what is worth, in spreads, that words about an item hold those asked.

    Args:
        words: What is asked.
        found: Ids, and where their words stand.
        rows: How many items there are.
        cut: Whether there may be more than those found.
    """
    shares = {id: held(words, reason.text or "") for id, reason in found}
    whole = sum(share == 1 for share in shares.values())
    most = SAID
    if whole and not cut:
        most = max(SAID, _RARE * NormalDist().inv_cdf(1 - whole / (max(rows, whole) + 1)))
    return {id: most if share == 1 else SAID * share**2 for id, share in shares.items()}
