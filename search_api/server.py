"""A running service: one process, many threads, one model and one index in memory."""

import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from flask import Flask

from indexer.errors import AtisboError, ConfigError

GRACE_S = 10
"""Requests under way get this long to end once the service is told to stop."""

KEEP_ALIVE_S = 15

LOAD_FAILED = 4
"""gunicorn's Arbiter.APP_LOAD_ERROR, the status after an AppImportError."""


def listen(host: str, port: int) -> socket.socket:
    """Returns a socket bound to the address, not yet taking connections.

    Raises:
        ConfigError: the address is unknown, taken or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(
            f"The host {host!r} is unknown: use --host 127.0.0.1 for this machine alone."
        ) from error
    bound = socket.socket(family, kind, protocol)
    if os.name != "nt":  # there it would let two services share a port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        # Two sockets may bind one port with SO_REUSEADDR; only one of them may listen.
        bound.listen(socket.SOMAXCONN)
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"The address {host} port {port} cannot be used: {error.strerror or error}. "
            "Choose another with --port, or --port 0 for any free one."
        ) from error
    return bound


def address(bound: socket.socket, host: str) -> str:
    """Returns the URL of a bound socket; `host` is the name it was asked for."""
    name = host.strip("[]")
    return f"http://{f'[{name}]' if ':' in name else name}:{bound.getsockname()[1]}/"


def serve(
    make_app: Callable[[], Flask], bound: socket.socket, *, threads: int, ready: Callable[[], None]
) -> int:
    """Serves until told to stop; returns the exit status. Calls `ready` once requests are taken.

    Args:
        make_app: Opens the library and returns the application; runs in the serving process, since
            neither CUDA nor OpenMP survives a fork.
        bound: The socket to take connections from; it is closed at the end.
        threads: How many requests are served side by side.
        ready: Called in the serving process.
    """
    if sys.platform == "win32":  # gunicorn needs fork
        from werkzeug.serving import make_server

        app = make_app()
        host, port = bound.getsockname()[:2]
        server = make_server(host, port, app, threaded=True, fd=bound.detach())
        ready()
        server.serve_forever()
        return 0
    return serve_forked(make_app, bound, threads=threads, ready=ready)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of gunicorn's log adds to the reason that a failed start has printed."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return LOAD_FAILED not in arguments and not record.getMessage().startswith(
        ("Shutting down: Master", "Reason: App failed to load")
    )


def serve_forked(
    make_app: Callable[[], Flask], bound: socket.socket, *, threads: int, ready: Callable[[], None]
) -> int:
    """Serves with gunicorn until told to stop; returns the exit status."""
    from gunicorn.app.base import BaseApplication
    from gunicorn.errors import AppImportError

    class Service(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": [f"fd://{bound.detach()}"],
                "worker_class": "gthread",
                "workers": 1,
                "threads": threads,
                # The heartbeat cannot tell a hung process from one that loads a large model.
                "timeout": 0,
                "graceful_timeout": GRACE_S,
                "keepalive": KEEP_ALIVE_S,
                "loglevel": "warning",
                "proc_name": "atisbo",
                "post_worker_init": lambda _worker: ready(),
            }
            if "control_socket_disable" in self.cfg.settings:  # since gunicorn 25
                options["control_socket_disable"] = True
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            try:
                return make_app()
            except AtisboError as error:
                raise AppImportError(f"atisbo: {error}") from error  # printed, not tried again

    logging.getLogger("gunicorn.error").addFilter(is_news)
    parent = os.getpid()
    try:
        Service().run()
    except SystemExit as end:
        if os.getpid() != parent:  # the forked process ends through here as well
            raise
        status = end.code if isinstance(end.code, int) else 1
        return 2 if status == LOAD_FAILED else status
    return 0
