"""The library as a whole: what it holds, what it could not read, whether it answers."""

from collections.abc import Callable

from flask import jsonify
from flask.wrappers import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from search_api.routes.bodies import HealthBody, ModelBody, SkippedBody, SkippedFile, StatusBody
from search_api.routes.document import API, errors
from search_api.routes.parameters import SkippedQuery
from search_api.searcher import Searcher

Hint = Callable[[str], str | None]
"""Returns how to get a stronger model than the one of that name, None where it is strong."""


def library_routes(searcher: Searcher, *, version: str, hint: Hint) -> APIBlueprint:
    """Returns the routes /status, /skipped and /healthz."""
    routes = APIBlueprint("library", __name__)
    tags = [Tag(name="library", description="What the library holds.")]

    @routes.get(
        f"{API}/status",
        tags=tags,
        summary="What the library holds, and with which model",
        responses={200: StatusBody, **errors()},
    )
    def status() -> Response:
        model = searcher.embedder
        body = StatusBody.of(
            searcher.counts(),
            version=version,
            model=ModelBody(name=model.name, fingerprint=model.fingerprint, dim=model.dim),
            generations=searcher.generations(),
            structures=searcher.structures(),
            hint=hint(model.name),
        )
        return jsonify(body.model_dump(mode="json"))

    @routes.get(
        f"{API}/skipped",
        tags=tags,
        summary="Files that could not be read, or not wholly, and why",
        responses={200: SkippedBody, **errors()},
    )
    def skipped(query: SkippedQuery) -> Response:
        counts = searcher.counts()
        body = SkippedBody(
            skipped=[SkippedFile.of(file) for file in searcher.skipped(query.limit)],
            total=counts.skipped,
            partial=[SkippedFile.of(file) for file in searcher.partial(query.limit)],
            partial_total=counts.partial,
        )
        return jsonify(body.model_dump(mode="json"))

    @routes.get(
        "/healthz",
        tags=tags,
        summary="Whether the service can answer",
        responses={200: HealthBody, **errors()},
    )
    def health() -> Response:
        searcher.changes()  # whether the catalogue answers, without counting a million rows
        return jsonify(HealthBody(status="ok").model_dump())

    return routes
