"""Search, at several sizes: our index beside autofaiss, usearch and the speed of memory.

    make bench-search SIZES="10000 100000 1000000"
    make bench-search LIBRARY=/some/library

Every step runs in a process of its own. First all indexes are made, which may take hours and minds
no other work on the machine; then all are measured, one after the other, which does mind. With
`--cache` drawn vectors and indexes are kept: `--build-only` today, the measurements at night.

Queries are held out: nothing learned from them, and no row is one of them, or a row that asks does
not count as found. Picture and text queries are judged apart, asked in turn, one by one; recall@10
is that of the answers that were timed, against float32 products with the float16 rows. Peers are
listed as they come, with the least effort that finds 95 % for texts, and with the least that finds
what our codes find (or as many as they can). See `search_data` for the drawn vectors, and
`search_peers` for how to install the peers; those that are missing are left out.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import log2
from pathlib import Path
from statistics import fmean, median
from typing import Any

import click
import torch
from conditions import hardware, versions
from rich.console import Console
from search_child import kind_of
from search_data import Case, drawn, taken
from search_report import COLUMNS, Report, filter_row, markdown, row, shown

HUGE = 10_000_000
FIRSTS = 3
ENOUGH = 0.95
_LISTED = 100_000
WIDTH = 200  # characters, or the columns cannot be read
_PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads of FAISS wait by spinning, which on a busy machine makes training take for ever."""
_CHILD = Path(__file__).with_name("search_child.py")


class Failed(Exception):
    """A step did not end well; the message says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """An index that was made, and what that took."""

    name: str
    kind: str
    folder: Path
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """A case, and how long a step may take. Indexes are kept beside the case's vectors."""

    case: Case
    report: Report
    limit_s: float

    def step(self, name: str, *arguments: str) -> Any:
        """Returns what a step tells, done in a process of its own.

        Raises:
            Failed: it failed, or took too long.
        """
        answer = self.case.folder / "answer.json"
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

    def made(self, name: str, kind: str) -> Made | None:
        """Returns the index of that kind, made if it is not there yet; None if it cannot be.

        What failed is not tried again as long as its folder is kept.
        """
        if missing := kind_of(kind).missing:
            self.report.notes.append(f"{name}: is not installed. {missing}")
            return None
        folder = self.case.folder / f"index-{kind.replace(':', '-').replace(',', '-')}"
        kept = folder / "built.json"
        if not kept.exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                told = self.step("build", kind, str(folder))
            except Failed as failed:
                told = {"failed": str(failed)}
                folder.mkdir(exist_ok=True)
            kept.write_text(json.dumps(told), encoding="utf-8")
        told = json.loads(kept.read_text(encoding="utf-8"))
        self.report.notes.append(f"{name}: {told.get('failed') or told['made_of']}")
        return None if "failed" in told else Made(name, kind, folder, told)

    def needed_mb(self, made: Made) -> float:
        """Returns the memory that searching the index takes: its own, or what it should keep."""
        own = float(self.step("memory", made.kind, str(made.folder))["own_mb"])
        return max(own, made.told["needed_bytes"] / 1e6)

    def first(self, made: Made) -> float:
        """Returns the seconds from the start of a process to its first answer: the median."""
        took = []
        for _ in range(FIRSTS):
            started = time.time()
            answered = float(self.step("first", made.kind, str(made.folder))["answered_at"])
            took.append(answered - started)
        return median(took)

    def rows(self, made: Made, hows: Sequence[str] = ("",)) -> float:
        """Adds a row for each way to search the index; returns the first one's recall for texts."""
        recall, efforts = ENOUGH, set[str]()
        try:
            first_s = self.first(made)
            for how in hows:
                found = self.step("measure", made.kind, str(made.folder), how)
                if found is None or found["effort"] in efforts:
                    continue
                if not efforts:
                    recall = fmean(found["recall"]["text"])
                efforts.add(found["effort"])
                name = ", ".join(filter(None, (made.name, found["effort"])))
                n = len(self.case.base)
                self.report.rows.append(row(name, made.told, found, first_s, n))
        except Failed as failed:
            self.report.notes.append(f"{made.name}: {failed}")
        return recall

    def filters(self, made: Made) -> None:
        """Adds a row for each share of the ids that a filter may let through."""
        try:
            found = self.step("filtered", made.kind, str(made.folder))
            self.report.filters.extend(filter_row(one) for one in found)
        except Failed as failed:
            self.report.notes.append(f"{made.name}, filtered: {failed}")


def reported(bench: Bench, kinds: Sequence[str], *, peers: bool, build_only: bool) -> Report:
    """Returns what is measured of one case, of the kinds of ours (all where none is named)."""
    report = bench.report
    wanted = [
        (name, kind)
        for name, kind in _ours(len(bench.case.base))
        if not kinds or kind.removeprefix("ours:") in kinds
    ]
    ours = [made for name, kind in wanted if (made := bench.made(name, kind))]
    others = list(_peers(bench, ours)) if peers else []
    if not peers:
        report.notes.append("Peers are left out at this size: --peers-up-to.")
    if build_only:
        return report
    report.notes.append(f"Load of the machine before measuring: {_load()}.")
    recall = {made.kind: bench.rows(made) for made in ours}
    enough = dict.fromkeys(("", str(ENOUGH), f"{recall.get('ours:codes', ENOUGH):.3f}"))
    for made in others:
        bench.rows(made, list(enough))
    for made in ours:
        if made.kind == "ours:codes":
            bench.filters(made)
    _add_floor(bench)
    report.notes.append(f"Load of the machine after: {_load()}.")
    return report


def _ours(n: int) -> Iterator[tuple[str, str]]:
    yield "exact", "ours:exact"
    yield "codes", "ours:codes"
    yield "codes in lists", "ours:lists"
    if n >= _LISTED:
        lists = 2 ** round(log2(4 * n**0.5))
        yield f"FAISS IVF{lists},SQ8", f"ours:IVF{lists},SQ8"
    yield "chosen by the default budget", "ours:chosen"
    if torch.cuda.is_available():
        yield f"exact by torch on {torch.cuda.get_device_name()}", "gpu"


def _peers(bench: Bench, ours: Sequence[Made]) -> Iterator[Made]:
    codes = [made for made in ours if made.kind == "ours:codes"]
    wanted = [("usearch", "usearch"), ("autofaiss, its default of 4 GB", f"autofaiss:{4 * 10**9}")]
    for made in codes:
        mb = _kept(made.folder / "needed_mb", lambda made=made: bench.needed_mb(made))
        wanted.append((f"autofaiss, {mb:,.0f} MB as codes take", f"autofaiss:{int(mb * 1e6)}"))
    yield from filter(None, (bench.made(*one) for one in wanted))


def _kept(file: Path, make: Callable[[], float]) -> float:
    """Returns what the file says, made if it is not there: what depends on it keeps its name."""
    if not file.exists():
        file.write_text(str(round(make())), encoding="utf-8")
    return float(file.read_text(encoding="utf-8"))


def _add_floor(bench: Bench) -> None:
    try:
        floor = bench.step("floor")
    except Failed as failed:
        bench.report.notes.append(f"the floor: {failed}")
        return
    mb = 2 * bench.case.base.size / 1e6
    empty = [""] * (len(COLUMNS) - 3)
    told = f"the floor: reading {mb:,.0f} MB, {floor['threads']} threads"
    bench.report.rows.append((told, *empty[:6], f"{floor['ms']:,.2f}", *empty[6:], ""))
    bench.report.notes.append(f"The floor is {floor['gb_per_s']:.1f} GB/s.")


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
@click.option("--huge", is_flag=True, help=f"Measure {HUGE:,} rows too (needs 40 GB of disk).")
@click.option("--kind", "kinds", multiple=True,
              help="Measure this kind of ours alone: exact, codes, lists ...")  # fmt: skip
@click.option("--library", type=click.Path(path_type=Path, exists=True), default=None,
              help="Measure a library's pictures and captions instead.")  # fmt: skip
@click.option("--cache", type=click.Path(path_type=Path), default=None,
              help="Where vectors and indexes are kept; else a temporary folder.")  # fmt: skip
@click.option("--build-only", is_flag=True, help="Make the indexes, measure nothing.")
@click.option("--markdown", "document", type=click.Path(path_type=Path), default=None,
              help="Write the tables to this file too.")  # fmt: skip
@click.option("--peers-up-to", default=1_000_000, show_default=True, help="Rows.")
@click.option("--limit-s", default=3600.0, show_default=True, help="What one step may take.")
def main(
    *,
    sizes: str,
    huge: bool,
    kinds: Sequence[str],
    library: Path | None,
    cache: Path | None,
    build_only: bool,
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
        wanted = [int(one) for one in sizes.split()] + [HUGE] * huge
        for case, title in cases(cache or Path(name), library, wanted):
            report = reported(
                Bench(case, Report(title), limit_s),
                kinds,
                peers=len(case.base) <= peers_up_to,
                build_only=build_only,
            )
            reports.append(report)
            for table in shown(report):
                console.print(table)
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
