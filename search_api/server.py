"""A running service: processes of many threads, each process with a model of its own in memory.

One process is right for most: its threads wait for one another only while Python runs. Where many
people ask at once, Python is what they wait for, and several processes use the other cores. They
share the mapped files of the indexes, but each has a model, caches, and its copy on a GPU.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from flask import Flask

from indexer.errors import AtisboError, ConfigError

GRACE_S = 10
"""Requests under way get this long to end once the service is told to stop."""

KEEP_ALIVE_S = 15

LOAD_FAILED = 4
"""gunicorn's Arbiter.APP_LOAD_ERROR, the status after an AppImportError."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How many processes serve, and how many requests each serves side by side."""

    processes: int
    threads: int


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
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        # Browsers open connections before they need them; each would hold a thread until it
        # speaks, or for 5 s (gunicorn/workers/gthread.py).
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, KEEP_ALIVE_S)
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
    make_app: Callable[[], Flask],
    bound: socket.socket,
    serving: Serving,
    ready: Callable[[], None],
) -> int:
    """Serves until told to stop; returns the exit status.

    Args:
        make_app: Opens the library and returns the application; runs in each serving process,
            since neither CUDA nor OpenMP survives a fork.
        bound: The socket to take connections from; it is closed at the end.
        serving: With how many processes and threads.
        ready: Called once, in a serving process, when all of them take requests.

    Raises:
        ConfigError: several processes are asked for where there can be but one.
    """
    if sys.platform == "win32":  # gunicorn needs fork
        if serving.processes > 1:
            raise ConfigError("Windows serves with one process: leave --processes out.")
        from werkzeug.serving import make_server

        app = make_app()
        host, port = bound.getsockname()[:2]
        server = make_server(host, port, app, threaded=True, fd=bound.detach())
        ready()
        server.serve_forever()
        return 0
    return serve_forked(make_app, bound, serving, ready)


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of gunicorn's log adds to the reason that a failed start has printed."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return LOAD_FAILED not in arguments and not record.getMessage().startswith(
        ("Shutting down: Master", "Reason: App failed to load")
    )


def serve_forked(
    make_app: Callable[[], Flask],
    bound: socket.socket,
    serving: Serving,
    ready: Callable[[], None],
) -> int:
    """Serves with gunicorn until told to stop; returns the exit status."""
    from gunicorn.app.base import BaseApplication
    from gunicorn.errors import AppImportError

    loading = get_context("fork").Value("i", serving.processes)
    if serving.processes > 1:
        # Read when a library with threads is loaded, which is after the fork. Threads of several
        # processes that spin while they wait for one another take the cores from all.
        share = max(1, (os.cpu_count() or 1) // serving.processes)
        os.environ.setdefault("OMP_NUM_THREADS", str(share))

    def begun(_worker: object) -> None:
        with loading:
            loading.value -= 1
            if loading.value == 0:  # below it, another takes the place of one that has died
                ready()

    class Service(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
        def load_config(self) -> None:
            options: dict[str, Any] = {
                "bind": [f"fd://{bound.detach()}"],
                "worker_class": "gthread",
                "workers": serving.processes,
                "threads": serving.threads,
                # The heartbeat cannot tell a hung process from one that loads a large model.
                "timeout": 0,
                "graceful_timeout": GRACE_S,
                "keepalive": KEEP_ALIVE_S,
                "loglevel": "warning",
                "proc_name": "atisbo",
                "post_worker_init": begun,
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
