"""What keeping a library in step costs: a first run, then runs after nothing, moves, deletions.

    python tests/benchmarks/bench_sync.py -n 100000 --model pocket

Draws small pictures into a temporary folder and runs `atisbo index` on them as a user would, each
time as a process of its own whose memory is looked at while it works. Prints one Markdown table.
The floor beside it is one walk of the folder that asks for the size and time of each file.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from conditions import hardware, versions
from PIL import Image

A_FOLDER = 10_000
SIDE = 32


@dataclass(slots=True)
class Run:
    """One run: its time, and the resident memory of the process, in MB by seconds."""

    name: str
    seconds: float
    memory: list[tuple[float, float]] = field(default_factory=list)

    def at(self, share: float) -> float:
        """Returns the memory after that share of the run, in MB."""
        wanted = share * self.seconds
        return min(self.memory, key=lambda one: abs(one[0] - wanted))[1]


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-n", type=int, default=100_000, help="how many pictures")
    parser.add_argument("--model", default="pocket")
    chosen = parser.parse_args()
    print(f"{hardware('cpu', os.cpu_count() or 1)}; {versions()}")
    print(f"{chosen.n:,} JPEGs of {SIDE} x {SIDE}, {chosen.model}\n")
    print("| run | seconds | memory at a quarter, half, end (MB) |")
    print("|---|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as place:
        photos, library = Path(place, "photos"), Path(place, "library")
        draw(photos, chosen.n)
        first = photos / "0"
        show(indexed("first run", photos, library, chosen.model))
        show(indexed("again, nothing changed", photos, library))
        renamed, copied = photos / "renamed", photos / "copied"
        first.rename(renamed)
        show(indexed(f"{A_FOLDER:,} files renamed with their folder", photos, library))
        copy(renamed, copied)
        show(indexed(f"{A_FOLDER:,} exact copies added", photos, library))
        remove(copied)
        show(indexed(f"{A_FOLDER:,} files deleted", photos, library))
        floor = walked(photos)
    print(f"| the floor: one walk with the size and time of each file | {floor:,.1f} | |")


def show(run: Run) -> None:
    """Prints one line of the table."""
    memory = ", ".join(f"{run.at(share):,.0f}" for share in (0.25, 0.5, 1))
    print(f"| {run.name} | {run.seconds:,.1f} | {memory} |", flush=True)


def draw(folder: Path, count: int) -> None:
    """Draws pictures of noise, no two alike, 10,000 to a folder."""

    def one(number: int) -> None:
        noise = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(noise).save(folder / str(number // A_FOLDER) / f"{number}.jpg")

    for number in range(0, count, A_FOLDER):
        (folder / str(number // A_FOLDER)).mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(one, range(count)))


def indexed(name: str, photos: Path, library: Path, model: str | None = None) -> Run:
    """Returns how one run of `atisbo index` went."""
    command = [sys.executable, "-m", "indexer", "index", str(photos), "--library", str(library)]
    environment = {**os.environ, **({"ATISBO_MODEL": model} if model else {})}
    started = time.monotonic()
    run = Run(name, 0.0)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        while process.poll() is None:
            run.memory.append((time.monotonic() - started, resident_mb(process.pid)))
            time.sleep(0.1)
    run.seconds = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{name}: atisbo index ended with {process.returncode}")
    run.memory = [one for one in run.memory if one[1]]
    return run


def copy(source: Path, target: Path) -> None:
    """Copies the files of a folder, as a user would, with times of their own."""
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())


def remove(folder: Path) -> None:
    """Deletes a folder and its files."""
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def resident_mb(pid: int) -> float:
    """Returns the resident memory of a process in MB, 0 where that cannot be told."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    except OSError:
        return 0.0
    return 0.0


def walked(folder: Path) -> float:
    """Returns the seconds of one walk that asks for the size and time of each file."""
    started = time.monotonic()
    for place, _, names in os.walk(folder):
        for name in names:
            os.stat(Path(place, name))  # noqa: PTH116 - the plain call is the floor
    return time.monotonic() - started


if __name__ == "__main__":
    main()
