"""Words inside a film: what its container says of it, its chapters, its subtitles.

They are a help in finding the film and never a reason to refuse it: whatever is damaged here is
passed over, and what was read before stays.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Discard, Disposition
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from indexer.media.cues import Cue
from indexer.media.languages import language
from indexer.media.sentences import sentences
from indexer.media.texts import MAX_CAPTION, clean
from indexer.types import Sample, Span

MAX_STREAMS = 8
_MAX_BYTES = 10_000_000  # of all subtitles together, as for a file of them
_MAX_CHAPTERS = 1_000
_WAIT_S = 10.0

_TAGS = {
    "title": "title",
    "displayname": "title",
    "description": "description",
    "synopsis": "synopsis",
    "summary": "synopsis",
    "comment": "comment",
    "keywords": "keywords",
    "subject": "keywords",
}
_TAG_NAME = re.compile(r"(?:com\.apple\.quicktime\.)?(\w+)(?:-\w{2,3})?")
_LIST_MARK = re.compile(r"\s*[;|]\s*")
# What programs and phones write where a person would: their own names, numbers, addresses.
_NO_WORDS = re.compile(
    r"(?:lav[fc]|handbrake|gpac|isomedia|xvid|divx|x26[45]|mencoder|ffmpeg|videohandler)(?![a-z]).*"
    r"|(?:created|made|encoded|produced|edited|recorded|captured|converted|exported)"
    r" (?:with|using|in) \S.{0,60}"
    r"|(?:https?://|www\.)\S+|vid:\w+|[a-z]{2,5}[_-]?\d{3,}|[\da-f-]{16,}|untitled\W*\d*",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"\W*(?:chapter|kapitel|chapitre|cap[ií]tulo|capitolo|hoofdstuk|scene|part|track)?[\W\d]*",
    re.IGNORECASE,
)
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}|[\u3040-\ufaff]")
_COMMENT = re.compile(r"\{(?!\\)[^{}]*\}")
_DAMAGE = (FFmpegError, OSError, ValueError)  # ValueError: a codec that FFmpeg does not know


def words_inside(path: Path, first_position: int) -> Iterator[Sample]:
    """Yields all words of the film as captions of it, with positions from the first on.

    Its tags come first (origin "video:title"), then chapters ("chapter") and subtitles
    ("subtitle:en") with their spans. Nothing if the file cannot be read.
    """
    positions = count(first_position)
    try:
        with _opened(path) as container:
            tags = container_words(container.metadata)
            chapters = chapter_words(container)
    except _DAMAGE:
        return
    for origin, text in tags:
        yield _about_film(text, next(positions), origin)
    for span, title in chapters:
        yield _about_film(title, next(positions), "chapter", span)
    yield from embedded_subtitles(path, next(positions))


def embedded_subtitles(
    path: Path, first_position: int, *, max_streams: int = MAX_STREAMS, limit_s: float = 60.0
) -> Iterator[Sample]:
    """Yields the sentences of the film's text streams, with positions from the first on.

    One stream of each language, complete ones before those with forced lines only; subtitles that
    are pictures are passed over. The pictures of the film are not decoded, and from MP4 not even
    read. Nothing if the file cannot be read; reading ends after `limit_s` seconds.
    """
    positions = count(first_position)
    for origin, cues in _subtitles(path, max_streams, time.monotonic() + limit_s):
        for sentence in sentences(cues):
            yield _about_film(sentence.text, next(positions), origin, sentence.span)


def container_words(tags: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """Returns what people wrote into FFmpeg's tags of a file, each text once, with its origin.

    Origins are "video:title", "video:description", "video:synopsis", "video:comment" and
    "video:keywords". Names of encoders, addresses and numbers are no words.
    """
    found: dict[str, str] = {}
    for key, value in tags.items():
        match = _TAG_NAME.fullmatch(key.lower())
        name = _TAGS.get(match[1]) if match else None
        text = clean(_LIST_MARK.sub(", ", value) if name == "keywords" else value)[:MAX_CAPTION]
        if name and _TWO_LETTERS.search(text) and not _NO_WORDS.fullmatch(text):
            found.setdefault(text, f"video:{name}")
    order = list(dict.fromkeys(f"video:{name}" for name in _TAGS.values()))
    return sorted(
        ((origin, text) for text, origin in found.items()), key=lambda pair: order.index(pair[0])
    )


def chapter_words(container: InputContainer) -> Sequence[tuple[Span, str]]:
    """Returns the chapters that have more of a title than a number, and when they are shown."""
    found = []
    for chapter in container.chapters()[:_MAX_CHAPTERS]:
        title = clean(chapter["metadata"].get("title", ""))[:MAX_CAPTION]
        if chapter["time_base"] is None or _NUMBERED.fullmatch(title):
            continue
        start_ms = max(0, _milliseconds(chapter["start"], chapter["time_base"]))
        end_ms = max(start_ms, _milliseconds(chapter["end"], chapter["time_base"]))
        found.append((Span(start_ms, end_ms, best_ms=start_ms), title))
    return found


def _about_film(text: str, position: int, origin: str, span: Span | None = None) -> Sample:
    return Sample(text, position=position, about_position=0, span=span, origin=origin)


def _opened(path: Path) -> InputContainer:
    # Playlists name addresses: nothing but files is opened, whatever a film turns out to be.
    return av.open(
        str(path),
        "r",
        options={"protocol_whitelist": "file"},
        metadata_errors="replace",
        timeout=_WAIT_S,
    )


def _subtitles(path: Path, max_streams: int, until: float) -> Sequence[tuple[str, list[Cue]]]:
    """Returns the cues of each stream that is read, with its origin."""
    cues: dict[int, list[Cue]] = {}
    origins: dict[int, str] = {}
    read_bytes = 0
    try:
        with _opened(path) as container:
            chosen = _chosen(container)[:max_streams]
            for stream in chosen:
                tag = _tag(stream)
                origins[stream.index] = f"subtitle:{tag}" if tag else "subtitle"
                cues[stream.index] = []
            for other in container.streams:
                if other.index not in cues:
                    other.discard = Discard.all
            start_ms = (container.start_time or 0) // 1000  # AV_TIME_BASE is 1,000,000
            for packet in container.demux(tuple(chosen)) if chosen else ():
                read_bytes += packet.size
                if read_bytes > _MAX_BYTES or time.monotonic() > until:
                    break
                if cue := _cue(packet, start_ms):
                    cues[packet.stream.index].append(cue)
    except _DAMAGE:
        pass
    return [(origins[index], found) for index, found in cues.items()]


def _chosen(container: InputContainer) -> list[SubtitleStream]:
    chosen: dict[object, SubtitleStream] = {}
    texts = [stream for stream in container.streams.subtitles if _is_text(stream)]
    texts.sort(
        key=lambda stream: (
            bool(stream.disposition & Disposition.forced),
            not stream.disposition & Disposition.default,
        )
    )
    for stream in texts:
        chosen.setdefault(_tag(stream) or stream.index, stream)
    return list(chosen.values())


def _is_text(stream: SubtitleStream) -> bool:
    context = stream.codec_context
    return context is not None and context.codec.text_sub


def _tag(stream: SubtitleStream) -> str | None:
    named = stream.language
    if named is None or named == "und":
        return None
    return language(named) or (named if re.fullmatch(r"[a-z]{3}", named) else None)


def _cue(packet: "Packet[SubtitleStream]", start_ms: int) -> Cue | None:
    if packet.pts is None or not packet.size:
        return None
    try:
        events = [event.ass for event in packet.decode() if isinstance(event, AssSubtitle)]
    except _DAMAGE:
        return None
    begin_ms = _milliseconds(packet.pts, packet.time_base) - start_ms
    length_ms = _milliseconds(packet.duration or 0, packet.time_base)
    text = "\n".join(_dialogue(event.decode("utf-8", "replace")) for event in events)
    return Cue(begin_ms, begin_ms + length_ms, text) if text else None


def _dialogue(event: str) -> str:
    """Returns the text of "order,layer,style,name,left,right,vertical,effect,text"."""
    text = event.split(",", 8)[-1]
    return _COMMENT.sub("", text).replace("\\n", "\n").replace("\\h", " ")


def _milliseconds(time_: int, base: Fraction) -> int:
    return round(time_ * base * 1000)
