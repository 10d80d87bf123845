"""Each write, fsync, rename and commit of each writing command goes wrong once: killed, disk full.

What is shown in between is made of whole old and whole new files alone, and the same command, run
again, ends where an undisturbed one does. By default each point is hit that bears a name of its
own; ATISBO_TEST_FAULTS=all hits each repetition too. `-s` shows the log.
"""

import os
import queue
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from tests.integration.fault_scenarios import SCENARIOS, Scenario, State, Worker, prepare

EVERY = os.environ.get("ATISBO_TEST_FAULTS") == "all"

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or not Path("/proc/self/fd").exists(),
    reason="forks a process for each fault and asks /proc what it writes",
)


Workers = queue.Queue[Worker]
"""Those that have nothing to do."""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    every = [Worker() for _ in range(os.cpu_count() or 1)]
    idle: Workers = queue.Queue()
    for worker in every:
        idle.put(worker)
    yield idle
    for worker in every:
        worker.close()


@contextmanager
def borrowed(workers: Workers) -> Iterator[Worker]:
    worker = workers.get()
    try:
        yield worker
    finally:
        workers.put(worker)


@dataclass(frozen=True)
class Plan:
    """Which faults are to strike: `cuts` are the numbers of points done when the process is killed.

    To be killed before a point and after the one before it is the same.
    """

    cuts: list[int]
    half: list[int]
    full: list[int]

    @staticmethod
    def of(points: list[str]) -> "Plan":
        first = {name: at for at, name in reversed(list(enumerate(points)))}
        last = {name: at for at, name in enumerate(points)}
        full = [at for at in range(len(points)) if EVERY or at in last.values()]
        return Plan(
            [at for at in range(len(points) + 1) if EVERY or {at, at - 1} & set(first.values())],
            [at for at in full if points[at].startswith("write ")],
            full,
        )

    def faults(self, points: list[str]) -> list[State]:
        end = len(points)
        return [
            *({"at": at, "how": "before"} for at in self.cuts if at < end),
            *({"at": end - 1, "how": "after"} for at in self.cuts if at == end),
            *({"at": at, "how": "half"} for at in self.half),
            *({"at": at, "how": "full"} for at in self.full),
        ]

    def hit(self, points: list[str], way: str) -> list[str]:
        """Returns the names of the points that were hit in this way."""
        at = {
            "before": [at for at in self.cuts if at < len(points)],
            "after": [at - 1 for at in self.cuts if at > 0],
            "half": self.half,
            "full": self.full,
        }[way]
        return [points[one] for one in at]


def whole(old: State, new: State, between: State) -> list[str]:
    """Returns what is wrong with what a reader is shown between two states."""
    wrong = list(between["problems"])
    for path, content in between["files"].items():
        if content not in (old["files"].get(path), new["files"].get(path)):
            wrong.append(f"{path} is shown as {content}")
    stays = old["files"].keys() & new["files"].keys()
    wrong += [f"{path} is missing" for path in stays - between["files"].keys()]
    # A file that moved keeps its content: it is shown at one of its places.
    for path, content in old["files"].items():
        moved = [to for to, one in new["files"].items() if one == content and to not in stays]
        places = [one for one in (path, *moved) if one in between["files"]]
        if path not in stays and moved and len(places) != 1:
            wrong.append(f"{path}, moved to {moved}, is shown at {places}")
    for caption, picture in between["about"].items():
        known = {None, old["about"].get(caption), new["about"].get(caption)}
        if picture not in known:
            wrong.append(f"{caption} is about {picture}")
    if between["live"] not in (old["live"], new["live"]):
        wrong.append(f"{between['live']} is live")
    return wrong


LATER = ("problems", "strays", "leftovers", "said", "killed")


def settled(state: State) -> State:
    """Returns what two libraries must have in common that hold the same."""
    return {key: value for key, value in state.items() if key not in LATER}


def strike(scenario: Scenario, worker: Worker, library: Path, fault: State) -> list[str]:
    """Lets the fault happen on a copy of the library; returns what is wrong afterwards."""
    if scenario.library.exists():
        shutil.copytree(scenario.library, library)
    ended = worker.run(scenario.argv, library, fault)
    if fault["how"] == "full":
        wrong = [] if is_plain(ended, library) else [f"{ended.get('exit')}: {ended['said']}"]
    else:
        wrong = [] if ended["killed"] == signal.SIGKILL else [f"was not killed: {ended}"]
    checked = worker.check(scenario, library)
    if "final" not in checked:
        return [*wrong, f"cannot be read: {checked['said']}"]
    if checked["between"] is not None:
        empty = {"files": {}, "about": {}, "live": checked["between"]["live"]}
        wrong += whole(scenario.old or empty, scenario.new, checked["between"])
    final = checked["final"]
    if settled(final) != settled(scenario.new):
        wrong.append(f"ends with {difference(settled(final), settled(scenario.new))}")
        wrong.append(f"again: {checked['again']} {checked['said']}")
    wrong += [*final["problems"], *(f"left over: {one}" for one in final["leftovers"])]
    if final["strays"]:
        wrong.append(f"{final['strays']} vectors without a row")
    if checked["verified"] != scenario.verified:
        wrong.append(f"verify: {checked['said']}")
    shutil.rmtree(library)
    return wrong


def is_plain(ended: State, library: Path) -> bool:
    """Whether a command on a full disk ended well, or with one line on what is the matter."""
    before, _, line = ended["said"].rpartition("atisbo: ")
    said = "No space left" in line and str(library) in line and line.count("\n") == 1
    return ended.get("exit") == 0 or (ended.get("exit") == 2 and said and "Traceback" not in before)


def difference(found: State, wanted: State) -> str:
    keys = [key for key in wanted if found.get(key) != wanted[key]]
    return str({key: (found.get(key), wanted[key]) for key in keys})[:2000]


@pytest.mark.parametrize("name", SCENARIOS)
def test_whatever_goes_wrong_nothing_is_half_and_the_next_run_heals(
    name: str, workers: Workers, tmp_path: Path
) -> None:
    with borrowed(workers) as worker:
        scenario = prepare(name, tmp_path, worker)
        undisturbed = tmp_path / "undisturbed" / "library"
        if scenario.library.exists():
            scenario.old = {} if scenario.damaged else worker.look(scenario.library)
            shutil.copytree(scenario.library, undisturbed)
        ended = worker.run(scenario.argv, undisturbed)
        assert ended["exit"] == 0, ended["said"]
        scenario.points, scenario.new = ended["points"], worker.look(undisturbed)
        assert scenario.new["problems"] == []
        scenario.verified = worker.run(["verify"], undisturbed)["exit"]
    plan = Plan.of(scenario.points)
    faults = plan.faults(scenario.points)

    def one(number: int) -> list[str]:
        fault = faults[number]
        place = tmp_path / str(number)
        place.mkdir()
        with borrowed(workers) as worker:
            wrong = strike(scenario, worker, place / "library", fault)
        name = scenario.points[fault["at"]]
        return [f"{fault['how']} {fault['at']} {name}: {line}" for line in wrong]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [line for lines in pool.map(one, range(len(faults))) for line in lines]
    report(name, scenario, plan)
    for way in ("before", "after", "full"):
        assert set(plan.hit(scenario.points, way)) == set(scenario.points)
    assert not wrong, "\n".join([f"{len(wrong)} wrong", *wrong[:20]])


def report(name: str, scenario: Scenario, plan: Plan) -> None:
    """Prints the log: how often each point was hit, and what the library held."""
    ways = ("before", "after", "half", "full")
    hits = {way: Counter(plan.hit(scenario.points, way)) for way in ways}
    before, after = (
        sum(len(items) for items in state.get("files", {}).values())
        for state in (scenario.old, scenario.new)
    )
    counts = Counter(scenario.points)
    click.echo(
        f"\n{name}: {len(scenario.points)} points of {len(counts)} names, "
        f"{len(plan.cuts) + len(plan.half)} kills, {len(plan.full)} full disks; "
        f"items {before} before, {after} after\n"
        "  there  killed before   after  half way   full  point"
    )
    for point, count in sorted(counts.items()):
        before, after, half, full = (hits[way][point] for way in ways)
        click.echo(f"{count:>7}{before:>15}{after:>8}{half:>10}{full:>7}  {point}")
