"""Subtitle files as cues: SubRip and WebVTT, as they are found and not only as they should be.

A cue is whatever stands between two lines that tell times. That one rule outlives missing numbers,
missing blank lines and a damaged neighbour, where parsers that want whole blocks give up: of 21
ways to bend a file, pysubs2 1.8, webvtt-py 0.6, srt 3.5 and FFmpeg 8 each lost the words of five or
more (hours left out, CR alone, "->", comma in WebVTT, text behind the times).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile

_GAP = r"[ \t]{0,9}"
_TIME = (
    rf"(-?){_GAP}(?:(\d{{1,9}}){_GAP}:{_GAP})?(\d{{1,9}}){_GAP}:{_GAP}(\d{{1,9}})"
    rf"(?:{_GAP}[.,;:]{_GAP}(\d{{1,9}}))?(?!\d)"
)
_ARROW = rf"{_GAP}(?:[-\u2013\u2014]{{1,4}}{_GAP}(?:>|&gt;){{1,3}}|\u2192){_GAP}"
_TIMES = re.compile(rf"{_TIME}{_ARROW}(?:{_TIME}(.*))?", re.DOTALL)
_LINE_END = re.compile("\r+\n|\r|\n")
_NUMBER = re.compile(r"\s*\d+\s*")
_SETTINGS = re.compile(
    r"(?:\s+(?:[XY][12]|align|line|position|size|vertical|region):\s*\S+)*\s*", re.IGNORECASE
)
_NO_CUE = re.compile(r"(?:NOTE|STYLE|REGION)\b")
_LANGUAGE = re.compile(r"Language:\s*([\w-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cue:
    """A text as shown from `start_ms` on, its lines parted by newlines, marks of layout and all.

    The times are as written: they may be negative, the end before the start.
    """

    start_ms: int
    end_ms: int
    text: str


def cues_in(text: str) -> list[Cue]:
    """Returns the cues of a SubRip or WebVTT file in its order, those without text too."""
    lines = _LINE_END.split(text.lstrip("\ufeff"))
    is_webvtt = lines[0].startswith("WEBVTT")
    found = [
        (at, times)
        for at, line in enumerate(lines)
        if (">" in line or "&gt;" in line or "\u2192" in line)
        and (times := _TIMES.match(line.strip()))
    ]
    if not found:
        return []
    numbered = _are_numbered(lines, [at for at, _ in found])
    ends = [at for at, _ in found[1:]] + [len(lines)]
    cues = []
    for (at, times), end in zip(found, ends, strict=True):
        shown = lines[at + 1 : end]
        if numbered and end < len(lines):
            shown = _without_number(shown)
        if is_webvtt:
            shown = _payload(shown, is_last=end == len(lines))
        behind = times[11] or ""
        if not _SETTINGS.fullmatch(behind):
            shown.insert(0, behind)
        start_ms = _milliseconds(times.groups()[:5])
        end_ms = start_ms if times[8] is None else _milliseconds(times.groups()[5:10])
        cues.append(Cue(start_ms, end_ms, "\n".join(line for line in shown if line.strip())))
    return cues


def language_in(text: str) -> str | None:
    """Returns the language that a WebVTT header names, as YouTube writes it."""
    if not text.startswith("WEBVTT"):
        return None
    header = takewhile(str.strip, _LINE_END.split(text[:500]))
    named = (_LANGUAGE.match(line) for line in header)
    return next((match[1] for match in named if match), None)


def _milliseconds(groups: Sequence[str | None]) -> int:
    sign, hours, minutes, seconds, fraction = groups
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    # Fewer than three digits are against both standards; "1,5" can only mean a second and a half.
    value = whole * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    return -value if sign else value


def _are_numbered(lines: Sequence[str], times: Sequence[int]) -> bool:
    """Whether most cues have a number above their times: else a number there is text.

    Where blank lines were doubled one stands between, as it does between a text and the next times;
    but above the first times is no text.
    """

    def numbers(reach: int) -> int:
        above = (next(filter(None, lines[max(0, at - reach) : at][::-1]), "") for at in times)
        return sum(_NUMBER.fullmatch(line) is not None for line in above)

    first = lines[: times[0]]
    leads = any(map(_NUMBER.fullmatch, first))
    return 2 * numbers(reach=1) > len(times) or (leads and 2 * numbers(reach=2) > len(times))


def _without_number(shown: Sequence[str]) -> list[str]:
    """Returns the lines of a cue without the number of the next one at their end."""
    last = max((at for at, line in enumerate(shown) if line.strip()), default=None)
    if last is None or not _NUMBER.fullmatch(shown[last]):
        return list(shown)
    return list(shown[:last])


def _payload(shown: Sequence[str], *, is_last: bool) -> list[str]:
    """Returns what WebVTT shows of the lines up to the next times.

    An empty line ends it; comments, styles and the next cue's name come after. One before any text
    is passed over, since editors strip the blanks from the lines that YouTube leaves blank.
    """
    if not is_last and len(shown) > 1 and shown[-1] and not shown[-2]:
        shown = shown[:-1]
    words = list(takewhile(bool, dropwhile(lambda line: not line, shown)))
    began_late = bool(shown) and not shown[0]
    return [] if began_late and words and _NO_CUE.match(words[0]) else words
