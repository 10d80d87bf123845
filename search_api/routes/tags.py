"""Tags: those of the library, and giving them to items."""

from typing import Annotated, Any, Self

from flask import jsonify
from flask.wrappers import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer.filters import FAVOURITE, MAX_TAG
from search_api.query import MAX_ID
from search_api.routes.document import API, errors, example
from search_api.searcher import Searcher

MAX_ITEMS = 10_000
MAX_NAMES = 100

Id = Annotated[int, Field(ge=0, le=MAX_ID)]
Name = Annotated[str, Field(min_length=1, max_length=2 * MAX_TAG)]


class TagBody(BaseModel):
    """A tag, and on how many pictures and films it is."""

    name: str = Field(json_schema_extra=example(FAVOURITE))
    items: int = Field(json_schema_extra=example(12))


class TagsBody(BaseModel):
    """All tags of the library, in order of name."""

    tags: list[TagBody]


class TaggedBody(BaseModel):
    """What was done."""

    tagged: int = Field(
        description="How many pictures and films have the tags now.", json_schema_extra=example(2)
    )


class TagsForm(BaseModel):
    """Tags to give and to take away. JSON alone, which no page elsewhere can send unasked."""

    model_config = ConfigDict(strict=True, extra="forbid")

    items: list[Id] = Field(
        min_length=1,
        max_length=MAX_ITEMS,
        description="Ids of items. Of a moment its film is tagged, of a caption what it describes; "
        "ids that the library does not have are passed over.",
        json_schema_extra=example([1, 17]),
    )
    add: list[Name] = Field(
        [],
        max_length=MAX_NAMES,
        description=f"Tags to give, up to {MAX_TAG} characters each. Case and runs of blanks do "
        f"not matter. `{FAVOURITE}` marks what is liked best.",
        json_schema_extra=example([FAVOURITE]),
    )
    remove: list[Name] = Field(
        [],
        max_length=MAX_NAMES,
        description="Tags to take away; those that an item does not have are passed over.",
        json_schema_extra=example([]),
    )

    @model_validator(mode="before")
    @classmethod
    def is_json(cls, sent: Any) -> Any:
        if not isinstance(sent, dict):
            raise ValueError("send a JSON object, with the header Content-Type: application/json")
        return sent

    @model_validator(mode="after")
    def names_a_tag(self) -> Self:
        if not self.add and not self.remove:
            raise ValueError("no tag is named: give one in add or in remove")
        return self


def tag_routes(searcher: Searcher) -> APIBlueprint:
    """Returns the routes under /tags."""
    routes = APIBlueprint("tags", __name__, url_prefix=f"{API}/tags")
    tags = [Tag(name="tags", description="What users call pictures and films.")]

    @routes.get(
        "",
        tags=tags,
        summary="All tags, and how many items have each",
        responses={200: TagsBody, **errors()},
    )
    def every_tag() -> Response:
        found = searcher.tags().items()
        body = TagsBody(tags=[TagBody(name=name, items=items) for name, items in found])
        return jsonify(body.model_dump(mode="json"))

    @routes.post(
        "",
        tags=tags,
        summary="Give items tags, and take others away",
        description="All of it or, after an error, nothing of it.",
        responses={200: TaggedBody, **errors(413)},
    )
    def tag(body: TagsForm) -> Response:
        done = searcher.tag(body.items, add=body.add, remove=body.remove)
        return jsonify(TaggedBody(tagged=done).model_dump(mode="json"))

    return routes
