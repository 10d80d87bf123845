"""What goes into the service: parameters and forms, with their bounds."""

from enum import StrEnum
from typing import Any, Self

from flask import request
from flask_openapi3.models.file import FileStorage
from pydantic import BaseModel, Field, field_validator
from pydantic.json_schema import SkipJsonSchema
from werkzeug.datastructures import FileStorage as SentFile

from indexer.types import Modality
from search_api.query import DEFAULT_K, MAX_ID, MAX_K, MAX_TEXT
from search_api.routes.document import example, optional
from search_api.storyboard import MOST_TILES

TARGET = (
    "What to find: `image` for pictures and moments of films, `text` for captions, `video` for "
    "whole films."
)


class SearchQuery(BaseModel):
    """Parameters of a search by text, by an item, or by both."""

    q: str | SkipJsonSchema[None] = Field(
        None,
        max_length=MAX_TEXT,
        description="What to look for, in words.",
        json_schema_extra=optional("a dog running on the beach"),
    )
    like: int | SkipJsonSchema[None] = Field(
        None,
        ge=0,
        le=MAX_ID,
        description="An item's id: look for what is like it. With `q`, for what is like both. Of "
        "a film its own moments are left out, and of a moment its own film.",
        json_schema_extra=optional(None),
    )
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many results at most.")
    target: Modality = Field(Modality.IMAGE, description=TARGET)


class SearchForm(BaseModel):
    """Parts of a search by a picture, alone or together with a text."""

    image: FileStorage = Field(
        description="The picture, in any format that can be indexed; at most 32 MB."
    )
    q: str | SkipJsonSchema[None] = Field(
        None,
        max_length=MAX_TEXT,
        description="Words to look for together with the picture.",
        json_schema_extra=optional("at night"),
    )
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many results at most.")
    target: Modality = Field(Modality.IMAGE, description=TARGET)

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


class ItemPath(BaseModel):
    """The address of an item."""

    id: int = Field(ge=0, le=MAX_ID, description="The item's id.", json_schema_extra=example(1))


class Size(StrEnum):
    """How large a preview is."""

    SMALL = "small"
    LARGE = "large"


class ThumbnailQuery(BaseModel):
    """Parameters of a preview."""

    size: Size = Field(
        Size.SMALL, description="`small` fits 512 x 512 pixels, `large` fits 2048 x 2048."
    )
    at_ms: int | SkipJsonSchema[None] = Field(
        None,
        ge=0,
        le=MAX_ID,
        description="Of a film or a moment: what is to be seen at this time, in milliseconds from "
        "the film's start. The small preview is that of the moment which holds the time.",
        json_schema_extra=optional(83_000),
    )


class StoryboardQuery(BaseModel):
    """Parameters of a storyboard."""

    tiles: int = Field(20, ge=1, le=MOST_TILES, description="How many moments at most.")


class SkippedQuery(BaseModel):
    """Parameters of the list of skipped files."""

    limit: int = Field(100, ge=1, le=1000, description="How many files of each list at most.")
