"""Search: by text, by an item of the library, by an uploaded picture, or by two of them."""

from typing import BinaryIO, cast

from flask import jsonify
from flask.wrappers import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from search_api.pictures import Pictures
from search_api.query import Query, parse_query
from search_api.routes.bodies import SearchBody
from search_api.routes.document import API, errors
from search_api.routes.parameters import SearchForm, SearchQuery
from search_api.searcher import Searcher


def search_routes(searcher: Searcher, pictures: Pictures) -> APIBlueprint:
    """Returns the routes under /search."""
    routes = APIBlueprint("search", __name__, url_prefix=f"{API}/search")
    tags = [Tag(name="search", description="Find pictures, moments of films, captions and films.")]

    def answer(query: Query) -> Response:
        found = searcher.search(query)
        body = SearchBody.of(found, target=query.target, model=searcher.embedder.name)
        return jsonify(body.model_dump(mode="json"))

    @routes.get(
        "",
        tags=tags,
        summary="Search by text, by an item, or by both",
        description="Give `q`, `like` or both. Both are searched together: the mean of the two.",
        responses={200: SearchBody, **errors(404)},
    )
    def by_text(query: SearchQuery) -> Response:
        return answer(
            parse_query(text=query.q, like=query.like, k=query.k, target=query.target),
        )

    @routes.post(
        "",
        tags=tags,
        summary="Search by a picture, alone or with a text",
        description="The picture is read, searched with and forgotten: nothing is stored.",
        responses={200: SearchBody, **errors(413)},
    )
    def by_image(form: SearchForm) -> Response:
        image = pictures.upload(cast(BinaryIO, form.image.stream))
        return answer(parse_query(text=form.q, image=image, k=form.k, target=form.target))

    return routes
