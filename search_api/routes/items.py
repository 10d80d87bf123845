"""One item: what is known of it, a preview, and the original file."""

from io import BytesIO

from flask import jsonify, send_file
from flask.wrappers import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from search_api.pictures import PREVIEW_TYPE, Pictures
from search_api.routes.bodies import DetailBody
from search_api.routes.document import API, errors
from search_api.routes.parameters import ItemPath, Size, ThumbnailQuery
from search_api.searcher import Searcher

BINARY = {"type": "string", "format": "binary"}


def item_routes(searcher: Searcher, pictures: Pictures) -> APIBlueprint:
    """Returns the routes under /items."""
    routes = APIBlueprint("items", __name__, url_prefix=f"{API}/items")
    tags = [Tag(name="items", description="One picture or caption.")]

    @routes.get(
        "/<id>",
        tags=tags,
        summary="What is known of an item",
        description="A picture comes with its captions, a caption with its picture.",
        responses={200: DetailBody, **errors(404)},
    )
    def item(path: ItemPath) -> Response:
        detail = searcher.detail(path.id)
        return jsonify(DetailBody.for_detail(detail).model_dump(mode="json"))

    @routes.get(
        "/<id>/thumbnail",
        tags=tags,
        summary="A preview that any browser can show",
        description="A WebP, upright, whatever the format of the original.",
        responses={
            200: {"description": "The preview.", "content": {PREVIEW_TYPE: {"schema": BINARY}}},
            **errors(404),
        },
    )
    def thumbnail(path: ItemPath, query: ThumbnailQuery) -> Response:
        found = searcher.item(path.id)
        preview = pictures.small(found) if query.size is Size.SMALL else pictures.large(found)
        return send_file(
            BytesIO(preview.data),
            mimetype=PREVIEW_TYPE,
            etag=preview.tag,
            conditional=True,
        )

    @routes.get(
        "/<id>/media",
        tags=tags,
        summary="The original file",
        description="With its own content type; takes Range requests.",
        responses={
            200: {"description": "The whole file.", "content": {"*/*": {"schema": BINARY}}},
            206: {"description": "The range asked for.", "content": {"*/*": {"schema": BINARY}}},
            **errors(404, 416),
        },
    )
    def media(path: ItemPath) -> Response:
        original = pictures.original(searcher.item(path.id))
        return send_file(
            original.path,
            mimetype=original.content_type or "application/octet-stream",
            as_attachment=original.content_type is None,
            download_name=original.name,
            conditional=True,
        )

    return routes
