"""Searches over HTTP under load: `atisbo serve`, and clip-retrieval's `clip back` beside it.

    make bench-http CLIP_BACK_PYTHON=/some/venv/bin/python

Both serve the same drawn vectors (`search_data`) with the same model, whose weights are random, as
processes of their own on the same machine as wrk, which sends the next request of a client when
the last was answered, or after a pause, as people do. Services are loaded one at a time, runs of
all kinds in turn and several times; of each kind the run with the median p50 is shown. Queries that
are known were asked before, so that their vectors are kept; new ones were not, and come once.
`clip back` keeps none, so it is sent vectors in place of known texts, which spares it the model. It
looks at vectors and paths alone; ours has captions and full text over all names and captions too,
unless told words=false.
"""

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import quote

import click
import numpy as np
from conditions import hardware, versions
from http_library import made_library, model_file, month
from http_load import (
    MISSING,
    Clients,
    Load,
    Request,
    answer,
    atisbo,
    clip_back,
    load,
    until_idle,
)
from http_peer_data import INSTALL, described, made_index
from http_report import Report, markdown, shown
from http_words import known_texts, texts
from rich.console import Console

KNOWN, FILTERS, NEW = 200, 8, 20_000
K = 24
WIDTH = 140


@dataclass(frozen=True, slots=True)
class Service:
    """What is loaded, and with which kinds of queries; each kind gives its requests anew."""

    name: str
    start: Callable[[], AbstractContextManager[str]]
    kinds: Mapping[str, Callable[[], Sequence[Request]]]


class Queries:
    """Requests of each kind."""

    def __init__(self) -> None:
        self._known = known_texts(KNOWN)
        self._fresh = 0

    def ours(self, more: str = "") -> Sequence[Request]:
        return [_search(text, more) for text in self._known]

    def filtered(self) -> Sequence[Request]:
        return [
            _search(f"{text} taken:{month(number % FILTERS)}", "")
            for number, text in enumerate(self._known)
        ]

    def new(self) -> Sequence[Request]:
        return [_search(text, "") for text in self._new()]

    def vectors(self, vectors: np.ndarray) -> Sequence[Request]:
        return [_knn(embedding_input=row) for row in vectors[:KNOWN].astype(float).tolist()]

    def texts(self) -> Sequence[Request]:
        return [_knn(text=text) for text in self._new()]

    def _new(self) -> Iterator[str]:
        self._fresh += 1
        return islice(texts(self._fresh), NEW)


def _search(text: str, more: str) -> Request:
    return Request(f"/api/v1/search?k={K}&q={quote(text)}{more}")


def _knn(**asked: object) -> Request:
    return Request(
        "/knn-service",
        {**asked, "modality": "image", "num_images": K, "indice_name": "drawn"},
    )


@dataclass(frozen=True, slots=True)
class Bench:
    """How long and how often to load services, with how many clients."""

    clients: Sequence[Clients]
    seconds: float
    repeats: int

    def measure(self, service: Service, report: Report) -> dict[tuple[str, Clients], Load]:
        """Returns the median run of each kind, and adds the rows to the report."""
        runs: dict[tuple[str, Clients], list[Load]] = {}
        with service.start() as url:
            for kind, requests in service.kinds.items():
                for request in requests()[:KNOWN]:
                    answer(url, request)
                report.notes.append(f"{service.name}, {kind}: {_alone(url, requests())}")
            quick = next(iter(service.kinds.values()))()[0]
            for _ in range(self.repeats):
                for kind, requests in service.kinds.items():
                    for clients in self.clients:
                        until_idle(url, quick)
                        run = load(url, requests(), clients, self.seconds)
                        runs.setdefault((kind, clients), []).append(run)
        report.notes.append(f"Load of the machine while {service.name} ran: {load_now()}.")
        found = {key: _middle(some) for key, some in sorted(runs.items(), key=_in_order(service))}
        for (kind, clients), run in found.items():
            failed = sum(one.failed for one in runs[kind, clients])
            report.rows.append(
                (
                    service.name,
                    kind,
                    str(clients),
                    f"{run.per_s:,.1f}",
                    *(f"{one:,.1f}" for one in (run.p50_ms, run.p90_ms, run.p99_ms)),
                    f"{failed:,} of {sum(one.requests for one in runs[kind, clients]):,}",
                )
            )
        return found


def _in_order(
    service: Service,
) -> Callable[[tuple[tuple[str, Clients], object]], tuple[int, bool, int]]:
    kinds = list(service.kinds)
    return lambda pair: (kinds.index(pair[0][0]), pair[0][1].pause_ms > 0, pair[0][1].count)


def _middle(runs: Sequence[Load]) -> Load:
    return sorted(runs, key=lambda run: run.p50_ms)[len(runs) // 2]


def _alone(url: str, requests: Sequence[Request]) -> str:
    """Returns the size of an answer, and of ours how long its stages take with nobody beside."""
    answers = [answer(url, request) for request in requests[:30]]
    if not isinstance(answers[0], dict):
        return f"{len(answers[0])} hits"
    took = {
        stage: median(one["took_ms"][stage] for one in answers) for stage in answers[0]["took_ms"]
    }
    told = ", ".join(f"{stage} {ms:.1f}" for stage, ms in took.items())
    return f"{len(answers[0]['hits'])} hits; stages of a lone request, median ms: {told}"


def services(
    library: Path, queries: Queries, options: Sequence[str], processes: Sequence[int],
    peer: tuple[Path, Path, str] | None, vectors: np.ndarray,
) -> Iterator[Service]:  # fmt: skip
    """Yields what to load."""
    for count in processes:
        yield Service(
            "atisbo serve" if count == 1 else f"atisbo serve, {count} processes",
            partial(atisbo, library, [*options, f"--processes={count}"]),
            {
                "known": queries.ours,
                "known, words=false": partial(queries.ours, "&words=false"),
                "known, with a filter of 1 %": queries.filtered,
                "new": queries.new,
            },
        )
    if peer is not None:
        yield Service(
            "clip back",
            partial(clip_back, *peer),
            {"vectors": partial(queries.vectors, vectors), "texts": queries.texts},
        )


def compared(found: Mapping[str, Mapping[tuple[str, Clients], Load]]) -> Iterator[str]:
    """Yields how many times the requests of `clip back` ours answers."""
    theirs = found.get("clip back", {})
    pairs = (("known, words=false", "vectors"), ("known", "vectors"), ("new", "texts"))
    for (name, ours), (mine, other) in product(found.items(), pairs):
        both = [
            (clients, run.per_s / theirs[other, clients].per_s)
            for (kind, clients), run in ours.items()
            if kind == mine and (other, clients) in theirs and not clients.pause_ms
        ]
        if both:
            told = ", ".join(f"{times:.2f} at {clients}" for clients, times in both)
            yield f"Requests/s of {name}, {mine}, over clip back's, {other}: {told} clients."


def conditions(threads: Sequence[str]) -> str:
    """Returns machine, versions and settings."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    settings = f"Options of atisbo serve: {' '.join(threads)}." if threads else ""
    return f"{hardware('cpu', cores or 1)}; {versions()}; {platform.system()}. {settings}".strip()


def load_now() -> str:
    """Returns the load of the machine in the last minute and the last quarter of an hour."""
    last, _, quarter = os.getloadavg()
    return f"{last:.1f} (a quarter of an hour: {quarter:.1f})"


@click.command(help=__doc__)
@click.option("--pictures", default=1_000_000, show_default=True)
@click.option("--clients", default="1 8 32", show_default=True)
@click.option("--pause-ms", default=500, show_default=True,
              help="How long clients pause in a run of their own; 0 for none.")  # fmt: skip
@click.option("--seconds", default=10.0, show_default=True, help="Of each run.")
@click.option("--repeats", default=3, show_default=True)
@click.option("--model", default="random:ViT-B-32", show_default=True, help="One of 512 dims.")
@click.option("--kind", default=None, help="Kind of our index. [default: what keeps the budget]")
@click.option("--option", "options", multiple=True, help="Of atisbo serve, as --threads=16.")
@click.option("--processes", default="1 2", show_default=True, help="How many serve, in turn.")
@click.option("--cache", type=click.Path(path_type=Path), default=None,
              help="Where libraries are kept; a temporary folder if not named.")  # fmt: skip
@click.option("--clip-back-python", type=click.Path(path_type=Path, exists=True), default=None,
              help="The Python that has clip-retrieval.")  # fmt: skip
@click.option("--clip-back-memory", default="4G", show_default=True,
              help="What the index of clip-retrieval may take; 4G is its default.")  # fmt: skip
@click.option("--markdown", "document", type=click.Path(path_type=Path), default=None,
              help="Write the table to this file too.")  # fmt: skip
def main(
    *,
    pictures: int,
    clients: str,
    pause_ms: int,
    seconds: float,
    repeats: int,
    model: str,
    kind: str | None,
    options: tuple[str, ...],
    processes: str,
    cache: Path | None,
    clip_back_python: Path | None,
    clip_back_memory: str,
    document: Path | None,
) -> None:
    """Makes the libraries where they are not kept, loads the services, and prints one table."""
    if MISSING:
        raise SystemExit(f"wrk is not installed: {MISSING}")
    console = Console(width=max(Console().width, WIDTH))
    crowds = [Clients(int(one)) for one in clients.split()]
    if pause_ms:
        crowds.append(Clients(max(one.count for one in crowds), pause_ms))
    bench = Bench(crowds, seconds, repeats)
    counts = [int(one) for one in processes.split()]
    report = Report(f"{pictures:,} pictures, k = {K}", conditions(options))
    with TemporaryDirectory() as scratch:
        kept = (cache or Path(scratch)).absolute()
        kept.mkdir(parents=True, exist_ok=True)
        library = made_library(kept, pictures, model, kind)
        peer = None
        if clip_back_python is None:
            report.notes.append(f"clip back is not installed: {INSTALL}")
        else:
            # Not resolved: a virtual environment is known by the link that it is started by.
            python = clip_back_python.absolute()
            indices = made_index(kept, pictures, python, clip_back_memory)
            report.notes.append(f"clip back searches {described(indices)}.")
            peer = (python, indices, _as_theirs(model_file(kept, model)))
        vectors = np.load(kept / f"drawn-{pictures}" / "text.npy")
        report.notes.append(f"Load of the machine before: {load_now()}.")
        found = {
            service.name: bench.measure(service, report)
            for service in services(library, Queries(), options, counts, peer, vectors)
        }
    report.notes.extend(compared(found))
    console.print(report.about, highlight=False)
    console.print(shown(report))
    if document is not None:
        command = (
            f"python tests/benchmarks/bench_http.py --pictures {pictures} --clients '{clients}' "
            f"--pause-ms {pause_ms} --processes '{processes}' --seconds {seconds:g} "
            f"--repeats {repeats} --clip-back-python PYTHON"
        )
        document.write_text(markdown(report, command), encoding="utf-8")


def _as_theirs(model: str) -> str:
    """Returns the name of the model as clip-retrieval takes it: open_clip:MODEL/CHECKPOINT."""
    return model.replace("@", "/", 1)


if __name__ == "__main__":
    main()
