"""Films made in code: scenes that look nothing like each other, coded as real films are."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

RATE = 25
SIZE = (320, 240)
COLOURS = ("red", "green", "blue", "yellow", "magenta", "cyan")

Scene = Image.Image
Options = Mapping[str, str]

ENCODERS: Mapping[str, tuple[str, str, Options]] = MappingProxyType(
    {
        # suffix, codec, options
        "key frames at cuts": ("mp4", "libx264", {"preset": "veryfast", "g": "250"}),
        "one key frame": ("mkv", "libx264", {"g": "9999", "sc_threshold": "0"}),
        "a key frame every 30": ("mov", "libx264", {"g": "30", "sc_threshold": "0"}),
        "a key frame every 60": ("mp4", "libx264", {"g": "60", "sc_threshold": "0", "bf": "0"}),
        "key frames alone": ("avi", "mjpeg", {}),
        "VP9": ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
        "MPEG-4": ("avi", "mpeg4", {"g": "60"}),
        "MPEG-2": ("ts", "mpeg2video", {"g": "15"}),
    }
)


def scene(colour: str, seed: int = 0) -> Scene:
    """Returns a picture mostly of one colour, with shapes in it that no other seed has."""
    draw_from = np.random.default_rng(seed + 1000 * COLOURS.index(colour))
    image = Image.new("RGB", SIZE, colour)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = (int(draw_from.integers(0, side)) for side in SIZE)
        width, height = (int(one) for one in draw_from.integers(10, 60, 2))
        shade = int(draw_from.integers(0, 255))
        draw.rectangle((x, y, x + width, y + height), (shade, shade, shade))
    return image


def make_film(
    path: Path,
    scenes: Sequence[tuple[Scene, float]],
    *,
    codec: str = "libx264",
    options: Options = MappingProxyType({}),
    rate: int = RATE,
    moves: bool = True,
    tags: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Writes the scenes, each with the seconds that it lasts; they tremble a little if `moves`."""
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=rate, options=dict(options))
        stream.width, stream.height = scenes[0][0].size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        number = 0
        for picture, seconds in scenes:
            pixels = np.asarray(picture)
            for _ in range(round(seconds * rate)):
                shown = np.roll(pixels, number % 3, axis=1) if moves else pixels
                container.mux(stream.encode(_frame(shown, number, rate)))
                number += 1
        container.mux(stream.encode(None))
    return path


def _frame(pixels: NDArray[np.uint8], number: int, rate: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, rate)
    return frame


def six_scenes() -> list[tuple[Scene, float]]:
    """Returns six scenes that last 1.4 to 2.6 s, so that no cut falls on a full second."""
    lengths = (1.4, 2.6, 1.8, 2.2, 1.6, 2.04)
    return [(scene(colour), length) for colour, length in zip(COLOURS, lengths, strict=True)]


def cuts_ms(scenes: Sequence[tuple[Scene, float]]) -> list[int]:
    """Returns where each scene begins, and where the last one ends."""
    ends = np.cumsum([0.0] + [round(seconds * RATE) / RATE for _, seconds in scenes])
    return [round(float(end) * 1000) for end in ends]
