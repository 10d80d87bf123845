"""Search, at several sizes: our index beside autofaiss, usearch and the speed of memory.

    make bench-search SIZES="10000 100000 1000000"
    make bench-search LIBRARY=/some/library

Every step runs in a process of its own. Queries are held out: nothing learned from them, and no
row is one of them, or a row that asks does not count as found. Picture and text queries are judged
apart, asked in turn, one by one; recall@10 is that of the answers that were timed, against float32
products with the float16 rows. Peers are listed as they come, with the least effort that finds 95 %
for texts, and with the least that finds what our codes find (or as many as they can). See
`search_data` for the drawn vectors, and `search_peers` for how to install the peers; those that are
missing are left out.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

import click
from conditions import hardware, versions
from rich.console import Console
from search_child import kind_of
from search_data import Case, drawn, taken
from search_report import COLUMNS, Report, markdown, row, shown

HUGE = 10_000_000
FIRSTS = 3
ENOUGH = 0.95
WIDTH = 200  # characters, or the columns cannot be read
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads of FAISS wait by spinning, which on a busy machine makes training take for ever."""
_CHILD = Path(__file__).with_name("search_child.py")


class Failed(Exception):
    """A step did not end well; the message says why."""


@dataclass(frozen=True, slots=True)
class Needed:
    """The memory that an index needs, and what it finds of the true neighbours of texts."""

    mb: float
    text_recall: float


@dataclass(frozen=True, slots=True)
class Bench:
    """Where to work on which case, and how long a step may take."""

    case: Case
    scratch: Path
    limit_s: float

    def step(self, name: str, *arguments: str) -> Any:
        """Returns what a step tells, done in a process of its own.

        Raises:
            Failed: it failed, or took too long.
        """
        answer = self.scratch / "answer.json"
        command = [sys.executable, str(_CHILD), str(answer), name, str(self.case.folder)]
        root = str(_CHILD.parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        try:
            subprocess.run(
                [*command, *arguments],
                check=True,
                capture_output=True,
                text=True,
                timeout=self.limit_s,
                env={**os.environ, "PYTHONPATH": path, **(_PATIENT if name == "build" else {})},
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"was ended after {self.limit_s:,.0f} s") from error
        except subprocess.CalledProcessError as error:
            lines = error.stderr.strip().splitlines() or [f"ended with {error.returncode}"]
            raise Failed(f"failed: {lines[-1]}") from error
        return json.loads(answer.read_text(encoding="utf-8"))

    def first(self, kind: str, folder: Path) -> float:
        """Returns the seconds from the start of a process to its first answer: the median."""
        took = []
        for _ in range(FIRSTS):
            started = time.time()
            answered = float(self.step("first", kind, str(folder))["answered_at"])
            took.append(answered - started)
        return median(took)

    def rows(self, report: Report, name: str, kind: str, hows: dict[str, str]) -> Needed:
        """Adds a row for each way to search an index of that kind; returns what the first gave.

        Args:
            report: Takes the rows.
            name: What the kind is called.
            kind: As `search_child.kind_of` takes it.
            hows: What is added to the name, for each way of searching.
        """
        folder = self.scratch / "index"
        shutil.rmtree(folder, ignore_errors=True)
        first: Needed | None = None
        efforts: set[str] = set()
        try:
            built = self.step("build", kind, str(folder))
            report.notes.append(f"{name}: {built['made_of']}")
            first_s = self.first(kind, folder)
            for how, added in hows.items():
                found = self.step("measure", kind, str(folder), how)
                if found is None or found["effort"] in efforts:
                    continue
                efforts.update(filter(None, [found["effort"]]))
                report.rows.append(
                    row(name + added.format(**found), built, found, first_s, self._vectors)
                )
                first = first or Needed(
                    max(found["own_mb"], built["needed_bytes"] / 1e6),
                    fmean(found["recall"]["text"]),
                )
        except Failed as failed:
            report.notes.append(f"{name}: {failed}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return first or Needed(2 * self.case.base.size / 1e6, ENOUGH)

    @property
    def _vectors(self) -> int:
        return len(self.case.base)


def reported(bench: Bench, title: str, *, peers: bool) -> Report:
    """Returns what is measured of one case."""
    report = Report(title, notes=[f"Load of the machine before: {_load()}."])
    n, dim = bench.case.base.shape
    filtered = {"": "", "among": ", among 1 % of the ids"}
    bench.rows(report, "exact", "ours:exact", {"": ""})
    codes = bench.rows(report, "codes", "ours:codes", filtered)
    bench.rows(report, "chosen by the default budget", "ours:chosen", filtered)
    if peers:
        flat = 2 * n * dim
        for name, kind in (
            ("usearch", "usearch"),
            (f"autofaiss, {flat / 1e6:,.0f} MB as rows take", f"autofaiss:{flat}"),
            (f"autofaiss, {codes.mb:,.0f} MB as codes take", f"autofaiss:{int(codes.mb * 1e6)}"),
        ):
            if missing := kind_of(kind).missing:
                report.notes.append(f"{name}: is not installed. {missing}")
                continue
            more = dict.fromkeys((str(ENOUGH), f"{codes.text_recall:.3f}"), ", {effort}")
            bench.rows(report, name, kind, {"": "", **more})
    else:
        report.notes.append("Peers are left out at this size: --peers-up-to.")
    try:
        floor = bench.step("floor")
        told = f"the floor: reading {2 * n * dim / 1e6:,.0f} MB, {floor['threads']} threads"
        empty = [""] * (len(COLUMNS) - 3)
        report.rows.append((told, *empty[:6], f"{floor['ms']:,.2f}", *empty[6:], ""))
        report.notes.append(f"The floor is {floor['gb_per_s']:.1f} GB/s.")
    except Failed as failed:
        report.notes.append(f"the floor: {failed}")
    report.notes.append(f"Load of the machine after: {_load()}.")
    return report


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def conditions() -> str:
    """Returns machine, versions, and how the memory was measured."""
    peers = []
    for name in ("autofaiss", "usearch"):
        if kind_of(f"{name}:0" if name == "autofaiss" else name).missing is None:
            peers.append(f"{name} {version(name)}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{hardware('cpu', cores or 1)}; {', '.join([versions(), *peers])}; {platform.system()}. "
        "Memory is what a fresh process grew by that only opened the index and searched it; mapped "
        "files are pages that it shares with the system's cache, which may take them back. The "
        "first answer is counted from the start of a process, with files in that cache."
    )


@click.command(help=__doc__)
@click.option("--sizes", default="10000 100000 1000000", show_default=True)
@click.option("--huge", is_flag=True, help=f"Measure {HUGE:,} rows too (needs 25 GB of disk).")
@click.option("--library", type=click.Path(path_type=Path, exists=True), default=None,
              help="Measure a library's pictures and captions instead.")  # fmt: skip
@click.option("--cache", type=click.Path(path_type=Path), default=None,
              help="Where drawn vectors are kept; a temporary folder if not named.")  # fmt: skip
@click.option("--markdown", "document", type=click.Path(path_type=Path), default=None,
              help="Write the tables to this file too.")  # fmt: skip
@click.option("--peers-up-to", default=1_000_000, show_default=True, help="Rows.")
@click.option("--limit-s", default=3600.0, show_default=True, help="What one step may take.")
def main(
    sizes: str,
    huge: bool,
    library: Path | None,
    cache: Path | None,
    document: Path | None,
    peers_up_to: int,
    limit_s: float,
) -> None:
    """Measures size after size, and prints a table after each."""
    about, reports = conditions(), []
    command = " ".join(["python tests/benchmarks/bench_search.py", *sys.argv[1:]])
    console = Console(width=max(Console().width, WIDTH))
    console.print(about, highlight=False)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        wanted = [int(one) for one in sizes.split()] + [HUGE] * huge
        for case, title in cases(cache or scratch, library, wanted):
            report = reported(
                Bench(case, scratch, limit_s), title, peers=len(case.base) <= peers_up_to
            )
            reports.append(report)
            console.print(shown(report))
            if document is not None:
                document.write_text(markdown(reports, about, command), encoding="utf-8")


def cases(cache: Path, library: Path | None, sizes: Sequence[int]) -> Iterator[tuple[Case, str]]:
    """Yields what to measure, and its title."""
    if library is not None:
        case = taken(cache, library)
        yield case, "{:,} × {:,}, pictures of a library".format(*case.base.shape)
        return
    for n in sizes:
        case = drawn(cache, n)
        yield case, "{:,} × {:,}, drawn".format(*case.base.shape)


if __name__ == "__main__":
    main()
