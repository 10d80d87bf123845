"""What may be asked: the terms of a query, their bounds, and the one place that checks them."""

from dataclasses import dataclass

from PIL.Image import Image

from indexer.errors import BadQuery
from indexer.types import Modality

DEFAULT_K = 24
MAX_K = 200
MAX_TEXT = 1000
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Text:
    """Words to look for."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to look for, decoded: RGB and upright."""

    image: Image


@dataclass(frozen=True, slots=True)
class Like:
    """An item of the library to look for by its stored vector."""

    id: int


Term = Text | Picture | Like


@dataclass(frozen=True, slots=True)
class Query:
    """One or more terms, searched together, for the `k` best items of the target modality.

    Raises:
        BadQuery: a bound is broken.
    """

    terms: tuple[Term, ...]
    k: int = DEFAULT_K
    target: Modality = Modality.IMAGE

    def __post_init__(self) -> None:
        if not self.terms:
            raise BadQuery("The query is empty: give a text, a picture or an item to search by.")
        if not 1 <= self.k <= MAX_K:
            raise BadQuery(f"k is {self.k}: ask for 1 to {MAX_K} results.")
        for term in self.terms:
            match term:
                case Text(text) if not text:
                    raise BadQuery("The text of the query is empty: give at least one word.")
                case Text(text) if len(text) > MAX_TEXT:
                    raise BadQuery(
                        f"The text of the query has {len(text):,} characters: "
                        f"shorten it to {MAX_TEXT:,}."
                    )
                case Like(id) if not 0 <= id <= MAX_ID:
                    raise BadQuery(f"{id} is no item id: ids are whole numbers from 0 to 2^63-1.")


def parse_query(
    *,
    text: str | None = None,
    image: Image | None = None,
    like: int | None = None,
    k: int = DEFAULT_K,
    target: Modality = Modality.IMAGE,
) -> Query:
    """Returns the query for whichever terms are given; blank text counts as not given.

    Raises:
        BadQuery: nothing is given, or a bound is broken.
    """
    terms: list[Term] = []
    if text is not None and (words := clean(text)):
        terms.append(Text(words))
    if image is not None:
        terms.append(Picture(image))
    if like is not None:
        terms.append(Like(like))
    return Query(tuple(terms), k=k, target=target)


def clean(text: str) -> str:
    """Returns the text with each run of white space as one blank, trimmed, and valid Unicode.

    Bytes that were no UTF-8 reach a program's arguments as lone surrogates, on which tokenizers
    and JSON fail; each becomes a question mark.
    """
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())
