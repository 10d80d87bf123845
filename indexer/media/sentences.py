"""Cues joined to sentences: what somebody would look for, and where it is said.

A cue is what fits on the screen, often half a sentence; a vector of half a sentence is found by
nobody. Cues are joined up to a sentence's end, as far as they follow each other closely and what
comes of it is no longer than a text tower reads.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

from indexer.media.cues import Cue
from indexer.media.spoken import spoken
from indexer.types import Span

MAX_MS = 15_000
# Bytes of UTF-8, because tokens are made of those: about 70 of CLIP's 77 in any script.
MAX_BYTES = 300
_LATEST_MS = 100 * 3_600_000
_PAUSE_MS = 2_000
_SHORT_PAUSE_MS = 1_000
_SHORT = 20  # characters; "No." alone is found by everything and nothing
_AT_ONCE_MS = 300
_STILL_SHOWN_MS = 100
_ROLLING_MS = 30_000
_MS_TO_READ, _LEAST_MS, _MOST_MS = 60, 1_000, 7_000  # a character; a cue that tells no end

_END = re.compile(r"[.!?。！？।؟۔][\"'”’»)\]]*$")
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|vs)\.$")
_TRAILING_OFF = re.compile(r"(?:\.\.+|…|[-–—])[\"'”’»)\]]*$")
_RESUMED = ("..", "…", "--", "—")
_PICKED_UP = re.compile(r"\s*(?:\.\.+|…)\s+(?:\.\.+|…)\s*")
_ANOTHER_SPEAKER = re.compile(r"^[-‐–](?=\s|[^\W\d_])\s*")
_SOUND = re.compile(r"[\[(][^\[\]()]*[\])]")
_SENTENCE_END = re.compile(r"(?<=[.!?।؟۔…])\s+|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words on one line and when they are shown; the moment that stands for them is their first."""

    text: str
    span: Span


def sentences(cues: Iterable[Cue]) -> Iterator[Sentence]:
    """Yields what the cues say, in order of time; each word that was shown on and on once.

    A cue joins the one before where that has not come to a sentence's end, or to little more than
    a word, within `MAX_MS` and `MAX_BYTES` in all. A cue longer than that is cut, its time shared
    out by length.
    """
    unit: Cue | None = None
    last: Cue | None = None
    for cue in _appearing(_in_order(cues)):
        if unit is not None and last is not None:
            if _goes_on(unit, cue) and not _is_beside(last, cue):
                end_ms = max(unit.end_ms, cue.end_ms)
                text = _PICKED_UP.sub(" ", f"{unit.text} {cue.text}")
                if end_ms - unit.start_ms <= MAX_MS and len(text.encode()) <= MAX_BYTES:
                    unit, last = Cue(unit.start_ms, end_ms, text), cue
                    continue
            yield from _cut(unit)
        unit = last = cue
    if unit is not None:
        yield from _cut(unit)


def _in_order(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Yields the cues by time, each once; those without an end get one.

    What ends before the film begins, or begins after 100 hours, is left out: nobody can go there.
    """
    possible = {
        replace(cue, start_ms=max(0, cue.start_ms)): None
        for cue in cues
        if cue.start_ms <= _LATEST_MS and (cue.start_ms >= 0 or cue.end_ms > 0)
    }
    ordered = sorted(possible, key=lambda cue: cue.start_ms)
    for cue, following in zip_longest(ordered, ordered[1:]):
        if cue.start_ms < cue.end_ms <= 2 * _LATEST_MS:
            yield cue
            continue
        to_read_ms = min(max(len(cue.text) * _MS_TO_READ, _LEAST_MS), _MOST_MS)
        end_ms = cue.start_ms + to_read_ms
        if following is not None and following.start_ms > cue.start_ms:
            end_ms = min(end_ms, following.start_ms)
        yield replace(cue, end_ms=end_ms)


def _appearing(cues: Iterable[Cue]) -> Iterator[Cue]:
    """Yields the cues with the lines that come new on the screen, as plain text on one line.

    Captions that roll up repeat the lines above, those that grow repeat their beginning, and ASS
    draws moving signs frame by frame.
    """
    shown_until: dict[str, int] = {}
    newest: str | None = None
    kept: Cue | None = None
    for cue in cues:
        lines = spoken(cue.text)
        if not lines:
            continue
        gone_ms = cue.start_ms - _STILL_SHOWN_MS
        if len(lines) > 1 and lines[0] == newest and shown_until[newest] > gone_ms - _ROLLING_MS:
            shown_until[newest] = cue.start_ms  # it came back, for the next line to push it up
        fresh = [line for line in lines if shown_until.get(line, gone_ms - 1) < gone_ms]
        if fresh and newest is not None and shown_until[newest] >= gone_ms:
            fresh[0] = _grown(newest, fresh[0])
        for line in lines:
            shown_until[line] = max(shown_until.get(line, 0), cue.end_ms)
        newest = lines[-1]
        text = " ".join(fresh).strip()
        if text:
            if kept is not None:
                yield kept
            kept = replace(cue, text=text)
        elif kept is not None and kept.end_ms >= gone_ms:
            kept = replace(kept, end_ms=max(kept.end_ms, cue.end_ms))
    if kept is not None:
        yield kept


def _grown(shown: str, line: str) -> str:
    """Returns what the line has more than the shown one, which it may begin with."""
    more = line.removeprefix(shown)
    if more == line or more[:1].isalnum():
        return line
    return more if any(map(str.isalnum, more)) else ""


def _goes_on(unit: Cue, cue: Cue) -> bool:
    """Whether the cue belongs to what the unit says."""
    pause_ms = cue.start_ms - unit.end_ms
    if pause_ms > _PAUSE_MS:
        return False
    if _is_finished(unit.text, cue.text):
        return len(unit.text) <= _SHORT and pause_ms <= _SHORT_PAUSE_MS
    return True


def _is_finished(text: str, following: str) -> bool:
    if any(map(_SOUND.fullmatch, (text, following))) or _ANOTHER_SPEAKER.match(following):
        return True
    if _TRAILING_OFF.search(text):
        first = next(filter(str.isalpha, following), "")
        return not (first.islower() or following.startswith(_RESUMED))
    return _END.search(text) is not None and not _TITLE.search(text)


def _is_beside(last: Cue, cue: Cue) -> bool:
    """Whether both are shown at once: a sign in the picture and what is said meanwhile."""
    at_once = cue.start_ms - last.start_ms < _AT_ONCE_MS
    return at_once and last.end_ms - cue.start_ms > _STILL_SHOWN_MS


def _cut(unit: Cue) -> Iterator[Sentence]:
    text = _ANOTHER_SPEAKER.sub("", unit.text, count=1)
    pieces = list(_pieces(text)) if len(text.encode()) > MAX_BYTES else [text]
    whole = sum(map(len, pieces))
    length_ms = unit.end_ms - unit.start_ms
    done = 0
    for piece in pieces:
        start_ms = unit.start_ms + length_ms * done // whole
        done += len(piece)
        end_ms = unit.start_ms + length_ms * done // whole
        yield Sentence(piece, Span(start_ms, end_ms, best_ms=start_ms))


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for part in _parts(text):
        together = f"{piece} {part}" if piece else part
        if piece and len(together.encode()) > MAX_BYTES:
            yield piece
            together = part
        piece = together
    yield piece


def _parts(text: str) -> Iterator[str]:
    """Yields the sentences of the text, the words of those that are too long."""
    for sentence in _SENTENCE_END.split(text):
        if len(sentence.encode()) <= MAX_BYTES:
            yield sentence
            continue
        for word in sentence.split():
            at_most = MAX_BYTES // 4  # letters of four bytes
            yield from (word[at : at + at_most] for at in range(0, len(word), at_most))
