"""Every refusal and failure as the one JSON error shape.

BadQuery, MediaError, a broken request   400   the caller mends the request
NotFound                                 404
Unavailable, ConfigError                 503   the operator mends the service
anything else                            500   logged with its traceback, told without it
"""

import json
import logging

from flask import Flask, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from indexer.errors import AtisboError, BadQuery, ConfigError, MediaError, NotFound, Unavailable

log = logging.getLogger(__name__)

CODES = {
    400: "bad_query",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    416: "range_not_satisfiable",
    500: "internal",
    503: "unavailable",
}


def error_response(
    status: int, message: str, code: str | None = None, position: int | None = None
) -> Response:
    """Returns the error shape with this status; `position` is that of a character of `q`."""
    problem: dict[str, str | int] = {"code": code or CODES[status], "message": message}
    if position is not None:
        problem["position"] = position
    body = {"error": problem}
    return Response(json.dumps(body), status, mimetype="application/json")


def install(app: Flask) -> None:
    """Makes every error of the app take the one shape."""
    app.register_error_handler(AtisboError, refused)
    app.register_error_handler(HTTPException, http_refused)


def refused(error: AtisboError) -> Response:
    """Returns the answer to an error of our own tree."""
    match error:
        case NotFound():
            return error_response(404, str(error))
        case BadQuery():
            return error_response(400, str(error), position=error.position)
        case MediaError():
            return error_response(400, str(error))
        case Unavailable() | ConfigError():
            log.warning("%s %s: %s", request.method, request.path, error)
            return error_response(503, str(error))
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return error_response(500, "The service failed on this request; its log says why.")


def http_refused(error: HTTPException) -> Response:
    """Returns the answer to a request that never reached a view, or that broke one."""
    if isinstance(error.response, Response):
        return error.response
    status = error.code or 500
    match status:
        case 404:
            message = f"There is nothing at {request.path}: /openapi/ lists every address."
        case 405:
            message = (
                f"{request.path} does not take {request.method}: /openapi/ says what it takes."
            )
        case 413:
            message = too_large(error)
        case 416:
            message = "The range lies outside the file: Content-Range names its size in bytes."
        case 500:
            message = "The service failed on this request; its log says why."
        case _:
            message = str(error.description or error.name)
    code = CODES.get(status) or error.name.lower().replace(" ", "_")
    response = error_response(status, message, code)
    # Allow for 405, Content-Range for 416: what the library knows and the shape does not say.
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def too_large(error: HTTPException) -> str:
    """Returns the limit that the request broke, in words."""
    limit = request.max_content_length
    if isinstance(error, RequestEntityTooLarge) and limit and (request.content_length or 0) > limit:
        return f"The upload is larger than {limit // 2**20} MB: send a smaller picture."
    return "A part of the request is too large: send one picture of at most 32 MB and short texts."


def invalid(error: ValidationError) -> Response:
    """Returns the answer to parameters that break the documented bounds."""
    # An optional parameter also fails to be None, which nobody can send.
    problems = [
        (str(problem["loc"][0]) if problem["loc"] else "request", problem["msg"])
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
        if problem["type"] != "none_required"
    ]
    broken = "; ".join(f"{name}: {message}" for name, message in problems)
    return error_response(400, f"{broken}. /openapi/ lists every parameter with its bounds.")
