"""What goes into the service: parameters and forms, with their bounds."""

from enum import StrEnum

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from search_api.query import MAX_ID, MAX_TEXT
from search_api.routes.document import Parameters, example, optional
from search_api.storyboard import MOST_TILES


class ItemPath(BaseModel):
    """The address of an item."""

    id: int = Field(ge=0, le=MAX_ID, description="The item's id.", json_schema_extra=example(1))


class Size(StrEnum):
    """How large a preview is."""

    SMALL = "small"
    LARGE = "large"


class ThumbnailQuery(Parameters):
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


class TimelineQuery(Parameters):
    """What to look for in a film."""

    q: str = Field(
        min_length=1,
        max_length=MAX_TEXT,
        description="What to look for, as in a search.",
        json_schema_extra=example("a dog"),
    )


class StoryboardQuery(Parameters):
    """Parameters of a storyboard."""

    tiles: int = Field(20, ge=1, le=MOST_TILES, description="How many moments at most.")


class SkippedQuery(Parameters):
    """Parameters of the list of skipped files."""

    limit: int = Field(100, ge=1, le=1000, description="How many files of each list at most.")
