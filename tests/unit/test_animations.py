"""Animations: one picture that stands for them, or the moments of a film."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from indexer.errors import MediaError
from indexer.media import animation
from indexer.media.image import ImageReader, decode, preview
from indexer.types import Facts, Kind, Sample, SourceFile, Span

SUFFIXES = ["gif", "webp", "png", "avif"]


def read(path: Path, **options: int) -> tuple[list[Sample], Facts]:
    source = SourceFile(path.parent.as_posix(), path.name, Kind.IMAGE, 1, 1)
    *samples, facts = ImageReader(64, **options).read(source)
    assert isinstance(facts, Facts)
    assert all(isinstance(sample, Sample) for sample in samples)
    return samples, facts  # type: ignore[return-value]  # just asserted


def scene(number: int, shift: int = 0) -> Image.Image:
    """Stripes on a ground: each number its own colours and direction."""
    grounds = ["navy", "gold", "darkgreen", "white", "purple", "black"]
    marks = ["white", "red", "orange", "black", "cyan", "lime"]
    image = Image.new("RGB", (96, 64), grounds[number])
    draw = ImageDraw.Draw(image)
    for at in range(-60, 160, 16 + 4 * number):
        draw.line((at + shift, 0, at + shift + (number - 3) * 15, 64), fill=marks[number], width=6)
    return image


def save(path: Path, frames: list[Image.Image], duration: int | list[int] = 100) -> Path:
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=duration, lossless=True, quality=95
    )
    return path


def likeness(sample: Sample, image: Image.Image) -> float:
    assert isinstance(sample.content, Image.Image)
    return float(np.abs(np.subtract(sample.content, image, dtype=np.float64)).mean())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_animation_of_one_scene_is_one_picture_with_a_length(
    tmp_path: Path, suffix: str
) -> None:
    path = save(tmp_path / f"a.{suffix}", [scene(0, shift) for shift in range(30)])
    (sample,), facts = read(path)
    assert (sample.position, sample.span) == (0, None)
    assert likeness(sample, scene(0)) < 12
    assert facts.duration_ms == 3000
    assert (facts.width, facts.height, facts.note) == (96, 64, None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_several_shots_become_the_moments_of_a_film(tmp_path: Path, suffix: str) -> None:
    frames = [scene(number, shift) for number in range(4) for shift in range(10)]
    path = save(tmp_path / f"a.{suffix}", frames)
    found, facts = read(path)
    assert [one.position for one in found] == [1, 2, 3, 4]
    assert [(one.span.start_ms, one.span.end_ms) for one in found if one.span] == [
        (0, 1000),
        (1000, 2000),
        (2000, 3000),
        (3000, 4000),
    ]
    for number, one in enumerate(found):
        assert one.span is not None
        assert likeness(one, scene(number, (one.span.best_ms - one.span.start_ms) // 100)) < 12
    assert facts.duration_ms == 4000


def test_a_quick_flicker_is_one_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", [scene(n) for n in range(6)])
    (sample,), facts = read(path)
    assert (sample.position, sample.span) == (0, None)
    assert facts.duration_ms == 600


def test_a_scene_that_comes_back_is_one_moment(tmp_path: Path) -> None:
    for duration in (600, 1000):
        path = save(tmp_path / "a.gif", [scene(n) for n in (0, 1, 0, 1, 0)], duration=duration)
        found, _ = read(path)
        assert [one.span.start_ms for one in found if one.span] == [0, duration]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_a_blank_or_transparent_beginning_does_not_stand_for_the_whole(
    tmp_path: Path, suffix: str
) -> None:
    empty = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    black = Image.new("RGBA", (96, 64), "black")
    frames = [empty, black, *[scene(2, shift).convert("RGBA") for shift in range(3)]]
    (sample,), _ = read(save(tmp_path / f"a.{suffix}", frames))
    assert likeness(sample, scene(2)) < 20


def test_a_drawing_that_grows_is_shown_when_it_is_there(tmp_path: Path) -> None:
    frames = []
    for step in range(1, 9):
        image = Image.new("RGB", (96, 64), "white")
        image.paste(scene(2).crop((0, 0, 12 * step, 64)), (0, 0))
        frames.append(image)
    (sample,), _ = read(save(tmp_path / "a.gif", frames))
    assert isinstance(sample.content, Image.Image)
    half = np.asarray(sample.content)[:, 24:48]
    assert (half < 128).any(), "more than its first strokes"


def test_frames_that_all_are_blank_give_the_first(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue", "white")]
    (sample,), _ = read(save(tmp_path / "a.gif", frames, duration=1500))
    assert isinstance(sample.content, Image.Image)
    assert np.abs(np.subtract(sample.content.getpixel((20, 20)), (255, 0, 0))).max() < 3


def test_frames_without_a_time_last_as_long_as_browsers_show_them(tmp_path: Path) -> None:
    _, facts = read(save(tmp_path / "a.gif", [scene(0, n) for n in range(5)], duration=0))
    assert facts.duration_ms == 500


def test_a_preview_shows_the_moment_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "a.webp", [scene(n) for n in range(4)], duration=1000)
    seen = tmp_path / "b.webp"
    seen.write_bytes(preview(path, 96, at_ms=2500))
    with Image.open(seen) as image:
        assert likeness(Sample(image.convert("RGB")), scene(2)) < 15
    assert preview(path, 96) == preview(path, 96, at_ms=0)


def test_an_apng_with_a_still_outside_is_its_animation(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    still, *frames = [scene(n) for n in (5, 0, 0, 0)]
    frames = [scene(0, n) for n in range(3)]
    still.save(path, save_all=True, append_images=frames, default_image=True, duration=100)
    (sample,), facts = read(path)
    assert likeness(sample, scene(0)) < 12
    assert facts.duration_ms == 300


def test_a_damaged_tail_keeps_what_came_before(tmp_path: Path) -> None:
    path = save(tmp_path / "a.webp", [scene(n) for n in range(6)], duration=1000)
    whole = path.read_bytes()
    at = [n for n in range(len(whole)) if whole[n : n + 4] == b"VP8L"][4]
    path.write_bytes(whole[: at + 12] + bytes(30) + whole[at + 42 :])
    found, facts = read(path)
    assert [one.position for one in found] == [1, 2, 3, 4]
    assert facts.note is not None
    assert facts.note.startswith("read up to 0:04: the rest is damaged")
    assert facts.duration_ms == 4000


def test_limits_are_said_where_they_bite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.gif", [scene(0, n) for n in range(20)])
    monkeypatch.setattr(animation, "_MAX_FRAMES", 10)
    _, facts = read(path)
    assert facts.note == "read up to 0:01: it has more than 10 frames"
    monkeypatch.setattr(animation, "_MAX_FRAMES", 100)
    monkeypatch.setattr(animation, "_MAX_TOTAL_PIXELS", 96 * 64 * 5)
    _, facts = read(path)
    assert facts.note == "read up to 0:00: the animation is very long"


def bomb(frames: int, size: int) -> bytes:
    """A GIF of many frames: two bytes of pixels each, on a canvas of size x size."""
    side = size.to_bytes(2, "little")
    block = b"\x21\xf9\x04\x00\x01\x00\x00\x00" + b"\x2c" + bytes(4) + b"\1\0\1\0\0\x02\x02\x44\1\0"
    head = b"GIF89a" + side + side + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return head + block * frames + b";"


@pytest.mark.parametrize("size", [1, 8_000])
def test_a_gif_of_65535_frames_does_not_hang(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(animation, "_MAX_TOTAL_PIXELS", 300_000_000)
    path = tmp_path / "a.gif"
    path.write_bytes(bomb(65_535, size))
    began = time.monotonic()
    samples, facts = read(path)
    assert time.monotonic() - began < 20
    assert len(samples) == 1
    assert facts.note is not None
    assert facts.note.startswith("read up to ")


def test_a_canvas_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(bomb(2, 8_000))
    with pytest.raises(MediaError, match="megapixels"):
        read(path, max_pixels=1_000_000)


def test_a_query_picture_that_moves_gives_a_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "a.gif", [scene(n) for n in range(4)], duration=1000)
    with path.open("rb") as stream:
        assert likeness(Sample(decode(stream, min_side=64)), scene(0)) < 12


def test_moments_have_a_best_frame_inside_them(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (96, 64), "black"), scene(0), scene(0, 1), scene(1), scene(1, 1)]
    found, _ = read(save(tmp_path / "a.webp", frames, duration=800))
    assert [one.span for one in found] == [
        Span(800, 2400, 800),
        Span(2400, 4000, 2400),
    ]
