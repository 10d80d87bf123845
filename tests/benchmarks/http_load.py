"""Services in processes of their own, and wrk that loads them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

_SCRIPT = Path(__file__).with_name("http_load.lua")
_STARTS_WITHIN_S = 900.0
_TIMEOUT = "60s"
_IDLE_WITHIN_S, _QUICK = 30.0, 10
MISSING = None if shutil.which("wrk") else "apt install wrk, or https://github.com/wg/wrk"


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    path: str
    body: Any = None

    @property
    def line(self) -> str:
        """As the script of wrk reads it."""
        if self.body is None:
            return f"GET\t{self.path}"
        return f"POST\t{self.path}\t{json.dumps(self.body, separators=(',', ':'))}"


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: requests in a second, latencies in ms, and how many answers were none."""

    per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    requests: int
    failed: int


class Clients(NamedTuple):
    """How many clients there are, and how long each waits between an answer and its next request.

    That is on average; a pause takes any time up to twice as long. A latency leaves it out.
    """

    count: int
    pause_ms: int = 0

    def __str__(self) -> str:
        return f"{self.count} that pause" if self.pause_ms else str(self.count)


def load(url: str, requests: Sequence[Request], clients: Clients, seconds: float) -> Load:
    """Returns what so many clients see that each send a request once the last is answered."""
    file = Path(os.environ.get("TMPDIR", "/tmp")) / f"atisbo-requests-{os.getpid()}"
    file.write_text("\n".join(one.line for one in requests), encoding="utf-8")
    try:
        done = subprocess.run(
            ["wrk", "--threads", "1", "--connections", str(clients.count), "--duration",
             f"{seconds:.0f}s", "--timeout", _TIMEOUT, "--script", str(_SCRIPT), url],
            check=True, capture_output=True, text=True,
            env={**os.environ, "REQUESTS": str(file), "PAUSE_MS": str(clients.pause_ms)},
        )  # fmt: skip
    finally:
        file.unlink()
    told = json.loads(done.stdout.splitlines()[-1])
    return Load(
        told["requests"] / told["seconds"],
        *(told[f"p{share}_ms"] for share in (50, 90, 99)),
        told["requests"],
        told["status"] + told["broken"] + told["timeout"],
    )


def answer(url: str, request: Request) -> Any:
    """Returns the JSON that a request is answered with."""
    body = None if request.body is None else json.dumps(request.body).encode()
    sent = urllib.request.Request(url.rstrip("/") + request.path, body)
    if body is not None:
        sent.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(sent, timeout=_STARTS_WITHIN_S) as response:
        return json.load(response)


def until_idle(url: str, request: Request) -> None:
    """Waits until what clients that have left had asked for is done, or the next run pays for it.

    The request is one that is quickly answered: several in a row take no longer than twice the
    quickest one.
    """
    took: list[float] = []
    until = time.monotonic() + _IDLE_WITHIN_S
    while time.monotonic() < until:
        started = time.perf_counter()
        answer(url, request)
        took.append(time.perf_counter() - started)
        if len(took) > _QUICK and max(took[-_QUICK:]) <= 2 * min(took):
            return


@contextmanager
def atisbo(library: Path, options: Sequence[str]) -> Iterator[str]:
    """Gives the URL of `atisbo serve`, which ends with the context."""
    command = [sys.executable, "-m", "indexer", "serve", "--library", str(library), "--port", "0"]
    with _process([*command, *options]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if " at http://" in line:
                url = line.split(" at ")[1].split()[0]
                break
        else:
            raise SystemExit("atisbo serve did not start")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield url


@contextmanager
def clip_back(python: Path, indices: Path, model: str) -> Iterator[str]:
    """Gives the URL of `clip back`, which ends with the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    script = Path(__file__).with_name("http_peer.py")
    command = [str(python), str(script), str(indices), str(port), model]
    # It logs each request, which nobody reads here.
    with _process(command, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        threading.Thread(target=process.stdout.read, daemon=True).start()
        _wait_for(url, process)
        yield url


def _wait_for(url: str, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"clip back ended with {process.returncode}")
        try:
            answer(url, Request("/indices-list"))
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"clip back did not answer within {_STARTS_WITHIN_S:.0f} s")


@contextmanager
def _process(
    command: Sequence[str], stderr: int | None = None
) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
