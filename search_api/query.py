"""What may be asked: the terms of a query, their bounds, and the one place that checks them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from PIL.Image import Image

from indexer.errors import BadQuery
from indexer.filters import Filter, Is, Shown
from indexer.types import Modality

DEFAULT_K = 24
MAX_K = 200
MAX_TEXT = 1000
MAX_ID = 2**63 - 1
MAX_TERMS = 32
MAX_FILTERS = 32
MAX_JUDGED = 200
MAX_WEIGHT = 100.0
_SMALLEST_REGION = 0.01


@dataclass(frozen=True, slots=True)
class Text:
    """Words to look for."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to look for, decoded: RGB and upright."""

    image: Image


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a picture, in shares of its width and height from the upper left corner."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Like:
    """An item of the library to look for by its stored vector, or a region of its picture."""

    id: int
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to look for, or, where the weight is below 0, to look away from."""

    what: Text | Picture | Like
    weight: float = 1.0


class Target(StrEnum):
    """What to find.

    IMAGE: pictures and moments of films, PICTURE and MOMENT only these; TEXT: captions; VIDEO:
    whole films; ALL: any of them, in one ranking.
    """

    IMAGE = "image"
    PICTURE = "picture"
    MOMENT = "moment"
    TEXT = "text"
    VIDEO = "video"
    ALL = "all"

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The indexes that hold such things."""
        match self:
            case Target.TEXT:
                return (Modality.TEXT,)
            case Target.VIDEO:
                return (Modality.VIDEO,)
            case Target.ALL:
                return (Modality.IMAGE, Modality.TEXT, Modality.VIDEO)
        return (Modality.IMAGE,)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """What an item of those indexes must fulfil besides."""
        match self:
            case Target.PICTURE:
                return (Filter(Is(Shown.PICTURE)),)
            case Target.MOMENT:
                return (Filter(Is(Shown.MOMENT)),)
        return ()


class Fusion(StrEnum):
    """How several terms become one ranking.

    SPACE: one search for the weighted sum of their vectors; RANKS: a search for each, and the
    ranks in these lists are fused.
    """

    SPACE = "space"
    RANKS = "ranks"


class Sort(StrEnum):
    """The order of the results."""

    SCORE = "score"
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Query:
    """Terms, searched together, for the `k` best items of the target that pass all filters.

    Without any term it asks for what passes the filters, newest first.

    Attributes:
        terms: What to look for.
        k: How many results at most.
        target: What to find.
        filters: What every result fulfils.
        fusion: How several terms become one ranking.
        sort: The order of the results.
        words: Whether the words of the query are looked up in captions, subtitles and names too.
        diversity: From 0, best first, to 1, as different from one another as may be.
        collapse: Whether near-duplicates, and moments of one film, come as one result.
        more: Items that are right: the search goes on towards what they share.
        less: Items that are wrong: it goes away from them.
        seen: Ids that were shown on the pages before, which this one leaves out.

    Raises:
        BadQuery: a bound is broken.
    """

    terms: tuple[Term, ...] = ()
    k: int = DEFAULT_K
    target: Target = Target.IMAGE
    filters: tuple[Filter, ...] = ()
    fusion: Fusion = Fusion.SPACE
    sort: Sort = Sort.SCORE
    words: bool = True
    diversity: float = 0.0
    collapse: bool = False
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()
    seen: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not (self.terms or self.more or self.filters):
            raise BadQuery("The query is empty: give a text, a picture or an item to search by.")
        if (self.terms or self.less) and not self.finds:
            raise BadQuery("The query only says what not to find: name something to find as well.")
        if not 1 <= self.k <= MAX_K:
            raise BadQuery(f"k is {self.k}: ask for 1 to {MAX_K} results.")
        if not 0 <= self.diversity <= 1:
            raise BadQuery(f"diversity is {self.diversity}: give a number from 0 to 1.")
        for what, parts, most in (
            ("terms", self.terms, MAX_TERMS),
            ("filters", self.filters, MAX_FILTERS),
            ("items to find more or less of", (*self.more, *self.less), MAX_JUDGED),
        ):
            if len(parts) > most:
                raise BadQuery(f"The query has {len(parts)} {what}: give {most} at most.")
        for term in self.terms:
            _check(term)
        for id in (*self.more, *self.less):
            _check_id(id)

    @property
    def finds(self) -> bool:
        """Whether it says what to find, not just what to leave out."""
        return bool(self.more) or any(term.weight > 0 for term in self.terms)

    @property
    def every_filter(self) -> tuple[Filter, ...]:
        """The filters, and those that the target implies."""
        return (*self.target.filters, *self.filters)


def _check(term: Term) -> None:
    if not (isfinite(term.weight) and 0 < abs(term.weight) <= MAX_WEIGHT):
        raise BadQuery(
            f"A weight is {term.weight:g}: give one from {-MAX_WEIGHT:g} to {MAX_WEIGHT:g}, "
            "but not 0."
        )
    match term.what:
        case Text(text) if not text:
            raise BadQuery("The text of the query is empty: give at least one word.")
        case Text(text) if len(text) > MAX_TEXT:
            raise BadQuery(
                f"The text of the query has {len(text):,} characters: shorten it to {MAX_TEXT:,}."
            )
        case Like(id, region):
            _check_id(id)
            if region is not None:
                _check_region(region)


def _check_id(id: int) -> None:
    if not 0 <= id <= MAX_ID:
        raise BadQuery(f"{id} is no item id: ids are whole numbers from 0 to 2^63-1.")


def _check_region(region: Region) -> None:
    inside = (
        min(region.left, region.top) >= 0
        and min(region.width, region.height) >= _SMALLEST_REGION
        and region.left + region.width <= 1 + 1e-6
        and region.top + region.height <= 1 + 1e-6
    )
    if not inside:
        raise BadQuery(
            f"The region {region.left:g},{region.top:g},{region.width:g},{region.height:g} does "
            "not lie within its picture: left, top, width and height are shares from 0 to 1, "
            f"width and height {_SMALLEST_REGION:g} at least."
        )


def clean(text: str) -> str:
    """Returns the text with each run of white space as one blank, trimmed, and valid Unicode.

    Bytes that were no UTF-8 reach a program's arguments as lone surrogates, on which tokenizers
    and JSON fail; each becomes a question mark.
    """
    return " ".join(valid(text).split())


def valid(text: str) -> str:
    """Returns the text with a question mark for each byte that was no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def texts_of(terms: Sequence[Term]) -> list[str]:
    """Returns the texts to find, without those to look away from."""
    return [term.what.text for term in terms if isinstance(term.what, Text) and term.weight > 0]
