"""Subtitles in a file beside the film: captions with a time."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath

from indexer.errors import MediaError
from indexer.media.cues import cues_in, language_in
from indexer.media.languages import language
from indexer.media.sentences import sentences
from indexer.media.texts import UTF16_MARKS, content, decoded
from indexer.types import Kind, Sample, SourceFile

SUBTITLE_SUFFIXES = frozenset({".srt", ".vtt"})
_MAX_BYTES = 10_000_000  # ten hours of YouTube's, which gives the time of each word, are 3 MB

_VIDEO_SUFFIXES = frozenset(
    "mp4 m4v mov mkv webm avi ts m2ts mts 3gp 3g2 mpg mpeg wmv flv ogv vob mxf gif".split()
)
_FLAGS = frozenset("forced foreign sdh cc hi default full auto".split())
_MARKLESS_UTF16 = {"-->".encode(codec): codec for codec in ("utf-16-le", "utf-16-be")}
_LINES = re.compile(rb"\r\n|\r|\n")


class SubtitleReader:
    """Reads SubRip and WebVTT; each sentence is a sample with its time that names the film.

    Safe to use from many threads.
    """

    kind = Kind.CAPTION

    def __init__(self, beside: Callable[[SourceFile], str | None]) -> None:
        """Remembers `beside`, which tells the film of a subtitle file (see `video_stem`)."""
        self._beside = beside

    def read(self, source: SourceFile) -> Iterator[Sample]:
        if source.size_bytes > _MAX_BYTES:
            raise MediaError(
                f"{source.size_bytes:,} bytes are too many for a subtitle file "
                f"(limit {_MAX_BYTES:,})"
            )
        text = _text(content(source)[: _MAX_BYTES + 1])
        cues = cues_in(text)
        if not cues:
            raise MediaError(
                "no subtitles in it: no line has two times, such as 00:01:02,500 --> 00:01:04,000"
            )
        spoken_in = named_language(source.path) or language(language_in(text) or "")
        origin = f"subtitle:{spoken_in}" if spoken_in else "subtitle"
        about = self._beside(source)
        position = -1
        for position, sentence in enumerate(sentences(cues)):
            yield Sample(
                sentence.text, position=position, about=about, span=sentence.span, origin=origin
            )
        if position < 0:
            raise MediaError(f"no words in it: {_count(len(cues))} with times, but without text")


def video_stem(name: str) -> Sequence[str]:
    """Returns what the film beside this subtitle file may be called, the likeliest first.

    With its suffix or without: "a.mp4", then "a", for "a.mp4.srt"; "a.en", then "a", for
    "a.en.srt". A folder in the name stays.
    """
    path = PurePosixPath(name)
    stem = path.stem
    stems = [stem]
    while (parts := stem.rpartition("."))[0] and _is_addition(parts[2]):
        stem = parts[0]
        stems.append(stem)
    return [str(path.with_name(stem)) for stem in stems]


def named_language(name: str) -> str | None:
    """Returns the language in a file's name, "pt-BR" for "a.pt-BR.forced.srt"; None without."""
    additions = PurePosixPath(name).stem.split(".")[1:]
    while additions:
        last = additions.pop()
        # "hi" is Hindi, or "for the hearing impaired" behind another language.
        is_flag = last.lower() in _FLAGS
        if is_flag and (last.lower() != "hi" or (additions and language(additions[-1]))):
            continue
        return None if last.lower() in _VIDEO_SUFFIXES else language(last)  # "ts" is Tsonga too
    return None


def _is_addition(part: str) -> bool:
    return part.lower() in _FLAGS or part.lower() in _VIDEO_SUFFIXES or language(part) is not None


def _text(raw: bytes) -> str:
    if not raw.strip():
        raise MediaError("the file is empty")
    if raw.startswith(UTF16_MARKS):
        return decoded(raw)
    if b"\0" in raw:
        for arrow, codec in _MARKLESS_UTF16.items():
            if raw.find(arrow) % 2 == 0:
                return raw.decode(codec, "replace")
        raise MediaError("not text: it holds zero bytes")
    # Line by line, so that one Windows letter does not spoil a UTF-8 file, nor the reverse.
    return "\n".join(map(decoded, _LINES.split(raw)))


def _count(cues: int) -> str:
    return f"{cues:,} cue" if cues == 1 else f"{cues:,} cues"
