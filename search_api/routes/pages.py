"""The web page: the files of the folder `web`, and the page that shows the HTTP interface."""

from pathlib import Path, PurePosixPath

from flask import Blueprint, abort, send_from_directory
from flask.wrappers import Response

CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Our own, because the machine's table may call a module text/plain, which browsers refuse."""

API_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>atisbo: HTTP interface</title>
<link rel="icon" href="swagger/images/swagger.svg">
<link rel="stylesheet" href="swagger/css/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"><p>Reading <a href="openapi.json">openapi.json</a> ...</p></div>
<script src="swagger/js/swagger-ui-bundle.js"></script>
<script>
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null,
  defaultModelsExpandDepth: 0, tryItOutEnabled: true,
});
</script>
</body>
</html>
"""


def page_routes(folder: Path) -> Blueprint:
    """Returns the routes / and /web/, which serve the files of the folder."""
    routes = Blueprint("pages", __name__)

    def send(name: str) -> Response:
        content_type = CONTENT_TYPES.get(PurePosixPath(name).suffix.lower())
        if content_type is None:
            abort(404)
        return send_from_directory(folder, name, mimetype=content_type)

    @routes.get("/")
    def index() -> Response:
        return send("index.html")

    @routes.get("/web/<path:name>")
    def asset(name: str) -> Response:
        return send(name)

    return routes
