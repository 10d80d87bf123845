"""Search: by words, items, pictures, or any number of them together."""

from typing import BinaryIO, cast

from flask import jsonify
from flask.wrappers import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from search_api.grammar import parse_query
from search_api.pictures import Pictures
from search_api.query import Query
from search_api.routes.answers import SearchBody, TimelineBody
from search_api.routes.asked import AskedBody, SearchForm, SearchQuery
from search_api.routes.document import API, errors
from search_api.routes.parameters import ItemPath, TimelineQuery
from search_api.searcher import Searcher


def search_routes(searcher: Searcher, pictures: Pictures) -> APIBlueprint:
    """Returns the routes that search."""
    routes = APIBlueprint("search", __name__, url_prefix=API)
    tags = [Tag(name="search", description="Find pictures, moments of films, captions and films.")]

    def answer(query: Query) -> Response:
        found = searcher.search(query)
        body = SearchBody.of(found, target=query.target, model=searcher.embedder.name)
        # Written by pydantic itself, in a third of the time that a detour over dicts takes.
        return Response(body.model_dump_json(), mimetype="application/json")

    @routes.get(
        "/search",
        tags=tags,
        summary="Search by text, by an item, or by both",
        description="Give `q`, `like` or both. Both are searched together: the sum of the two.",
        responses={200: SearchBody, **errors(404)},
    )
    def by_text(query: SearchQuery) -> Response:
        return answer(query.asked())

    @routes.post(
        "/search",
        tags=tags,
        summary="Search by a picture, alone or with a text",
        description="The picture is read, searched with and forgotten: nothing is stored.",
        responses={200: SearchBody, **errors(404, 413)},
    )
    def by_image(form: SearchForm) -> Response:
        return answer(form.asked(pictures.upload(cast(BinaryIO, form.image.stream))))

    @routes.post(
        "/query",
        tags=tags,
        summary="Search by any number of terms and filters, as JSON",
        description="Texts, items, regions of items and pictures, each with a weight; filters; "
        "and, to refine a search, items to find `more` and `less` of.",
        responses={200: SearchBody, **errors(404, 413)},
    )
    def by_terms(body: AskedBody) -> Response:
        return answer(body.asked(pictures.upload))

    @routes.get(
        "/items/<id>/timeline",
        tags=tags,
        summary="Where in a film something is to be seen",
        description="Of the film that the item is, or is part of: all moments in order of time "
        "with their scores, and the scenes that answer the query best.",
        responses={200: TimelineBody, **errors(404)},
    )
    def timeline(path: ItemPath, query: TimelineQuery) -> Response:
        found = searcher.timeline(path.id, parse_query(text=query.q))
        return jsonify(TimelineBody.of(found).model_dump(mode="json"))

    return routes
