"""How fast films are read, beside what FFmpeg alone takes, and how much memory a long one needs.

Films of one minute, 1080p at 30 fps, are made in code: scenes of 2 to 8 s, smooth colours and grain
that drift slowly, coded by x264 (preset veryfast) with key frames at cuts, at fixed times, and with
a single one. The long film repeats the first of them by its packets.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import av
import click
import numpy as np
from conditions import hardware, versions
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from indexer.media.video import VideoReader
from indexer.types import Kind, Sample, SourceFile

WIDTH, HEIGHT, RATE, SECONDS = 1920, 1080, 30, 60
CODED = {
    "key frames at cuts, 250 at most": {"g": "250"},
    "a key frame every 60": {"g": "60", "sc_threshold": "0"},
    "one key frame": {"g": "9999", "sc_threshold": "0"},
}
THREADS, FILMS = 4, 8
TIMES = 3
MIB = 2**20


def frames() -> Iterator[NDArray[np.uint8]]:
    """Yields the frames of a minute, uint8 (1080, 1920, 3)."""
    random = np.random.default_rng(0)
    number = 0
    while number < SECONDS * RATE:
        coarse = Image.fromarray(random.integers(0, 256, (14, 24, 3), dtype=np.uint8))
        wide = coarse.resize((WIDTH + 200, HEIGHT + 100), Image.Resampling.BICUBIC)
        grain = random.integers(-12, 13, (HEIGHT + 100, WIDTH + 200, 1), dtype=np.int16)
        scene = np.clip(np.asarray(wide, np.int16) + grain, 0, 255).astype(np.uint8)
        speed = random.uniform(-0.8, 0.8, 2)
        for step in range(int(random.integers(2 * RATE, 8 * RATE))):
            if number == SECONDS * RATE:
                return
            x = int(np.clip(100 + speed[0] * step, 0, 200))
            y = int(np.clip(50 + speed[1] * step / 2, 0, 100))
            yield np.ascontiguousarray(scene[y : y + HEIGHT, x : x + WIDTH])
            number += 1


def make_films(folder: Path) -> dict[str, Path]:
    """Returns the films, by how they are coded."""
    paths = {name: folder / f"{number}.mp4" for number, name in enumerate(CODED)}
    containers = {name: av.open(str(path), "w") for name, path in paths.items()}
    streams = {}
    for name, container in containers.items():
        stream = container.add_stream(
            "libx264", rate=RATE, options={"preset": "veryfast", **CODED[name]}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        streams[name] = stream
    for pixels in frames():
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        for name, container in containers.items():
            container.mux(streams[name].encode(frame))
    for name, container in containers.items():
        container.mux(streams[name].encode(None))
        container.close()
    return paths


def repeated(path: Path, times: int, target: Path) -> Path:
    """Writes the film that many times over, its packets as they are."""
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        stream = source.streams.video[0]
        assert stream.time_base is not None
        copied = container.add_stream_from_template(stream)
        step = round(SECONDS / stream.time_base)
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        parts = [(bytes(one), one.pts, one.dts, one.is_keyframe) for one in packets]
        for number in range(times):
            for content, pts, dts, is_key in parts:
                packet = av.Packet(content)
                packet.stream, packet.time_base = copied, stream.time_base
                packet.pts, packet.dts = (pts or 0) + number * step, dts + number * step
                packet.is_keyframe = is_key
                container.mux(packet)
    return target


def samples(path: Path) -> Iterator[Sample]:
    source = SourceFile(str(path.parent), path.name, Kind.VIDEO, path.stat().st_size, 1)
    reader = VideoReader(512, 10**9, time_limit_s=3600)
    return (one for one in reader.read(source) if isinstance(one, Sample))


def decoded(path: Path, skip: str) -> int:
    """Returns how many frames FFmpeg gives, and does nothing with them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = skip
        return sum(1 for _ in container.decode(stream))


def real_times(read: Callable[[], object], seconds: float = SECONDS) -> tuple[str, str]:
    """Returns how many seconds of film are read in one, on the clock and of the processor."""
    walls, cores = [], []
    for _ in range(TIMES):
        wall, core = time.perf_counter(), time.process_time()
        read()
        walls.append(seconds / (time.perf_counter() - wall))
        cores.append(seconds / (time.process_time() - core))
    return f"{median(walls):.0f}", f"{median(cores):.0f}"


def side_by_side(path: Path) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda one: sum(1 for _ in samples(one)), [path] * FILMS))


def speeds(films: dict[str, Path], console: Console) -> None:
    table = Table("film", "moments", "read", "of it core", "eight on four threads")
    table.add_column("FFmpeg: key frames")
    table.add_column("all frames")
    for name, path in films.items():
        wall, core = real_times(lambda path=path: list(samples(path)))
        together, _ = real_times(lambda path=path: side_by_side(path), FILMS * SECONDS)
        keys, _ = real_times(lambda path=path: decoded(path, "NONKEY"))
        every, _ = real_times(lambda path=path: decoded(path, "DEFAULT"))
        count = str(sum(1 for _ in samples(path)))
        table.add_row(name, count, wall, core, together, keys, every)
    console.print("Times real time, medians of three:")
    console.print(table)


def memory(path: Path, console: Console) -> None:
    started, next_ms, count = time.perf_counter(), 0, 0
    table = Table("minute of the film", "moments", "memory, MB")
    for count, sample in enumerate(samples(path), 1):
        if sample.span is not None and sample.span.start_ms >= next_ms:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            used = pages * os.sysconf("SC_PAGE_SIZE") / MIB
            table.add_row(f"{sample.span.start_ms / 60_000:.0f}", f"{count:,}", f"{used:.0f}")
            next_ms += 600_000
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(table)
    console.print(f"{count:,} moments in {took:.0f} s; at most {peak:.0f} MB, all of this run")


@click.command()
@click.option("--minutes", default=120, help="How long the long film is.")
def main(minutes: int) -> None:
    console = Console()
    console.print(hardware("cpu", THREADS), versions())
    with tempfile.TemporaryDirectory() as scratch:
        films = make_films(Path(scratch))
        long = repeated(next(iter(films.values())), minutes, Path(scratch, "long.mp4"))
        memory(long, console)
        speeds(films, console)


if __name__ == "__main__":
    main()
