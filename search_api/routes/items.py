"""One item: what is known of it, a preview, and the original file."""

from io import BytesIO

from flask import jsonify, send_file
from flask.wrappers import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from search_api.motion import FILM_ENDINGS
from search_api.originals import Original
from search_api.pictures import PREVIEW_TYPE, Pictures, Preview
from search_api.routes.document import API, errors
from search_api.routes.item_bodies import DetailBody
from search_api.routes.label_bodies import LabelsBody, LabelsQuery
from search_api.routes.parameters import ItemPath, Size, StoryboardQuery, ThumbnailQuery
from search_api.searcher import Searcher
from search_api.storyboard import TILE_HEIGHT, evenly

BINARY = {"type": "string", "format": "binary"}
FILM = {type: {"schema": BINARY} for type in FILM_ENDINGS}


def item_routes(searcher: Searcher, pictures: Pictures) -> APIBlueprint:
    """Returns the routes under /items."""
    routes = APIBlueprint("items", __name__, url_prefix=f"{API}/items")
    tags = [Tag(name="items", description="One picture, film, moment of a film, or caption.")]

    @routes.get(
        "/<id>",
        tags=tags,
        summary="What is known of an item",
        description="A picture or film comes with its captions, a caption with what it describes, "
        "a film or a moment of one with all moments of the film.",
        responses={200: DetailBody, **errors(404)},
    )
    def item(path: ItemPath) -> Response:
        detail = searcher.detail(path.id)
        moves = pictures.moves(detail.item, detail.companions)
        return jsonify(DetailBody.for_detail(detail, moves=moves).model_dump(mode="json"))

    @routes.get(
        "/<id>/labels",
        tags=tags,
        summary="Words for what an item shows",
        description="Of a vocabulary, which is atisbo's own or a file that the setting "
        "`vocabulary` names, the words that fit a picture, a film or a moment best, whether or "
        "not any caption has them. Not for captions.",
        responses={200: LabelsBody, **errors(404)},
    )
    def labels(path: ItemPath, query: LabelsQuery) -> Response:
        body = LabelsBody.of(searcher.labels(path.id, query.k), model=searcher.embedder.name)
        return jsonify(body.model_dump(mode="json"))

    @routes.get(
        "/<id>/thumbnail",
        tags=tags,
        summary="A preview that any browser can show",
        description="A WebP, upright, whatever the format of the original. A moment is shown by "
        "its best frame, a film by its longest moment.",
        responses={
            200: {"description": "The preview.", "content": {PREVIEW_TYPE: {"schema": BINARY}}},
            **errors(404),
        },
    )
    def thumbnail(path: ItemPath, query: ThumbnailQuery) -> Response:
        found = searcher.pictured(path.id, query.at_ms)
        preview = pictures.small(found) if query.size is Size.SMALL else pictures.large(found)
        return sent(preview)

    @routes.get(
        "/<id>/storyboard",
        tags=tags,
        summary="A film at a glance",
        description="A WebP: moments of the film that the item is, or is part of, side by side in "
        f"order of time. All tiles have one width and are {TILE_HEIGHT} pixels high. Of m moments "
        "the i-th of n tiles shows number i * m // n, counted from 0.",
        responses={
            200: {"description": "The strip.", "content": {PREVIEW_TYPE: {"schema": BINARY}}},
            **errors(404),
        },
    )
    def storyboard(path: ItemPath, query: StoryboardQuery) -> Response:
        moments = searcher.moments(path.id)
        return sent(pictures.storyboard(evenly(moments, query.tiles)))

    @routes.get(
        "/<id>/media",
        tags=tags,
        summary="The original file",
        description="With its own content type; takes Range requests. Of a moment the whole "
        "film, of a picture in a shard its entry.",
        responses={
            200: {"description": "The whole file.", "content": {"*/*": {"schema": BINARY}}},
            206: {"description": "The range asked for.", "content": {"*/*": {"schema": BINARY}}},
            **errors(404, 416),
        },
    )
    def media(path: ItemPath) -> Response:
        return sent_file(pictures.original(searcher.item(path.id)))

    @routes.get(
        "/<id>/motion",
        tags=tags,
        summary="The moving part of a picture",
        description="The film beside a Live Photo, or inside a Motion Photo, as it is; takes Range "
        "requests. Not found where a picture's detail has no `motion`.",
        responses={
            200: {"description": "The whole film.", "content": FILM},
            206: {"description": "The range asked for.", "content": FILM},
            **errors(404, 416),
        },
    )
    def motion(path: ItemPath) -> Response:
        detail = searcher.detail(path.id)
        return sent_file(pictures.motion(detail.item, detail.companions))

    return routes


def sent(preview: Preview) -> Response:
    """Returns the answer that shows a preview, or says that the browser has it."""
    return send_file(
        BytesIO(preview.data), mimetype=PREVIEW_TYPE, etag=preview.tag, conditional=True
    )


def sent_file(original: Original) -> Response:
    """Returns the answer that sends a file as it is, the range asked for, or that it is had."""
    content = original.content
    return send_file(
        BytesIO(content) if isinstance(content, bytes) else content,
        mimetype=original.content_type or "application/octet-stream",
        as_attachment=original.content_type is None,
        download_name=original.name,
        etag=original.tag or True,
        conditional=True,
    )
