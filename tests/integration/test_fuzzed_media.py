"""Sample files damaged at random, each kind by its reader: samples or a reason, never a crash.

ATISBO_TEST_FUZZ sets how many variants; the default keeps the suite quick. FFmpeg, libheif and
libtiff are C, so each run is a process of its own, with an alarm for what hangs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

VARIANTS = int(os.environ.get("ATISBO_TEST_FUZZ", "40"))
PROCESSES = 2
LONGEST_S = 60

WORKER = """
import json, os, random, signal, sys
from pathlib import Path

from indexer.errors import MediaError
from indexer.media import Limits, readers
from indexer.scan import scan
from indexer.types import SourceFile

folder, data, seed, variants, longest_s = sys.argv[1:]
folder, chance = Path(folder), random.Random(seed)
found = [one for name in ("videos", "awkward") for one in scan(Path(data, name))]
files = [one for one in found if isinstance(one, SourceFile) and one.size_bytes]
films = [one for one in files if one.kind == "video"]

def open_files():
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0

before, read, refused = open_files(), 0, 0
for number in range(int(variants)):
    file = chance.choice(films if number % 2 else files)
    content = bytearray(file.location.read_bytes())
    for _ in range(chance.choice((0, 1, 3, 20, 200))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.4:
        del content[chance.randrange(len(content)):]
    path = folder / f"damaged{file.location.suffix}"
    path.write_bytes(content)
    (folder / "last").write_text(f"variant {number} of seed {seed}: {file.path}")
    source = SourceFile(str(folder), path.name, file.kind, len(content), file.mtime_ns)
    signal.alarm(int(longest_s))
    try:
        list(readers([source], Limits(224))[file.kind].read(source))
        read += 1
    except MediaError as error:
        assert str(error)
        refused += 1
    signal.alarm(0)
print(json.dumps({"read": read, "refused": refused, "leaked": open_files() - before}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no alarm for what hangs")
def test_damaged_files_give_samples_or_a_reason(shared_data: Path, tmp_path: Path) -> None:
    running = []
    for seed in range(PROCESSES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        variants = VARIANTS // PROCESSES
        arguments = [str(one) for one in (folder, shared_data, seed, variants, LONGEST_S)]
        running.append(
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", WORKER, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for seed, process in enumerate(running):
        said, errors = process.communicate(timeout=VARIANTS * LONGEST_S)
        last = (tmp_path / str(seed) / "last").read_text()
        assert process.returncode == 0, f"{last}: {errors[-2000:]}"
        counts = json.loads(said)
        assert counts["read"] + counts["refused"] == VARIANTS // PROCESSES
        assert counts["read"] > 0
        assert counts["leaked"] <= 3
