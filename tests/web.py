"""A web server on this machine that serves a folder, in trouble if told to be."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder.

    `parts` is whether it answers Range, `status` what it says instead, `silent_after` where in a
    file it closes the connection.
    """

    parts = True
    status: int | None = None
    silent_after: int | None = None
    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        if self.server.status is not None:
            self.send_error(self.server.status)
        else:
            super().do_HEAD()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if self.server.status is not None:
            self.send_error(self.server.status)
        elif wanted and self.server.parts and path.is_file():
            data = path.read_bytes()
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            part = data[int(first) : int(last) + 1]
            self.server.asked.append(wanted)
            self.send_response(206)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            if self.server.silent_after is not None:
                part = part[: max(0, self.server.silent_after - int(first))]
            self.wfile.write(part)
        else:
            super().do_GET()


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Runs a server of the folder meanwhile; `url` is where it is."""
    handler = functools.partial(Handler, directory=str(folder))
    with Server(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
