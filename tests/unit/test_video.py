"""Films: cut into moments, however they are coded; damage is said."""

import time
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from indexer.errors import MediaError
from indexer.media.video import VideoReader, frame_at
from indexer.types import Facts, Kind, Sample, SourceFile, TakenFrom
from tests.films import COLOURS, ENCODERS, RATE, SIZE, cuts_ms, make_film, scene, six_scenes

WITHIN_MS = 200


def read(path: Path, **limits: float) -> tuple[list[Sample], Facts]:
    """Returns the moments of a film, without the words inside, and its facts."""
    *samples, facts = read_all(path, **limits)
    assert isinstance(facts, Facts)
    return [one for one in samples if isinstance(one.content, Image.Image)], facts


def read_all(path: Path, **limits: float) -> list[Sample | Facts]:
    stat = path.stat()
    source = SourceFile(str(path.parent), path.name, Kind.VIDEO, stat.st_size, stat.st_mtime_ns)
    return list(VideoReader(64, 10**8, **limits).read(source))


def colour(sample: Sample) -> str:
    """Returns which of the scenes' colours the most pixels have."""
    assert isinstance(sample.content, Image.Image)
    pixels = np.asarray(sample.content, np.int64).reshape(-1, 3)
    known = [np.asarray(Image.new("RGB", (1, 1), one), np.int64)[0, 0] for one in COLOURS]
    near = [(np.abs(pixels - one).sum(axis=1) < 120).sum() for one in known]
    return COLOURS[int(np.argmax(near))]


def spans(samples: list[Sample]) -> list[tuple[int, int]]:
    return [(one.span.start_ms, one.span.end_ms) for one in samples if one.span]


@pytest.fixture(params=ENCODERS)
def six(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A film of six scenes, coded in each way."""
    suffix, codec, options = ENCODERS[request.param]
    try:
        return make_film(tmp_path / f"six.{suffix}", six_scenes(), codec=codec, options=options)
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"this FFmpeg has no encoder {codec}")


def test_six_scenes_give_six_moments_where_they_are(six: Path) -> None:
    moments, facts = read(six)
    assert [colour(one) for one in moments] == list(COLOURS)
    assert [one.position for one in moments] == [1, 2, 3, 4, 5, 6]
    cuts = cuts_ms(six_scenes())
    for (start, end), wanted_start, wanted_end in zip(spans(moments), cuts, cuts[1:], strict=False):
        assert abs(start - wanted_start) <= WITHIN_MS
        assert abs(end - wanted_end) <= WITHIN_MS
    assert all(
        one.span.start_ms <= one.span.best_ms < one.span.end_ms for one in moments if one.span
    )
    assert facts.note is None
    assert facts.duration_ms is not None
    assert abs(facts.duration_ms - cuts[-1]) <= WITHIN_MS
    assert (facts.width, facts.height) == SIZE


def test_the_best_frame_is_the_picture_of_the_moment(six: Path) -> None:
    for moment in read(six)[0]:
        assert moment.span is not None
        again = frame_at(six, moment.span.best_ms, side=64, max_pixels=10**8)
        assert isinstance(moment.content, Image.Image)
        assert again.size == moment.content.size
        difference = np.asarray(again, np.int64) - np.asarray(moment.content)
        assert np.abs(difference).mean() < 12


def test_a_frame_is_the_same_wherever_decoding_begins(shared_data: Path) -> None:
    film = shared_data / "videos" / "cockatoo.mp4"  # 4:4:4 of an x264 that coded it wrongly
    wanted = {2000, 5000, 8500, 13_000}
    with av.open(str(film)) as container:
        frames = {
            round(frame.time * 1000): frame.to_image()
            for frame in container.decode(video=0)
            if frame.time is not None and round(frame.time * 1000) in wanted
        }
    assert set(frames) == wanted
    for at_ms, frame in frames.items():
        found = np.asarray(frame_at(film, at_ms, side=180, max_pixels=10**8), np.int64)
        true = np.asarray(frame.resize(found.shape[1::-1], Image.Resampling.BOX), np.int64)
        assert np.abs(found - true).mean() < 8, at_ms


def test_a_steady_shot_gives_one_moment(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", [(scene("green"), 30)])
    moments, _ = read(path)
    assert spans(moments) == [(0, 30_000)]


def wandering(frames: int) -> Iterator[np.ndarray]:
    """Yields what a camera sees that pans over a wide picture without end."""
    wide = np.concatenate([np.asarray(scene(one, 7)) for one in (*COLOURS, *COLOURS)], axis=1)
    for number in range(frames):
        at = number * 4 % (wide.shape[1] - SIZE[0])
        yield np.ascontiguousarray(wide[:, at : at + SIZE[0]])


def write(path: Path, frames: Iterator[np.ndarray], **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_pan_is_one_take_divided_every_few_seconds(tmp_path: Path) -> None:
    path = write(tmp_path / "pan.mp4", wandering(RATE * 20), g="50", sc_threshold="0")
    moments, _ = read(path, every_s=5)
    lengths = [end - start for start, end in spans(moments)]
    assert 3 <= len(moments) <= 6
    assert all(length <= 7_000 for length in lengths)


def dissolving() -> Iterator[np.ndarray]:
    first, second = (np.asarray(scene(one), np.float64) for one in ("red", "blue"))
    for number in range(RATE * 9):
        share = min(max((number / RATE - 4) / 0.8, 0), 1)
        yield np.ascontiguousarray((first * (1 - share) + second * share).astype(np.uint8))


def test_a_dissolve_is_one_cut(tmp_path: Path) -> None:
    path = write(tmp_path / "dissolve.mp4", dissolving(), g="9999", sc_threshold="0")
    moments, _ = read(path)
    assert [colour(one) for one in moments] == ["red", "blue"]
    assert abs(spans(moments)[1][0] - 4_400) <= 600


def test_a_flash_is_no_shot(tmp_path: Path) -> None:
    white = Image.new("RGB", SIZE, "white")
    scenes = [(scene("green"), 3), (white, 0.08), (scene("green"), 3)]
    moments, _ = read(make_film(tmp_path / "a.mp4", scenes, options={"g": "9999"}))
    assert spans(moments) == [(0, 6_080)]


def test_what_shows_nothing_is_left_out(tmp_path: Path) -> None:
    black = Image.new("RGB", SIZE, "black")
    scenes = [(black, 2), (scene("red"), 2), (black, 1), (scene("blue"), 2), (black, 2)]
    moments, facts = read(make_film(tmp_path / "a.mp4", scenes))
    assert [colour(one) for one in moments] == ["red", "blue"]
    assert facts.note is None
    assert abs(spans(moments)[0][0] - 2_000) <= WITHIN_MS


def fading_in() -> Iterator[np.ndarray]:
    picture = np.asarray(scene("yellow"), np.float64)
    for number in range(RATE * 5):
        yield (picture * min(1.0, number / RATE / 2)).astype(np.uint8)


def test_a_film_that_fades_in_is_not_taken_for_a_black_one(tmp_path: Path) -> None:
    moments, facts = read(write(tmp_path / "fade.mp4", fading_in(), g="250"))
    assert colour(moments[-1]) == "yellow"
    assert facts.note is None


def test_a_black_film_still_is_in_the_library_and_says_so(tmp_path: Path) -> None:
    black = Image.new("RGB", SIZE, "black")
    moments, facts = read(make_film(tmp_path / "a.mp4", [(black, 4)]))
    assert len(moments) == 1
    assert facts.note == "it shows nothing: all of it is of one colour"


def test_a_turned_film_is_upright(tmp_path: Path) -> None:
    half = Image.new("RGB", SIZE, "blue")
    half.paste("red", (0, 0, SIZE[0] // 2, SIZE[1]))
    plain, turned = make_film(tmp_path / "a.mp4", [(half, 1)], moves=False), tmp_path / "b.mp4"
    with av.open(str(plain)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    (moment,), facts = read(turned)
    assert (facts.width, facts.height) == (SIZE[1], SIZE[0])
    pixels = np.asarray(moment.content)
    above, below = pixels[5, pixels.shape[1] // 2], pixels[-5, pixels.shape[1] // 2]
    assert {int(above.argmax()), int(below.argmax())} == {0, 2}


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        for _ in range(RATE):
            pixels = np.asarray(scene("red"))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    (moment,), facts = read(path)
    assert (facts.width, facts.height) == (2 * SIZE[0], SIZE[1])
    assert isinstance(moment.content, Image.Image)
    assert moment.content.size == (171, 64)


def test_what_its_tags_tell_is_kept(tmp_path: Path) -> None:
    tags = {"title": "The lake", "creation_time": "2019-07-04T12:34:56Z"}
    path = make_film(tmp_path / "a.mp4", [(scene("red"), 1)], tags=tags)
    *samples, facts = read_all(path)
    words = [one for one in samples if isinstance(one, Sample) and isinstance(one.content, str)]
    assert [(one.content, one.position, one.about_position) for one in words] == [
        ("The lake", 2, 0)
    ]
    assert isinstance(facts, Facts)
    assert (facts.codec, facts.taken_from) == ("h264", TakenFrom.VIDEO)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_moments": 3}, "it has 3 moments by then. Raise --max-moments"),
        ({"time_limit_s": 0.0}, "it took 0 s by then. Raise --video-seconds"),
    ],
)
def test_a_limit_is_said_when_it_bites(tmp_path: Path, limits: dict[str, float], said: str) -> None:
    path = make_film(tmp_path / "a.mp4", six_scenes())
    moments, facts = read(path, **limits)
    assert 1 <= len(moments) <= 3
    assert facts.note is not None
    assert said in facts.note
    assert facts.note.startswith("read up to 0:")


def test_time_that_others_take_does_not_count(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", six_scenes())
    source = SourceFile(str(tmp_path), path.name, Kind.VIDEO, 1, 1)
    seen = 0
    for one in VideoReader(64, 10**8, time_limit_s=2.0).read(source):
        seen += isinstance(one, Sample)
        time.sleep(0.5)
    assert seen == len(COLOURS)


def test_a_film_cut_off_keeps_what_is_there_and_says_what_is_not(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "a.mkv", six_scenes(), options={"g": "25"})
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    moments, facts = read(cut)
    assert [colour(one) for one in moments] == list(COLOURS[: len(moments)])
    assert 2 <= len(moments) <= 5
    assert facts.note is not None
    assert facts.note.startswith("read up to 0:0")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mp4", b"", "the file is empty"),
        ("a.mp4", b"hello there, this is text\n" * 20, "not a film that atisbo reads: .* text"),
        ("a.mkv", b"%PDF-1.7" + bytes(900), "the file is a PDF document"),
        ("a.avi", bytes(1000), "nothing but zero bytes"),
    ],
)
def test_what_is_no_film_is_refused_with_what_it_is(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=reason):
        read_all(tmp_path / name)


def test_a_film_without_its_table_is_refused(tmp_path: Path) -> None:
    whole = make_film(tmp_path / "a.mp4", [(scene("red"), 2)])
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(MediaError, match="damaged: begins like an MP4"):
        read_all(cut)


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="sound only"):
        read_all(path)


def test_a_wrong_name_does_not_matter(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mkv", six_scenes())
    assert len(read(path.rename(tmp_path / "a.mp4"))[0]) == len(COLOURS)


def test_a_film_of_one_frame_is_one_moment(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", [(scene("red"), 1 / RATE)])
    (moment,), _ = read(path)
    assert moment.span is not None
    assert moment.span.start_ms == 0
    assert moment.span.end_ms > 0


def test_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = make_film(tmp_path / "a.mp4", [(scene("red"), 0.2)])
    with pytest.raises(MediaError, match="above the limit"):
        list(VideoReader(64, 1000).read(SourceFile(str(tmp_path), "a.mp4", Kind.VIDEO, 1, 1)))
    assert path.exists()


@pytest.fixture(scope="module")
def damaged_often(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    return [
        make_film(folder / f"{n}.{suffix}", six_scenes()[:3], codec=codec, options=options)
        for n, (suffix, codec, options) in enumerate(ENCODERS.values())
    ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere_gives_moments_or_a_reason(
    damaged_often: list[Path], data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(damaged_often))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 20))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    del content[data.draw(st.integers(len(content) // 10, len(content))) :]
    damaged = path.with_name(f"damaged{path.suffix}")
    damaged.write_bytes(content)
    try:
        moments, facts = read(damaged)
    except MediaError:
        return
    assert moments
    found = spans(moments)
    assert all(start < end for start, end in found)
    assert found == sorted(found)
    assert facts.codec
