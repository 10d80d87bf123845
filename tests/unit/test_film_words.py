"""Words inside films: tags, chapters and text streams."""

import socket
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.subtitles.subtitle import SubtitleSet
from hypothesis import given
from hypothesis import strategies as st

from indexer.media.film_words import (
    chapter_words,
    container_words,
    embedded_subtitles,
    words_inside,
)
from indexer.types import Sample, Span

ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
MS = Fraction(1, 1000)

Cues = Sequence[tuple[int, int, str]]
TALK: Cues = (
    (500, 1500, "The dog has found,"),
    (1600, 2500, "{\\i1}a ball{\\i0}\\Nin the snow."),
    (3000, 3900, "Käse & Brot, bitte!"),
)
SENTENCES = [
    ("The dog has found, a ball in the snow.", Span(500, 2500, 500)),
    ("Käse & Brot, bitte!", Span(3000, 3900, 3000)),
]


def film(
    path: Path,
    codec: str,
    *tracks: tuple[str, Cues],
    tags: dict[str, str] | None = None,
    chapters: Sequence[tuple[int, int, str]] = (),
    forced: Sequence[int] = (),
    frames: int = 40,
) -> Path:
    """Writes a film of ten frames a second with a text stream for each language."""
    with av.open(str(path), "w") as out:
        out.metadata.update(tags or {})
        video = out.add_stream("libvpx" if path.suffix == ".webm" else "mpeg4", rate=10)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        packets = []
        for number, (language, cues) in enumerate(tracks):
            stream = out.add_stream(codec)
            stream.codec_context.subtitle_header = ASS_HEADER
            stream.time_base = stream.codec_context.time_base = MS
            stream.metadata["language"] = language
            if number in forced:
                stream.disposition = Disposition.forced
            for start, end, text in cues:
                event = f"0,0,Default,,0,0,0,,{text}".encode()
                packet = stream.codec_context.encode_subtitle(
                    SubtitleSet.create(event, 0, end - start, start)
                )
                packet.stream, packet.time_base = stream, MS
                packets.append(packet)
        out.set_chapters(
            [
                {
                    "id": at,
                    "start": start,
                    "end": end,
                    "time_base": MS,
                    "metadata": {"title": title},
                }
                for at, (start, end, title) in enumerate(chapters)
            ]
        )
        packets.sort(key=lambda packet: packet.pts)
        noise = np.random.default_rng(1)
        for at in range(frames):
            while packets and packets[0].pts <= at * 100:
                out.mux_one(packets.pop(0))
            frame = av.VideoFrame.from_ndarray(noise.integers(0, 256, (64, 64, 3), np.uint8))
            frame.pts = at
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for packet in packets:
            out.mux_one(packet)
    return path


def said(samples: Sequence[Sample]) -> list[tuple[str, Span | None]]:
    return [(str(sample.content), sample.span) for sample in samples]


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mkv", "subrip"),
        ("a.mkv", "ass"),
        ("a.mkv", "webvtt"),
        ("a.mp4", "mov_text"),
        ("a.mov", "mov_text"),
        ("a.webm", "webvtt"),
    ],
)
def test_text_streams_are_read_as_sentences_of_the_film(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = film(tmp_path / name, codec, ("eng", TALK), ("ger", TALK[2:]))
    samples = list(embedded_subtitles(path, 7))

    assert said(samples) == [*SENTENCES, SENTENCES[1]]
    assert [sample.origin for sample in samples] == ["subtitle:en"] * 2 + ["subtitle:de"]
    assert [sample.position for sample in samples] == [7, 8, 9]
    assert all(sample.about is None and sample.about_position == 0 for sample in samples)


def test_one_stream_of_each_language_and_the_complete_one(tmp_path: Path) -> None:
    path = film(
        tmp_path / "a.mkv", "subrip", ("eng", TALK[2:]), ("eng", TALK), ("fil", TALK), forced=[0]
    )
    samples = list(embedded_subtitles(path, 1))

    assert said(samples) == SENTENCES * 2
    assert samples[-1].origin == "subtitle:fil"
    assert said(list(embedded_subtitles(path, 1, max_streams=1))) == SENTENCES


def test_a_stream_without_language_is_read(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "mov_text", ("und", TALK), ("und", TALK[2:]))

    assert [sample.origin for sample in embedded_subtitles(path, 1)] == ["subtitle"] * 3


def test_drawings_and_comments_of_ass_are_no_words(tmp_path: Path) -> None:
    cues = ((0, 900, "{\\p1}m 0 0 l 9 0{\\p0}{a note}Rain\\hfalls.{\\an8}"),)
    path = film(tmp_path / "a.mkv", "ass", ("eng", cues))

    assert [sample.content for sample in embedded_subtitles(path, 1)] == ["Rain falls."]


def test_subtitles_that_are_pictures_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        bitmaps = out.add_mux_stream("dvd_subtitle")
        bitmaps.time_base = MS
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        out.mux(video.encode(frame))
        packet = av.Packet(bytes(40))
        packet.stream, packet.time_base, packet.pts, packet.dts = bitmaps, MS, 0, 0
        out.mux_one(packet)
        out.mux(video.encode())

    assert list(embedded_subtitles(path, 1)) == []


def test_damage_costs_only_what_is_damaged(tmp_path: Path) -> None:
    cues = [(at * 2000, at * 2000 + 900, f"This is the sentence {at}.") for at in range(40)]
    whole = film(tmp_path / "a.mkv", "subrip", ("eng", cues), frames=800)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) // 2])
    found = [sample.content for sample in embedded_subtitles(cut, 1)]

    assert 10 < len(found) < 30
    assert found == [text for _, _, text in cues[: len(found)]]


@pytest.mark.parametrize(
    "content", [b"", b"no film", bytes(5000), b"#EXTM3U\nhttp://127.0.0.1:9/a"]
)
def test_what_is_no_film_has_no_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)

    assert list(words_inside(path, 1)) == []
    assert list(embedded_subtitles(path, 1)) == []
    assert list(embedded_subtitles(tmp_path / "absent.mp4", 1)) == []


def test_a_playlist_is_not_followed_to_the_net(tmp_path: Path) -> None:
    path = tmp_path / "a.m3u8"
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        path.write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n"
        )
        server.settimeout(0.3)

        assert list(words_inside(path, 1)) == []
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.fixture(scope="module", params=["a.mkv", "a.mp4"])
def small_film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec = "subrip" if request.param == "a.mkv" else "mov_text"
    path = tmp_path_factory.mktemp("films") / request.param
    chapters = [(0, 2000, "At the beach"), (2000, 4000, "Chapter 2")]
    tags = {"title": "Our holiday", "comment": "Lavf62.1"}
    return film(path, codec, ("eng", TALK), tags=tags, chapters=chapters, frames=10)


@given(seed=st.integers(0, 2**32))
def test_flipped_bytes_never_raise(small_film: Path, seed: int) -> None:
    noise = np.random.default_rng(seed)
    content = bytearray(small_film.read_bytes())
    for at in noise.integers(0, len(content), 20):
        content[at] = noise.integers(256)
    damaged = small_film.with_name(f"damaged{small_film.suffix}")
    damaged.write_bytes(content[: noise.integers(1, len(content))] if seed % 2 else content)

    positions = [sample.position for sample in words_inside(damaged, 3)]

    assert positions == list(range(3, 3 + len(positions)))


def test_all_words_come_in_order(small_film: Path) -> None:
    samples = list(words_inside(small_film, 4))

    assert [(sample.position, sample.origin, sample.content) for sample in samples] == [
        (4, "video:title", "Our holiday"),
        (5, "chapter", "At the beach"),
        (6, "subtitle:en", SENTENCES[0][0]),
        (7, "subtitle:en", SENTENCES[1][0]),
    ]
    assert samples[0].span is None
    assert samples[1].span == Span(0, 2000, 0)


def test_chapters_with_numbers_only_are_left_out(tmp_path: Path) -> None:
    titles = ["The harbour", "Chapter 3", "Kapitel 04", "00:12:34.000", "", "Part of the plan"]
    chapters = [(at * 500, at * 500 + 500, title) for at, title in enumerate(titles)]
    path = film(tmp_path / "a.mkv", "subrip", ("eng", TALK), chapters=chapters)

    with av.open(str(path)) as container:
        assert chapter_words(container) == [
            (Span(0, 500, 0), "The harbour"),
            (Span(2500, 3000, 2500), "Part of the plan"),
        ]


def test_tags_that_people_wrote_are_told_from_the_rest() -> None:
    tags = {
        "ENCODER": "Lavf62.12.102",
        "major_brand": "isom",
        "COMMENT": "Filmed from the train",
        "TITLE": "Über die Alpen\r\n",
        "com.apple.quicktime.keywords": "snow;mountains ; train",
        "description-eng": "Three days by train.",
        "synopsis": "Three days by train.",
        "artist": "Ann",
    }

    assert container_words(tags) == [
        ("video:title", "Über die Alpen"),
        ("video:description", "Three days by train."),
        ("video:comment", "Filmed from the train"),
        ("video:keywords", "snow, mountains, train"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "7",
        "IMG_1234",
        "GOPR0042",
        "HandBrake 1.9.0 2024120100",
        "Created with GIMP",
        "vid:v12044gd0000abc",
        "https://example.com/watch?v=1",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "Untitled 2",
    ],
)
def test_tags_that_programs_wrote_are_no_words(text: str) -> None:
    assert container_words({"title": text, "comment": text}) == []


@given(st.dictionaries(st.text(), st.text()))
def test_any_tags_are_read(tags: dict[str, str]) -> None:
    assert len(container_words(tags)) <= len(tags)
