"""The commands that write, each on a library prepared for it, and the process that runs them."""

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

State = dict[str, Any]


class Worker:
    """A process of `fault_worker`."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.fault_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("ATISBO_")},
                "ATISBO_MODEL": "colour",
                "ATISBO_INDEX": "exact",
                "ATISBO_CHECKPOINT_ITEMS": "4",
                "ATISBO_BATCH_SIZE": "2",
                "ATISBO_WORKERS": "1",
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        assert self._process.stdout is not None
        assert json.loads(self._process.stdout.readline()) == {"heavy": []}

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def run(self, argv: list[str], library: Path, fault: State | None = None) -> State:
        argv = [*argv, "--library", str(library)]
        return self.ask(do="run", argv=argv, library=str(library), fault=fault)

    def look(self, library: Path) -> State:
        return self.ask(do="look", library=str(library))

    def check(self, scenario: "Scenario", library: Path) -> State:
        return self.ask(
            do="check",
            argv=[*scenario.argv, "--library", str(library)],
            library=str(library),
            readable=(library / "library.json").exists() and not scenario.damaged,
        )

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Photos:
    """Pictures with captions in a folder, and what may happen to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.random = random.Random(1)
        (folder / "inner").mkdir(parents=True)
        for number in range(12):
            self.draw(f"{number}.png")
            self.caption(f"{number}.txt", f"a red number {number}\n")
        self.caption("captions.csv", "image,caption\n0.png,blue\n1.png,green\n2.png,a blue one\n")
        (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
        shutil.copy(folder / "3.png", folder / "inner" / "copy of 3.png")

    def draw(self, name: str) -> None:
        colour = tuple(self.random.randrange(256) for _ in range(3))
        size = (self.random.randrange(8, 40), self.random.randrange(8, 40))
        Image.new("RGB", size, colour).save(self.folder / name)

    def caption(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def change(self) -> None:
        """Files come, change, go, move, are touched, go bad and get well."""
        for number in range(20, 25):
            self.draw(f"{number}.png")
            self.caption(f"{number}.txt", f"a green number {number}\nand blue\n")
        for number in range(3):
            self.draw(f"{number}.png")
            self.caption(f"{number}.txt", f"a yellow number {number}\n")
        self.delete()
        for number in range(6, 8):
            for suffix in (".png", ".txt"):
                path = self.folder / f"{number}{suffix}"
                path.rename(self.folder / "inner" / f"moved {number}{suffix}")
        for number in range(8, 10):
            os.utime(self.folder / f"{number}.png", (1, 1))
        self.draw("bad.jpg")
        (self.folder / "11.png").write_bytes(b"\x89PNG no more")
        shutil.copy(self.folder / "10.png", self.folder / "inner" / "copy of 10.png")

    def delete(self) -> None:
        """Pictures go with their captions, and one of them leaves a copy."""
        for number in range(3, 6):
            for suffix in (".png", ".txt"):
                (self.folder / f"{number}{suffix}").unlink()


@dataclass
class Scenario:
    """A command on a library that was prepared for it."""

    argv: list[str]
    library: Path
    photos: Path
    damaged: bool = False
    old: State = field(default_factory=dict)
    new: State = field(default_factory=dict)
    points: list[str] = field(default_factory=list)
    verified: int = 0


def prepare(name: str, folder: Path, worker: Worker) -> Scenario:
    """Returns the scenario of that name, its library made in `folder`."""
    photos, library = Photos(folder / "photos"), folder / "library"
    index = ["index", str(photos.folder)]

    def done(*argv: str) -> None:
        ended = worker.run(list(argv), library)
        assert ended["exit"] == 0, ended["said"]

    def taught() -> str:
        done("add-space")
        (name,) = (one for one in worker.look(library)["spaces"] if one.startswith("taught-"))
        return str(name)

    scenario = Scenario(index, library, photos.folder)
    if name == "index, the first time":
        return scenario
    done(*index)
    match name:
        case "index after changes, a taught space live":
            done("models", "use", taught())
            photos.change()
        case "index after deletions":
            photos.delete()
        case "index after a crash":
            photos.change()
            shutil.copytree(library, folder / "before")
            points = worker.run(index, library)["points"]
            commits = [at for at, name in enumerate(points) if name == "database COMMIT"]
            shutil.rmtree(library)
            (folder / "before").rename(library)
            assert worker.run(index, library, {"at": commits[-4], "how": "before"})["killed"]
        case "index with another model":
            scenario.argv = [*index, "--model", "colour-b"]
        case "forget":
            scenario.argv = ["forget", *(str(photos.folder / f"{n}.png") for n in range(5))]
        case "adding a space":
            scenario.argv = ["add-space"]
        case "models use":
            scenario.argv = ["models", "use", taught()]
        case "models drop":
            scenario.argv = ["models", "drop", taught()]
        case "verify --repair":
            name = taught()
            scenario.argv, scenario.damaged = ["verify", "--repair"], True
            for place in (f"{name}/image", "colour-colour-1/text"):
                segment = next((library / "spaces" / place).glob("*.segment"))
                segment.write_bytes(segment.read_bytes()[:-1] + b"\x55")
    return scenario


SCENARIOS = (
    "index, the first time",
    "index after changes, a taught space live",
    "index after deletions",
    "index after a crash",
    "index with another model",
    "forget",
    "adding a space",
    "models use",
    "models drop",
    "verify --repair",
)
