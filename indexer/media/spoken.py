"""What is said in a subtitle: its words, without marks of layout, notes and advertising."""

import html
import re

from indexer.media.texts import clean

_TAG = re.compile(
    r"</?(?:i|b|u|s|c|v|lang|ruby|rt|font|em|strong|span|p|div)(?:[\s.][^<>]*)?(?:>|$)"
    r"|<\d[\d:.,]*>",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<br\s*/?>|\\N", re.IGNORECASE)
# A drawing is made of letters and numbers too: {\p1}m 0 0 l 100 0 100 50{\p0}.
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}[^{}]*")
_OVERRIDE = re.compile(r"\{(?:\\|[A-Za-z]:)[^{}]*\}")
# Marks of direction, soft hyphens. Joiners stay: Persian words and emoji are spelt with them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffc]")
_MUSIC = re.compile("[\u2669-\u266f\U0001f3b5\U0001f3b6]+|(?<!\\S)#+(?!\\S)")
_WORD = re.compile(r"[^\W_]")
# What machines write wherever nobody speaks.
_NOTHING_SAID = re.compile(
    r"\W*[\[(*]\W*(?:music|musik|m[uú]sica|musique|inaudible|silence|blank_audio)\W*[\])*]\W*"
    r"|foreign",
    re.IGNORECASE,
)
_SITES = (
    "opensubtitles addic7ed podnapisi subscene. tvsubtitles. subtitlecat subdl. yts.mx yts.am "
    "yts.lt yts.ag yify amara.org subtitulamos. titlovi. napisy24"
).split()
_MAKING = (
    r"(?:sub(?:title)?s?|subtitled|subbed|captions?|captioned|captioning|closed captions?"
    r"|(?:re)?sync(?:ed|hroni[sz]ed|hroni[sz]ation)?|transcripts?|fansubs?"
    r"|untertitel(?:ung)?|sous-titr\w*|subt[ií]tul\w*|legendas?|sottotitoli|ondertiteling)"
)
_MORE_MAKING = (
    r"(?:[\s,&/+-]|(?:and|und|et|(?:sync|timing|timed|correct|edit|translat|adapt|réalisé)\w*"
    r"|erstellt|created|made|provided|ripped|extracted)\b)*"
)
_CREDIT = re.compile(
    rf"\W*{_MAKING}\b{_MORE_MAKING}(?:\b(?:by|von|par|por|door|a cura di)\b|:).{{1,80}}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\W*(?:https?://|www\.)\S+\s*", re.IGNORECASE)
_SPEAKER = re.compile(r">>+\s*")
_MOST_LETTERS = 10_000


def spoken(text: str) -> list[str]:
    """Returns the lines of a cue that have words; none if the cue advertises a site.

    Another speaker begins with "- ", also where captions mark it with ">>".
    """
    text = _BREAK.sub("\n", text[:_MOST_LETTERS])
    if "{" in text:
        text = _OVERRIDE.sub("", _DRAWING.sub("", text))
    if "<" in text:
        text = _TAG.sub("", text)
    if "&" in text:
        text = html.unescape(text)
    text = _SPEAKER.sub("- ", text)
    letters = text.lower()
    if any(site in letters for site in _SITES):
        return []
    if "#" in text or not text.isascii():
        text = _MUSIC.sub(" ", _INVISIBLE.sub("", text))
    return [line for line in map(clean, text.split("\n")) if _has_meaning(line)]


def _has_meaning(line: str) -> bool:
    return (
        _WORD.search(line) is not None
        and not _NOTHING_SAID.fullmatch(line)
        and not _CREDIT.fullmatch(line)
        and not _ADDRESS.fullmatch(line)
    )
