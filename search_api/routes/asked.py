"""A query as it comes over HTTP: parameters, the parts of a form, or JSON."""

import base64
import binascii
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Annotated, Any, BinaryIO, Self

from flask import request
from flask_openapi3.models.file import FileStorage
from PIL.Image import Image
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema
from werkzeug.datastructures import FileStorage as SentFile

from indexer.errors import BadQuery
from indexer.filters import Filter
from search_api.conditions import FIELDS, Refused, condition
from search_api.grammar import Asked, asked_for, read
from search_api.query import (
    DEFAULT_K,
    MAX_FILTERS,
    MAX_ID,
    MAX_JUDGED,
    MAX_K,
    MAX_TERMS,
    MAX_TEXT,
    MAX_WEIGHT,
    Fusion,
    Like,
    Picture,
    Query,
    Region,
    Sort,
    Target,
    Term,
    Text,
    clean,
)
from search_api.routes.document import Parameters, example, optional

MAX_CURSOR = 40_000
_IN_WORDS = (
    "What to look for, in words. Besides plain words: `-word` and `-(some words)` to look away "
    'from, `2:word` with a weight, `"some words"` that must stand in a caption, subtitle or name, '
    "`like:17` for an item, and filters such as `taken:2019-07`, `folder:holidays`, "
    f"`-tag:work`. Fields: {', '.join(FIELDS)}. README.md has the whole language."
)


def _known(id: int) -> int:
    if not 0 <= id <= MAX_ID:
        raise ValueError(f"{id} is no item id: ids are whole numbers from 0 to 2^63-1")
    return id


Id = Annotated[int, Field(ge=0, le=MAX_ID), AfterValidator(_known)]


class Options(Parameters):
    """How to answer, the same for each way to ask."""

    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many results at most.")
    target: Target = Field(
        Target.IMAGE,
        description="What to find: `image` for pictures and moments of films, `picture` or "
        "`moment` for only these, `text` for captions, `video` for whole films, `all` for any of "
        "them in one ranking.",
    )
    words: bool = Field(
        True,
        description="Whether captions, subtitles and names that fit the words count too, not "
        "just how things look.",
    )
    fusion: Fusion = Field(
        Fusion.SPACE,
        description="How several terms become one ranking: `space` searches once, for their "
        "weighted sum; `ranks` searches for each and fuses the ranks.",
    )
    sort: Sort = Field(
        Sort.SCORE,
        description="`score` for best first; `newest` or `oldest` put the best 200 in order of "
        "when they were taken. Without anything to look for, all that pass the filters come "
        "newest first, or oldest first.",
    )
    diversity: float = Field(
        0.0, ge=0, le=1, description="From 0, best first, to 1, as different as may be."
    )
    collapse: bool = Field(
        False,
        description="Whether near-duplicates, and moments of one film, come as one hit, with the "
        "others in its `group` and, of a film, the best `scenes`.",
    )
    cursor: str | SkipJsonSchema[None] = Field(
        None,
        max_length=MAX_CURSOR,
        description="`next` of the answer before, for what follows; all else as it was asked then.",
        json_schema_extra=optional(None),
    )

    def query(self, asked: Asked, more: Sequence[int] = (), less: Sequence[int] = ()) -> Query:
        """Returns the query.

        Raises:
            BadQuery: a bound is broken, or the cursor is not one of this query.
        """
        return asked_for(
            asked,
            cursor=self.cursor,
            k=self.k,
            target=self.target,
            words=self.words,
            fusion=self.fusion,
            sort=self.sort,
            diversity=self.diversity,
            collapse=self.collapse,
            more=tuple(more),
            less=tuple(less),
        )


class SearchQuery(Options):
    """Parameters of a search by text, by an item, or by both."""

    q: str | SkipJsonSchema[None] = Field(
        None,
        max_length=MAX_TEXT,
        description=_IN_WORDS,
        json_schema_extra=optional("a dog running on the beach -people"),
    )
    like: Id | SkipJsonSchema[None] = Field(
        None,
        description="An item's id: look for what is like it. With `q`, for what is like both. Of "
        "a film its own moments are left out, and of a moment its own film.",
        json_schema_extra=optional(None),
    )

    def asked(self) -> Query:
        """Returns the query; raises BadQuery."""
        words = read(self.q or "")
        terms = () if self.like is None else (Term(Like(self.like)),)
        return self.query(Asked((*words.terms, *terms), words.filters))


class SearchForm(Options):
    """Parts of a search by a picture, alone or together with a text."""

    image: FileStorage = Field(
        description="The picture, in any format that can be indexed; at most 32 MB."
    )
    q: str | SkipJsonSchema[None] = Field(
        None, max_length=MAX_TEXT, description=_IN_WORDS, json_schema_extra=optional("at night")
    )

    @field_validator("image", mode="before")
    @classmethod
    def is_a_file(cls, image: object) -> object:
        if not isinstance(image, SentFile):
            raise ValueError("send the picture as a file, not as text")
        return image

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Returns the form as it was sent.

        flask-openapi3 reads each field as JSON first, which turns the text "007" or "true" into
        something else (flask_openapi3/request.py, _validate_form); so its reading is not used.
        """
        sent = {**request.form.to_dict(), **request.files.to_dict()}
        return super().model_validate(sent, **options)

    def asked(self, image: Image) -> Query:
        """Returns the query for the decoded picture; raises BadQuery."""
        words = read(self.q or "")
        return self.query(Asked((*words.terms, Term(Picture(image))), words.filters))


class RegionBody(BaseModel):
    """A part of a picture, in shares of its width and height from the upper left corner."""

    model_config = ConfigDict(extra="forbid")

    left: float = Field(ge=0, le=1, json_schema_extra=example(0.25))
    top: float = Field(ge=0, le=1, json_schema_extra=example(0.25))
    width: float = Field(gt=0, le=1, json_schema_extra=example(0.5))
    height: float = Field(gt=0, le=1, json_schema_extra=example(0.5))


class TermBody(BaseModel):
    """One thing to look for: exactly one of `text`, `item` and `image`."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = Field(
        None, max_length=MAX_TEXT, description="Words, taken as they are.",
        json_schema_extra=example("sunset"),
    )  # fmt: skip
    item: int | None = Field(
        None, ge=0, le=MAX_ID, description="An item's id.", json_schema_extra=example(None)
    )
    region: RegionBody | None = Field(
        None, description="With `item`: the part of its picture to look for.",
        json_schema_extra=example(None),
    )  # fmt: skip
    image: str | None = Field(
        None, description="A picture file in base64.", json_schema_extra=example(None)
    )
    weight: float = Field(
        1.0, ge=-MAX_WEIGHT, le=MAX_WEIGHT,
        description="How much it counts; below 0 to look away from it. Not 0.",
    )  # fmt: skip

    @model_validator(mode="after")
    def is_one_thing(self) -> Self:
        if sum(one is not None for one in (self.text, self.item, self.image)) != 1:
            raise ValueError("a term has exactly one of text, item and image")
        if self.region is not None and self.item is None:
            raise ValueError("a region goes with an item")
        return self

    def term(self, decode: Callable[[BinaryIO], Image]) -> Term:
        """Returns the term; raises BadQuery."""
        if self.text is not None:
            return Term(Text(clean(self.text)), self.weight)
        if self.item is not None:
            region = Region(**self.region.model_dump()) if self.region else None
            return Term(Like(self.item, region), self.weight)
        assert self.image is not None, "a term is one thing"
        try:
            content = base64.b64decode(self.image, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadQuery("The image of a term is not in base64.") from error
        return Term(Picture(decode(BytesIO(content))), self.weight)


class FilterBody(BaseModel):
    """What every result must fulfil."""

    model_config = ConfigDict(extra="forbid")

    field: str = Field(
        description=f"One of {', '.join(FIELDS)}.", json_schema_extra=example("taken")
    )
    values: list[str] = Field(
        min_length=1, max_length=100, description="At least one of these, as after the colon in q.",
        json_schema_extra=example(["2018..2019-06"]),
    )  # fmt: skip
    excluded: bool = Field(False, description="Turns it round: no result may fulfil it.")

    def filter(self) -> Filter:
        """Returns the filter; raises BadQuery."""
        if self.field not in FIELDS:
            raise BadQuery(f"There is no field {self.field!r}: the fields are {', '.join(FIELDS)}.")
        try:
            return Filter(condition(self.field, self.values), self.excluded)
        except Refused as refused:
            raise BadQuery(f"The filter {self.field}: {refused}.") from refused


class AskedBody(Options):
    """A query of any number of terms."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(
        None, max_length=MAX_TEXT, description=_IN_WORDS,
        json_schema_extra=example("beach -people"),
    )  # fmt: skip
    terms: list[TermBody] = Field(
        [], max_length=MAX_TERMS, description="Terms beside those of `q`.",
        json_schema_extra=example([{"text": "sunset", "weight": 2}]),
    )  # fmt: skip
    filters: list[FilterBody] = Field(
        [], max_length=MAX_FILTERS, description="Filters beside those of `q`.",
        json_schema_extra=example([{"field": "taken", "values": ["2019"]}]),
    )  # fmt: skip
    more: list[Id] = Field(
        [], max_length=MAX_JUDGED, description="Items that are right: find more like these.",
        json_schema_extra=example([]),
    )  # fmt: skip
    less: list[Id] = Field(
        [], max_length=MAX_JUDGED, description="Items that are wrong: find less like these.",
        json_schema_extra=example([]),
    )  # fmt: skip

    def asked(self, decode: Callable[[BinaryIO], Image]) -> Query:
        """Returns the query, its pictures decoded; raises BadQuery."""
        words = read(self.q or "")
        terms = (*words.terms, *(term.term(decode) for term in self.terms))
        filters = (*words.filters, *(one.filter() for one in self.filters))
        return self.query(Asked(terms, filters), self.more, self.less)
