"""The language of queries: `beach -people 2:sunset "golden hour" taken:2019 like:17`.

    query   = { part }                     parts stand apart by blanks
    part    = [ "-" | "+" ] [ weight ":" ] ( word | "(" words ")" | "like:" item )
            | [ "-" ] '"' words '"'
            | [ "-" ] field ":" value { "," value }
    weight  = a number such as 2 or 0.5, before what does not begin with a digit
    item    = id [ "@" left "," top "," width "," height ]

Words without sign or weight are one text, in their order, wherever they stand. With a sign or a
weight a word, or what stands in parentheses, is a term of its own. Quoted words belong to the text,
and must stand in a caption, subtitle or name as well; with "-" they must not. What stands in
parentheses is read as words whatever it is; so are a colon before a blank and a "-" within a word.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from PIL.Image import Image

from indexer.errors import BadQuery
from indexer.filters import Filter, Says
from search_api.conditions import FIELDS, Refused, condition
from search_api.pages import seen_in
from search_api.query import Like, Picture, Query, Region, Term, Text, clean, valid

_WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(?=[^\s\d])")
_NAME = re.compile(r"([A-Za-z]+):(?=\S)")
_ITEM = re.compile(r"(\d+)(?:@([\d.]+),([\d.]+),([\d.]+),([\d.]+))?")
_LIKE = "like"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query in words asks for."""

    terms: tuple[Term, ...]
    filters: tuple[Filter, ...]


def read(text: str) -> Asked:
    """Returns the terms and filters of a query; none for a blank one.

    Raises:
        BadQuery: the text is not of the language; `position` names the character, from 0.
    """
    return _Reader(valid(text)).read()


def parse_query(
    *,
    text: str | None = None,
    image: Image | None = None,
    like: int | None = None,
    **options: Any,
) -> Query:
    """Returns the query for whichever terms are given; blank text counts as not given.

    Args:
        text: A query in words, with terms and filters.
        image: A picture to look for, decoded.
        like: The id of an item to look for.
        **options: Other attributes of `Query`, such as `k` and `target`.

    Raises:
        BadQuery: nothing is given, the text is not of the language, or a bound is broken.
    """
    asked = read(text or "")
    terms = list(asked.terms)
    if image is not None:
        terms.append(Term(Picture(image)))
    if like is not None:
        terms.append(Term(Like(like)))
    return asked_for(Asked(tuple(terms), asked.filters), **options)


def asked_for(asked: Asked, *, cursor: str | None = None, **options: Any) -> Query:
    """Returns the query for what is asked.

    Args:
        asked: Terms and filters.
        cursor: `Answer.next` of the page before.
        **options: Other attributes of `Query`, such as `k` and `target`.

    Raises:
        BadQuery: a bound is broken, or the cursor is not one of this query.
    """
    query = Query(asked.terms, filters=asked.filters, **options)
    return query if cursor is None else replace(query, seen=seen_in(cursor, query))


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._plain: list[str] = []
        self._terms: list[Term] = []
        self._filters: list[Filter] = []

    def read(self) -> Asked:
        while self._skip_blanks():
            self._part()
        plain = clean(" ".join(self._plain))
        first = [Term(Text(plain))] if plain else []
        return Asked((*first, *self._terms), tuple(self._filters))

    def _skip_blanks(self) -> bool:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at < len(self._text)

    def _part(self) -> None:
        begin = self._at
        sign = self._sign()
        weight = self._weight()
        here = self._text[self._at]
        if here == '"':
            self._phrase(begin, sign, weight)
        elif here == "(":
            self._term(self._group(), sign, weight, grouped=True)
        elif name := _NAME.match(self._text, self._at):
            self._field(name[1], name.end(), begin, sign, weight)
        else:
            self._term(self._word(), sign, weight)

    def _sign(self) -> str:
        """Takes a "-" or "+" that something follows; elsewhere they are words like others."""
        here = self._text[self._at]
        following = self._text[self._at + 1 : self._at + 2]
        if here in "+-" and following and not following.isspace() and following not in "+-":
            self._at += 1
            return here
        return ""

    def _weight(self) -> float | None:
        if found := _WEIGHT.match(self._text, self._at):
            self._at = found.end()
            return float(found[1])
        return None

    def _word(self) -> str:
        begin = self._at
        while self._at < len(self._text) and not self._text[self._at].isspace():
            self._at += 1
        return self._text[begin : self._at]

    def _group(self) -> str:
        begin, depth = self._at, 0
        for at in range(begin, len(self._text)):
            depth += {"(": 1, ")": -1}.get(self._text[at], 0)
            if not depth:
                self._at = at + 1
                return self._text[begin + 1 : at]
        raise self._refused("this parenthesis is not closed: write (words that belong together)")

    def _quoted(self) -> str:
        """Takes what stands between two quotation marks."""
        end = self._text.find('"', self._at + 1)
        if end < 0:
            raise self._refused("this quotation mark has no second one")
        inside = self._text[self._at + 1 : end]
        self._at = end + 1
        return inside

    def _term(self, words: str, sign: str, weight: float | None, *, grouped: bool = False) -> None:
        if not (words := clean(words)):
            return
        if not sign and weight is None and not grouped:
            self._plain.append(words)
        else:
            self._terms.append(Term(Text(words), _signed(sign, weight)))

    def _phrase(self, begin: int, sign: str, weight: float | None) -> None:
        phrase = clean(self._quoted())
        if not phrase:
            return
        if sign == "-":
            if weight is not None:
                raise self._refused("quoted words to leave out take no weight", begin)
            self._filters.append(Filter(Says(phrase), excluded=True))
            return
        self._filters.append(Filter(Says(phrase)))
        if weight is None:
            self._plain.append(phrase)
        else:
            self._terms.append(Term(Text(phrase), weight))

    def _field(self, name: str, value_at: int, begin: int, sign: str, weight: float | None) -> None:
        known = name.casefold()
        if known != _LIKE and known not in FIELDS:
            raise self._refused(
                f'there is no field "{name}". The fields are {_LIKE}, {", ".join(FIELDS)}. To '
                f"look for the words themselves, put them in parentheses: ({name}:...)"
            )
        self._at = value_at
        if known == _LIKE:
            self._terms.append(Term(self._like(), _signed(sign, weight)))
            return
        if weight is not None:
            raise self._refused("a filter takes no weight", begin)
        values = self._values()
        try:
            self._filters.append(Filter(condition(known, values), excluded=sign == "-"))
        except Refused as refused:
            raise self._refused(str(refused), value_at) from refused

    def _like(self) -> Like:
        begin = self._at
        found = _ITEM.fullmatch(self._word())
        if not found or any(one.count(".") > 1 or one == "." for one in found.groups() if one):
            raise self._refused(
                "like: takes the id of an item, and a region of it: like:17 or "
                "like:17@0.25,0.25,0.5,0.5 (left, top, width and height as shares)",
                begin,
            )
        sides = found.groups()[1:]
        region = Region(*(float(side) for side in sides)) if sides[0] else None
        return Like(int(found[1]), region)

    def _values(self) -> list[str]:
        """Takes values with commas between them, each quoted or up to a comma or a blank."""
        values: list[str] = []
        while True:
            if self._text[self._at : self._at + 1] == '"':
                values.append(self._quoted())
            else:
                begin = self._at
                while self._at < len(self._text) and not (
                    self._text[self._at].isspace() or self._text[self._at] == ","
                ):
                    self._at += 1
                values.append(self._text[begin : self._at])
            if self._text[self._at : self._at + 1] != ",":
                return values
            self._at += 1

    def _refused(self, why: str, at: int | None = None) -> BadQuery:
        place = self._at if at is None else at
        return BadQuery(f"At character {place + 1} of the query: {why}.", position=place)


def _signed(sign: str, weight: float | None) -> float:
    return (-1 if sign == "-" else 1) * (1.0 if weight is None else weight)
