"""What the OpenAPI document says of every call: examples, and the shape of errors."""

from collections.abc import Callable, Hashable
from typing import Any

from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, Field
from pydantic.config import JsonDict, JsonValue

API = "/api/v1"


def example(value: JsonValue) -> JsonDict:
    """Returns the schema keys that show an example; flask-openapi3 drops the plural `examples`."""
    return {"example": value}


def optional(value: JsonValue) -> Callable[[JsonDict], None]:
    """Returns what documents a parameter that may be left out: an example, and no null default."""

    def document(schema: JsonDict) -> None:
        schema.pop("default", None)
        if value is not None:
            schema.update(example(value))

    return document


_schemas: dict[Hashable, dict[str, Any]] = {}


class Parameters(BaseModel):
    """Base of parameters in an address.

    flask-openapi3 asks for their schema at each request, and making it takes 2 ms or more.
    """

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """Returns the schema, made once."""
        key = (cls, args, tuple(sorted(options.items())))
        if key not in _schemas:
            _schemas[key] = super().model_json_schema(*args, **options)
        return _schemas[key]


class Problem(BaseModel):
    """What went wrong."""

    code: str = Field(
        description="Short and stable, for programs: bad_query, not_found, method_not_allowed, "
        "too_large, range_not_satisfiable, untrusted_host, unavailable, internal.",
        json_schema_extra=example("bad_query"),
    )
    message: str = Field(
        description="For people: names the thing, the fact and the way out.",
        json_schema_extra=example("k is 500: ask for 1 to 200 results."),
    )
    position: int | None = Field(
        None,
        description="The character of `q` that is wrong, counted from 0; only where one is.",
        json_schema_extra=example(None),
    )


class ErrorBody(BaseModel):
    """The body of every answer with a status of 400 or more."""

    error: Problem


def errors(*statuses: int) -> ResponseDict:
    """Returns the documentation of these error statuses, beside the two that any call may have."""
    return dict.fromkeys((400, *statuses, 503), ErrorBody)
