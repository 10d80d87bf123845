"""What the cosines of a space are worth: how likely a picture is what a text asked for.

Each model's cosines have a range of their own, so a calibration belongs to one space. `pocket`
comes with one; any other is fitted to the library by its own captions
(indexer.evaluation.calibrating) and kept beside the vectors:

    spaces/NAME/relevance.json   the fields of `Fitted`, and {"format": 1}
"""

import json
from dataclasses import asdict, dataclass
from math import exp, isfinite, log
from pathlib import Path
from typing import Any

from indexer.errors import IndexMismatch, Unavailable
from indexer.vectors.durable import write_atomically
from indexer.wording import words_of

FORMAT = 1
FILE = "relevance.json"
TOP = 3
"""An answer is judged by the mean cosine of so many of its best pictures."""
STRONG, NOTHING = 0.8, 0.2
"""From this probability on an answer is strong, below that there is nothing such."""
_FARTHEST = 700.0  # exp of more is no float


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic in the cosine, in the logarithm of one more than the number of telling words, and
    in that of the number of pictures searched.

    It was fitted so that queries with and without a right answer weigh the same. Libraries smaller
    or larger than those it was fitted on, `sizes`, count like the nearest of these, and so do texts
    of fewer or more telling words than `lengths`.
    """

    cosine: float
    words: float
    offset: float
    size: float = 0.0
    sizes: tuple[int, int] = (1, 1)
    lengths: tuple[int, int] = (0, 1_000)

    def probability(self, cosine: float, text: str, searched: int) -> float:
        """Returns how likely a picture of this cosine is what the text asks for, from 0 to 1.

        Args:
            cosine: That of the picture and the text.
            text: What was asked for.
            searched: How many pictures there are to find.
        """
        told = log(_within(len(words_of(text)), self.lengths) + 1)
        size = log(_within(searched, self.sizes))
        total = self.cosine * cosine + self.words * told + self.size * size + self.offset
        return 1 / (1 + exp(min(-total, _FARTHEST)))


BUILT_IN = {
    # pocket: fitted on half of some 100 names of classes and 14 everyday words, bare and in "a
    # photo of a ...", and of 600 captions, asked of three libraries with and without what is meant:
    # 1,007 classed photos and 1,091 of Flickr8k that the model was not trained on, and all 10,599
    # classed photos, most of which it was. How it does on the other half: docs/asking.md.
    "131c5ea7670afe4a": Calibration(36.5, 0.34, -2.9, size=-1.63, sizes=(1_007, 10_599)),
}
"""By the fingerprint of the model."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How a calibration does on queries that it was not fitted on, as shares.

    Attributes:
        queries: How many there were, with and without an answer.
        auc: How often the query with an answer has the higher cosine of two of the same kind.
        auc_low: Lower end of its 95 % interval.
        auc_high: Upper end of it.
        right_side: How often the probability is on the right side of one half.
        error: Expected calibration error.
        strong_right: Of answers called strong, how many are; None where none was.
        strong_given: Of queries with an answer, how many are called strong.
        nothing_right: Of answers called nothing, how many are; None where none was.
        nothing_given: Of queries without an answer, how many are called nothing.
    """

    queries: int
    auc: float
    auc_low: float
    auc_high: float
    right_side: float
    error: float
    strong_right: float | None
    strong_given: float
    nothing_right: float | None
    nothing_given: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of fitting a calibration to a space.

    Attributes:
        fingerprint: That of the space.
        on: When, ISO 8601.
        pictures: How many pictures and moments could be found then.
        captions: How many captions the library had then.
        asked_about: How many pictures with captions were asked for.
        figures: How it did on the half of the queries that was held out; None where too little
            could be asked.
        calibration: None where it was refused.
        refused: Why it was refused, in words.
    """

    fingerprint: str
    on: str
    pictures: int
    captions: int
    asked_about: int
    figures: Figures | None
    calibration: Calibration | None = None
    refused: str | None = None


def read_fitted(space: Path, fingerprint: str) -> Fitted | None:
    """Returns what was fitted to the space in that folder; None if nothing was.

    What was fitted to a space of another fingerprint counts as nothing.

    Raises:
        IndexMismatch: a newer atisbo made it.
        Unavailable: relevance.json is damaged.
    """
    path = space / FILE
    try:
        stored: dict[str, Any] = json.loads(path.read_bytes())
        if stored.pop("format") > FORMAT:
            raise IndexMismatch(f"{path} is of a newer atisbo. Update atisbo, or delete the file.")
        calibration = stored.pop("calibration")
        figures = stored.pop("figures")
        made = Fitted(
            **stored,
            figures=None if figures is None else Figures(**figures),
            calibration=None if calibration is None else _read(calibration),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise Unavailable(
            f"{path} is damaged: {error}. Delete it; atisbo calibrate makes it anew"
        ) from error
    return made if made.fingerprint == fingerprint else None


def write_fitted(space: Path, fitted: Fitted) -> None:
    """Makes it the calibration of the space in that folder, in one step."""
    stored = {"format": FORMAT, **asdict(fitted)}
    write_atomically(space / FILE, json.dumps(stored, indent=1).encode())


def drop_fitted(space: Path) -> None:
    """Leaves the space in that folder with what comes with its model, if anything does."""
    (space / FILE).unlink(missing_ok=True)


def calibration_of(space: Path, fingerprint: str) -> Calibration | None:
    """Returns the calibration of the space in that folder: the one fitted to it, or the built-in.

    Raises:
        IndexMismatch: a newer atisbo made it.
        Unavailable: relevance.json is damaged.
    """
    fitted = read_fitted(space, fingerprint)
    if fitted is not None and fitted.calibration is not None:
        return fitted.calibration
    return BUILT_IN.get(fingerprint)


def _read(stored: dict[str, Any]) -> Calibration:
    """Returns the stored calibration.

    Raises:
        ValueError: a number is none, or a nearer picture would count as less likely.
    """
    names = ("cosine", "words", "offset", "size")
    cosine, words, offset, size = numbers = [float(stored[name]) for name in names]
    if not all(map(isfinite, numbers)) or cosine <= 0:
        raise ValueError("its numbers are no calibration")
    sizes, lengths = _range(stored["sizes"]), _range(stored["lengths"])
    return Calibration(cosine, words, offset, size, sizes, lengths)


def _range(stored: list[int]) -> tuple[int, int]:
    low, high = map(int, stored)
    return low, high


def _within(number: int, limits: tuple[int, int]) -> int:
    return min(max(number, limits[0]), limits[1])
