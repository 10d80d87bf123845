"""The composition root of the service: opens a library and puts the routes before it."""

from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from indexer.asked import AskedTexts
from indexer.config import Settings, load_settings
from indexer.embedders import hint, open_embedder
from indexer.library import adapted, open_library
from indexer.media.image import THUMBNAIL_SIDE
from indexer.spaces import space_folder
from search_api import errors, guard
from search_api.codec import MediaCodec
from search_api.judging import KeptCalibration
from search_api.live import LiveSpace
from search_api.pictures import Pictures
from search_api.routes.document import ErrorBody
from search_api.routes.items import item_routes
from search_api.routes.library import library_routes
from search_api.routes.pages import API_PAGE, page_routes
from search_api.routes.search import search_routes
from search_api.routes.tags import tag_routes
from search_api.searcher import Searcher
from search_api.vocabulary import read_vocabulary

MAX_UPLOAD_BYTES = 32 * 2**20

WEB = Path(__file__).resolve().parent.parent / "web"

ABOUT = """Search your own pictures, videos and captions by meaning.

Every answer with a status of 400 or more has the same body: `{"error": {"code", "message"}}`.
Media are reached by item id only."""


def create_app(
    searcher: Searcher | None = None,
    pictures: Pictures | None = None,
    *,
    settings: Settings | None = None,
    hosts: Collection[str] = guard.LOCAL_HOSTS,
    any_address: bool = False,
) -> OpenAPI:
    """Returns the WSGI application for the given searcher, or for the library of the settings.

    Raises:
        ConfigError: there is no library to open, or it does not fit its model.
    """
    if searcher is None or pictures is None:
        searcher, pictures = open_read_side(settings or load_settings())
    app = OpenAPI(
        "atisbo",
        info=Info(title="atisbo", version=own_version(), description=ABOUT),
        validation_error_status=400,
        validation_error_model=ErrorBody,
        validation_error_callback=errors.invalid,
        static_folder=None,
    )
    app.config["MAX_CONTENT_LENGTH"] = MAX_UPLOAD_BYTES
    app.json = ordered = DefaultJSONProvider(app)
    ordered.sort_keys = False  # as documented: what matters first
    app.config["OPENAPI_HTML_STRING"] = API_PAGE
    guard.install(app, hosts, any_address=any_address)
    errors.install(app)
    app.register_api(search_routes(searcher, pictures))
    app.register_api(item_routes(searcher, pictures))
    app.register_api(tag_routes(searcher))
    app.register_api(library_routes(searcher, version=own_version(), hint=hint))
    app.register_blueprint(page_routes(WEB))
    # Written as null where there are none, which is not valid OpenAPI.
    app.api_doc["components"].pop("securitySchemes")
    return app


def open_read_side(settings: Settings, *, model: str | None = None) -> tuple[Searcher, Pictures]:
    """Returns the searcher and the pictures of the library of the settings.

    Args:
        settings: Which library, and on which device its model runs.
        model: Where the library's model is now, if its weights have moved.

    Raises:
        ConfigError: there is no library to open, or its model or the vocabulary cannot be loaded.
        IndexMismatch: the model is not the one that made the library.
        Unavailable: a file is damaged or the database does not answer.
    """
    words = read_vocabulary(settings.vocabulary)
    library = open_library(settings.library, database=settings.database, index=settings.index)
    own = open_embedder(
        model or library.space.model, device=settings.device, precision=settings.precision
    )
    embedder = adapted(settings.library, library.space, own)
    follow = LiveSpace(settings, library.space, own)
    codec = MediaCodec(
        max_pixels=settings.max_megapixels * 1_000_000,
        # As large as the indexer decodes, so that a file finds itself with a score of 1.
        upload_side=max(2 * embedder.image_side, THUMBNAIL_SIDE),
    )
    pictures = Pictures(library.thumbnails, codec)
    searcher = Searcher(
        library.catalog,
        library.indexes,
        embedder,
        follow=follow,
        look=pictures.look,
        remember=AskedTexts(settings.library).remember if settings.remember_queries else None,
        vocabulary=words,
        calibration=KeptCalibration(
            space_folder(settings.library, library.space), library.space.fingerprint
        ),
    )
    return searcher, pictures


def own_version() -> str:
    """Returns the version of the installed distribution."""
    try:
        return version("atisbo")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0+unknown"
