"""What protects a service without accounts: whom it answers, and what its pages may do."""

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address

from flask import Flask, Response, request

from search_api.errors import error_response

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
API_PAGE_POLICY = (
    PAGE_POLICY + "; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)
"""Swagger's page starts itself with an inline script and styles itself in attributes."""


def install(app: Flask, hosts: Collection[str], *, any_address: bool = False) -> None:
    """Makes the app answer only requests made to these host names, with protective headers.

    A page elsewhere can give its own name this machine's address and so read what a local service
    answers (DNS rebinding); its requests still carry its own name as Host. `any_address` admits
    every literal IP address as well, which no name can be rebound to.
    """
    known = frozenset(host.lower() for host in hosts)

    @app.before_request
    def refuse_foreign_host() -> Response | None:
        host = host_name(request.environ.get("HTTP_HOST", ""))
        if host in known or (any_address and is_address(host)):
            return None
        return error_response(
            400,
            f"This service does not answer to the name {host or 'of no host'!r}: use the address "
            "that `atisbo serve` printed, or start it with --allow-host and that name.",
            "untrusted_host",
        )

    @app.after_request
    def protect(response: Response) -> Response:
        api_page = request.path.startswith("/openapi")
        response.headers["Content-Security-Policy"] = API_PAGE_POLICY if api_page else PAGE_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        return response


def trusted_hosts(bound: str, allowed: Iterable[str] = ()) -> frozenset[str]:
    """Returns the names that a service bound to this address answers to."""
    return LOCAL_HOSTS | {bound.strip("[]").lower()} | {host.lower() for host in allowed}


def is_wildcard(bound: str) -> bool:
    """Whether the address stands for every interface of the machine."""
    return is_address(bound) and ip_address(bound.strip("[]")).is_unspecified


def is_loopback(bound: str) -> bool:
    """Whether only this machine can reach the address."""
    host = bound.strip("[]").lower()
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)


def is_address(host: str) -> bool:
    """Whether the text is an IP address rather than a name."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def host_name(header: str) -> str:
    """Returns the name in a Host header, without its port; empty if it makes no sense."""
    parts = HOST.fullmatch(header)
    return parts["name"].strip("[]").lower() if parts else ""
