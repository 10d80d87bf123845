"""Subtitle files: what is read of them, however they are written."""

import re
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.errors import MediaError
from indexer.media.cues import cues_in
from indexer.media.sentences import MAX_BYTES, MAX_MS, sentences
from indexer.media.subtitles import SubtitleReader, named_language, video_stem
from indexer.types import Kind, Sample, SourceFile, Span

SRT = "1\n00:00:01,000 --> 00:00:02,000\nA dog barks.\n\n2\n00:00:03,000 --> 00:00:04,500\nRain!\n"
VTT = """WEBVTT - a film
Kind: captions

STYLE
::cue { color: red }

REGION
id:fred

NOTE shown to nobody
nor is this

intro
00:01.000 --> 00:02.000 align:start position:10%
<v Ann>A <c.loud>dog</c> barks.</v>

NOTE 2

last one
00:00:03.000 --> 00:00:04.500
<00:00:03.500>Rain!
"""
BOTH = [(1000, 2000, "A dog barks."), (3000, 4500, "Rain!")]


def shown(text: str) -> list[tuple[int, int, str]]:
    """Cues as read and freed of marks, but not joined."""
    return [
        (one.span.start_ms, one.span.end_ms, one.text)
        for cue in cues_in(text)
        for one in sentences([cue])
    ]


def joined(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(cues_in(text))]


def srt(*cues: tuple[int, int, str]) -> str:
    return "".join(
        f"{number}\n{stamp(start)} --> {stamp(end)}\n{text}\n\n"
        for number, (start, end, text) in enumerate(cues, 1)
    )


def stamp(ms: int, mark: str = ",") -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"


def read(folder: Path, content: bytes | str, name: str = "film.srt") -> list[Sample]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = SourceFile(
        root=str(folder), path=name, kind=Kind.CAPTION, size_bytes=path.stat().st_size, mtime_ns=0
    )
    return list(SubtitleReader(lambda source: "film.mp4").read(source))


BENT = {
    "as it should be": SRT,
    "web": VTT,
    "CRLF": SRT.replace("\n", "\r\n"),
    "CR": SRT.replace("\n", "\r"),
    "CRCRLF": SRT.replace("\n", "\r\r\n"),
    "web with CRCRLF": VTT.replace("\n", "\r\r\n"),
    "byte order mark": "\ufeff" + SRT,
    "no numbers": SRT.replace("1\n00:", "00:").replace("2\n00:", "00:"),
    "no blank lines": SRT.replace("\n\n", "\n"),
    "too many blank lines": SRT.replace("\n", "\n\n"),
    "blanks at the ends": SRT.replace("\n", "  \n"),
    "no hours": SRT.replace("00:00:", "00:"),
    "dots": SRT.replace(",", "."),
    "colons": SRT.replace(",", ":"),
    "spaces in times": SRT.replace(":", " : ").replace(",", " , "),
    "short arrow": SRT.replace("-->", "->"),
    "typographic arrow": SRT.replace("-->", "\u2014>"),
    "escaped arrow": SRT.replace("-->", "--&gt;"),
    "text behind the times": SRT.replace("2,000\n", "2,000 ").replace("4,500\n", "4,500 "),
    "places on the screen": SRT.replace("2,000\n", "2,000  X1:100 X2:200 Y1:1 Y2:9\n"),
    "ASS marks": SRT.replace("A dog", "{\\an8}{\\pos(1,2)}A {\\i1}dog{\\i0}"),
    "drawings": SRT.replace("A dog", "{\\p1}m 0 0 l 100 0 100 50{\\p0}A dog"),
    "HTML": SRT.replace("A dog", '<font color="#ff0000"><i>A&nbsp;dog</i></font>'),
    "a mark left open": SRT.replace("barks.", "barks.<i"),
    "out of order": srt((3000, 4500, "Rain!"), (1000, 2000, "A dog barks.")),
    "words before": "Ripped by a machine\n\n" + SRT,
    "web with commas": VTT.replace(".000", ",000").replace(".500 ", ",500 "),
    "web without a blank line": "WEBVTT\n" + SRT.replace("\n\n", "\n").replace(",", "."),
    "web without header": "\n\n".join(
        ["00:01.000 --> 00:02.000\nA dog barks.", "00:03.000 --> 00:04.500\nRain!"]
    ),
    "web without minutes' zeros": "WEBVTT\n\n0:1.000 --> 0:2.000\nA dog barks.\n\n"
    "0:0:3.0 --> 0:0:4.5\nRain!",
}


@pytest.mark.parametrize("bend", BENT)
def test_both_cues_are_read_with_their_times(bend: str) -> None:
    assert sorted(shown(BENT[bend])) == BOTH


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_encodings_are_told_apart(tmp_path: Path, codec: str) -> None:
    [sample] = read(tmp_path, srt((0, 1000, "Käse für Zoë, “naïve”")).encode(codec))

    assert sample.content == "Käse für Zoë, “naïve”"


def test_a_windows_letter_does_not_spoil_the_other_lines(tmp_path: Path) -> None:
    content = srt((0, 1000, "Grün ist"), (1100, 5000, "es. Blå.")).encode()
    content = content.replace("å".encode(), b"\xe5")

    [sample] = read(tmp_path, content)

    assert sample.content == "Grün ist es. Blå."


def test_samples_name_film_second_and_language(tmp_path: Path) -> None:
    samples = read(tmp_path, srt((5, 1000, "Rain."), (9000, 9900, "Snow.")), "film.pt-BR.srt")

    assert samples == [
        Sample("Rain.", 0, about="film.mp4", span=Span(5, 1000, 5), origin="subtitle:pt-BR"),
        Sample("Snow.", 1, about="film.mp4", span=Span(9000, 9900, 9000), origin="subtitle:pt-BR"),
    ]


def test_language_of_a_web_header_counts_where_the_name_has_none(tmp_path: Path) -> None:
    text = "WEBVTT\nKind: captions\nLanguage: de-DE\n\n00:01.000 --> 00:02.000\nRegen.\n"

    assert read(tmp_path, text, "film.vtt")[0].origin == "subtitle:de-DE"
    assert read(tmp_path, text, "film.en.vtt")[0].origin == "subtitle:en"
    assert read(tmp_path, SRT, "film.srt")[0].origin == "subtitle"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"A letter.\n\nDear Ann, 12:30 --> noon?", "no subtitles in it"),
        (b"WEBVTT\n\n", "no subtitles in it"),
        (b"\x00\x01\x02\xff" * 50, "zero bytes"),
        (srt((0, 1000, "\u266a"), (2000, 3000, "...")), "no words in it: 2 cues"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "no words in it: 1 cue "),
    ],
)
def test_what_is_no_subtitle_file_is_refused_with_the_reason(
    tmp_path: Path, content: bytes | str, reason: str
) -> None:
    with pytest.raises(MediaError, match=re.escape(reason)):
        read(tmp_path, content)


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    source = SourceFile(str(tmp_path), "absent.srt", Kind.CAPTION, 10_000_001, 0)

    with pytest.raises(MediaError, match="10,000,001 bytes are too many"):
        list(SubtitleReader(lambda source: None).read(source))


def test_a_number_spoken_is_no_number_of_a_cue() -> None:
    numbered = srt((0, 900, "How many?\n42"), (5000, 5900, "7"), (9000, 9900, "Seven?"))
    bare = re.sub(r"(?m)^\d\n", "", numbered.replace("\n7\n", "\nX\n")).replace("X", "7")

    assert [text for _, _, text in shown(numbered)] == ["How many? 42", "7", "Seven?"]
    assert [text for _, _, text in shown(bare)] == ["How many? 42", "7", "Seven?"]


def test_a_cut_off_file_keeps_what_was_whole() -> None:
    assert shown(SRT[: SRT.index("4,500")]) == [(1000, 2000, "A dog barks.")]
    assert shown(SRT[:-4])[1] == (3000, 4500, "Ra")


def test_cues_without_an_end_last_as_long_as_it_takes_to_read_them() -> None:
    text = srt((5000, 2000, "The end is before."), (9000, 9000, "It has no length."))
    spans = [sentence.span for sentence in sentences(cues_in(text))]

    assert spans == [Span(5000, 6080, 5000), Span(9000, 10_020, 9000)]


def test_nothing_is_kept_that_no_film_shows() -> None:
    before = SRT.replace("00:00:01,000 --> 00:00:02,000", "-00:00:05,000 --> -00:00:04,000")
    begun = SRT.replace("00:00:01,000", "-00:00:05,000")
    never = SRT.replace("00:00:01", "999999999:00:01").replace("00:00:02", "999999999:00:02")

    assert joined(before) == joined(never) == ["Rain!"]
    assert shown(begun)[0] == (0, 2000, "A dog barks.")


def test_half_sentences_are_joined_and_whole_ones_are_not() -> None:
    text = srt(
        (0, 2000, "She left the house at dawn,"),
        (2100, 4000, "and then..."),
        (4100, 6000, "...<i>the telephone\nrang.</i>"),
        (6100, 8000, "Nobody answered it, of course."),
        (8100, 9000, "It was Mr."),
        (9100, 9900, "Miller who had called again,"),
        (60_000, 61_000, "Years later."),
    )

    assert [(one.text, one.span) for one in sentences(cues_in(text))] == [
        ("She left the house at dawn, and then the telephone rang.", Span(0, 6000, 0)),
        ("Nobody answered it, of course.", Span(6100, 8000, 6100)),
        ("It was Mr. Miller who had called again,", Span(8100, 9900, 8100)),
        ("Years later.", Span(60_000, 61_000, 60_000)),
    ]


def test_a_word_alone_goes_with_what_follows_at_once() -> None:
    close = srt((0, 900, "No."), (1000, 3000, "I left the car in the garage."))
    apart = srt((0, 900, "No."), (2000, 3000, "I left the car in the garage."))

    assert joined(close) == ["No. I left the car in the garage."]
    assert joined(apart) == ["No.", "I left the car in the garage."]


def test_speakers_stay_apart_but_for_one_cue() -> None:
    text = srt(
        (0, 2000, "- Where did you leave the car?\n- In the garage"),
        (2100, 4000, "- But it is not there any more!"),
        (4100, 6000, "&gt;&gt; Then somebody has taken it, I fear."),
    )

    assert joined(text) == [
        "Where did you leave the car? - In the garage",
        "But it is not there any more!",
        "Then somebody has taken it, I fear.",
    ]


def test_sounds_and_songs_keep_their_words() -> None:
    text = srt(
        (0, 2000, "[THUNDER ROLLS IN THE DISTANCE]"),
        (5000, 6000, "\u266a \u266a"),
        (9000, 11_000, "\u266a Over the hills \u266a\n# and far away #"),
        (20_000, 21_000, "[Music]"),
        (25_000, 26_000, "Music!"),
        (40_000, 41_000, "I <3 you & <laughs>"),
    )

    assert joined(text) == [
        "[THUNDER ROLLS IN THE DISTANCE]",
        "Over the hills and far away",
        "Music!",
        "I <3 you & <laughs>",
    ]


@pytest.mark.parametrize(
    "advert",
    [
        "Subtitles by Somebody",
        "Subtitles and sync by\tSomebody",
        "Synced & corrected by somebody",
        "Untertitel: Somebody",
        "Sous-titres réalisés par Somebody",
        "- Support us and become VIP member\nto remove all ads from www.OpenSubtitles.org",
        "www.example.com",
        "https://example.com/film?id=1",
    ],
)
def test_advertising_is_left_out(advert: str) -> None:
    assert joined(srt((0, 900, advert), (30_000, 31_000, "Rain!"))) == ["Rain!"]


@pytest.mark.parametrize(
    "line",
    [
        "Captions are written by people.",
        "The book was translated by monks.",
        "See www.example.com for more.",
        "It is minus\n-40 degrees.",
    ],
)
def test_talk_that_looks_like_it_is_kept(line: str) -> None:
    assert joined(srt((0, 900, line))) == [" ".join(line.split())]


ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.389 align:start position:0%
_
hello<00:00:00.480><c> everyone</c><00:00:00.880><c> and</c><00:00:01.120><c> welcome</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello everyone and welcome
_

00:00:02.399 --> 00:00:04.630 align:start position:0%
hello everyone and welcome
to<00:00:02.639><c> my</c><00:00:02.879><c> little</c><00:00:03.120><c> kitchen</c>

00:00:04.630 --> 00:00:04.640 align:start position:0%
to my little kitchen
_

00:00:09.640 --> 00:00:12.430 align:start position:0%
to my little kitchen
first<00:00:10.000><c> melt</c><00:00:10.640><c> the</c><00:00:11.000><c> butter</c>
"""
BLANK = re.compile("(?m)^_$")


@pytest.mark.parametrize("text", [BLANK.sub(" ", ROLLING), BLANK.sub("", ROLLING)])
def test_rolling_captions_say_each_line_once(text: str) -> None:
    assert [(one.text, one.span) for one in sentences(cues_in(text))] == [
        ("hello everyone and welcome to my little kitchen", Span(160, 4640, 160)),
        ("first melt the butter", Span(9640, 12_430, 9640)),
    ]


def test_growing_captions_say_each_word_once() -> None:
    text = srt((0, 200, "the"), (200, 400, "the red"), (400, 900, "the red car"), (900, 950, "the"))

    assert joined(text) == ["the red car the"]


def test_signs_drawn_frame_by_frame_are_one_text() -> None:
    frames = [(at, at + 40, f"{{\\pos({at},5)}}LONDON STATION") for at in range(0, 2000, 40)]
    text = srt(*frames, (500, 1500, "The train was late again."))

    assert joined(text) == ["LONDON STATION The train was late again."]


def test_cues_written_twice_count_once() -> None:
    assert joined(SRT + SRT) == ["A dog barks. Rain!"]


def test_long_cues_are_cut_at_sentences_and_share_their_time() -> None:
    text = " ".join(f"This is the sentence with the number {number}." for number in range(20))
    found = list(sentences(cues_in(srt((10_000, 70_000, text)))))

    assert " ".join(one.text for one in found) == text
    assert all(one.text.endswith(".") and len(one.text) <= MAX_BYTES for one in found)
    assert found[0].span.start_ms == 10_000
    assert found[-1].span.end_ms == 70_000
    assert all(a.span.end_ms == b.span.start_ms for a, b in pairwise(found))


def test_two_thousand_cues_take_no_half_second() -> None:
    cues = ((at * 3000, at * 3000 + 2500, f"<i>Cue {at}</i>\nof a film,") for at in range(2000))
    text = srt(*cues)
    began = time.process_time()

    assert joined(text)
    assert time.process_time() - began < 0.5  # 0.05 s where nothing else runs


@pytest.mark.parametrize(
    "line",
    [
        "<" * 200_000,
        "{\\p1" * 50_000,
        ">" * 200_000,
        "-" * 200_000,
        " " * 200_000,
        "1 " * 100_000,
        "1:" * 100_000,
        "align:" * 30_000,
        "00:00:01,000 -->" * 20_000,
        "." * 200_000,
        "\u266a#" * 100_000,
        "&amp;" * 40_000,
        "www." + "!" * 200_000 + " a",
        "subtitles " * 20_000,
        "subtitles " + "edit" * 50_000,
    ],
    ids=lambda line: line[:20],
)
def test_no_line_takes_long(line: str) -> None:
    began = time.process_time()
    for text in (srt((0, 1000, line)), f"00:01,000 --> 00:02,000 {line} x >"):
        joined(text)
        joined(f"{line}\n{text}")
    assert time.process_time() - began < 5  # 0.1 s where nothing else runs


@pytest.mark.parametrize(
    ("name", "stems"),
    [
        ("film.srt", ["film"]),
        ("a/film.en.srt", ["a/film.en", "a/film"]),
        ("film.mp4.srt", ["film.mp4", "film"]),
        ("film.MKV.eng.vtt", ["film.MKV.eng", "film.MKV", "film"]),
        ("film.pt-BR.forced.srt", ["film.pt-BR.forced", "film.pt-BR", "film"]),
        ("film.2020.srt", ["film.2020"]),
        (".srt", [".srt"]),
        ("en.srt", ["en"]),
    ],
)
def test_stems_of_the_film(name: str, stems: list[str]) -> None:
    assert video_stem(name) == stems


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("film.srt", None),
        ("film.en.srt", "en"),
        ("film.ENG.srt", "en"),
        ("film.ger.srt", "de"),
        ("film.English.srt", "en"),
        ("film.pt-BR.forced.srt", "pt-BR"),
        ("film.zh_hans.srt", "zh-Hans"),
        ("film.es-419.vtt", "es-419"),
        ("film.en-orig.vtt", "en"),
        ("film.en.hi.srt", "en"),
        ("film.hi.srt", "hi"),
        ("film.hi.sdh.srt", "hi"),
        ("film.ts.srt", None),
        ("film.mp4.srt", None),
        ("film.forced.srt", None),
        ("what.a.film.srt", None),
        ("en.srt", None),
    ],
)
def test_language_in_a_name(name: str, tag: str | None) -> None:
    assert named_language(name) == tag


PARTS = ["WEBVTT", "NOTE", "1", "00:00:01,000", "00:01.5", " --> ", "->", "\n", "\r", "\n\n", "-"]
PARTS += ["<i>", "<v Ann", "{\\an8}", "{\\p1}", "&amp;", "&#0;", "&#xd800;", "\u266a", "[Music]"]
PARTS += ["...", ">>", "Rain.", "\ufeff", "999999999:0:0", "X1:1", "\u3042", "\x00", "\u0661"]
MESS = st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=9)), max_size=40).map("".join)


@given(MESS)
@example("WEBVTT\n00:01 --> 00:02")
def test_any_text_gives_sentences_in_order(text: str) -> None:
    found = list(sentences(cues_in(text)))

    spans = [one.span for one in found]
    assert spans == sorted(spans, key=lambda span: span.start_ms)
    assert all(span.start_ms == span.best_ms <= span.end_ms for span in spans)
    assert all(one.text and len(one.text.encode()) <= MAX_BYTES for one in found)


@given(content=st.one_of(st.binary(max_size=300), MESS.map(lambda text: text.encode("utf-8"))))
def test_any_bytes_give_samples_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    samples: list[Sample] = []
    with suppress(MediaError):
        samples = read(tmp_path_factory.getbasetemp(), content)

    assert [sample.position for sample in samples] == list(range(len(samples)))


WORD = st.text(st.characters(categories=["Ll", "Lu", "Lo"]), min_size=1, max_size=12)
PHRASES = st.builds(
    lambda words, end: " ".join(words) + end,
    st.lists(WORD, min_size=1, max_size=15),
    st.sampled_from(["", "", ",", ".", "?", "!", "..."]),
).filter(lambda text: text.rstrip(",.?!").lower() != "foreign")
CUES = st.lists(
    st.tuples(st.integers(200, 5000), st.integers(1, 20_000), PHRASES), min_size=1, max_size=12
)


def timed(gaps: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    at = 0
    cues = []
    for gap, length, text in gaps:
        cues.append((at + gap, at + gap + length, text))
        at += gap + length
    return cues


@given(CUES.map(timed), st.booleans())
def test_what_is_written_is_read_back(cues: list[tuple[int, int, str]], web: bool) -> None:
    text = srt(*cues)
    if web:
        text = "WEBVTT\n\n" + re.sub(r"(\d\d),(\d\d\d)", r"\1.\2", text)

    assert [(cue.start_ms, cue.end_ms, cue.text) for cue in cues_in(text)] == cues


@given(CUES.map(timed))
def test_sentences_have_all_words_of_the_cues(cues: list[tuple[int, int, str]]) -> None:
    found = list(sentences(cues_in(srt(*cues))))

    def letters(texts: list[str]) -> str:
        return re.sub(r"[\s.]", "", "".join(texts))

    assert letters([one.text for one in found]) == letters([text for _, _, text in cues])
    spans = [one.span for one in found]
    assert cues[0][0] == spans[0].start_ms
    assert cues[-1][1] == spans[-1].end_ms
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(spans))
    longest = max(end - start for start, end, _ in cues)
    assert all(span.end_ms - span.start_ms <= max(MAX_MS, longest) for span in spans)
