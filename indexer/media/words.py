"""Which of the texts in a file become captions, and where each of them stands."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from indexer.media import iptc
from indexer.media.exif import Exif, Tag
from indexer.media.iptc import Dataset
from indexer.media.junk import is_caption, without_settings
from indexer.media.texts import MAX_CAPTION, clean
from indexer.media.xmp import Xmp

Word = tuple[str, str]
"""Where a caption stands, and the caption: ("xmp:dc:title", "The lake at night")."""

Candidate = tuple[str, str | Sequence[str]]
"""Where a text or a list of keywords stands, and it."""

_MAX_WORDS = 32
_MAX_READ = 4 * MAX_CAPTION  # of a text, before it is cleaned
_MAX_LANGUAGES = 4
_MAX_KEYWORDS = 300
_BETWEEN_KEYWORDS = re.compile(r"[;,]")

_XMP_TEXTS = (
    "dc:title",
    "photoshop:Headline",
    "dc:description",
    "Iptc4xmpCore:AltTextAccessibility",
    "Iptc4xmpCore:ExtDescrAccessibility",
    "acdsee:caption",
    "exif:UserComment",
)
# Lists of keywords, with the sign between a keyword and its kind ("Places|France").
_XMP_KEYWORDS = (
    ("dc:subject", None),
    ("lr:hierarchicalSubject", "|"),
    ("digiKam:TagsList", "/"),
    ("MicrosoftPhoto:LastKeywordXMP", "/"),
)
_XMP_PLACE = (
    "Iptc4xmpCore:Location",
    "photoshop:City",
    "photoshop:State",
    "photoshop:Country",
)
_IPTC_TEXTS = (
    (iptc.OBJECT_NAME, "ObjectName"),
    (iptc.HEADLINE, "Headline"),
    (iptc.CAPTION, "Caption-Abstract"),
)
_IPTC_PLACE = (
    (iptc.SUBLOCATION, "Sub-location"),
    (iptc.CITY, "City"),
    (iptc.STATE, "Province-State"),
    (iptc.COUNTRY, "Country-PrimaryLocationName"),
)


def chosen(candidates: Iterable[Candidate], names: Collection[str] = ()) -> Sequence[Word]:
    """Returns the candidates that are captions, clean, each text and keyword once.

    Args:
        candidates: Most specific first: of equal texts the first one stays.
        names: What the file's camera and software call themselves.
    """
    said: set[str] = set()
    keywords: set[str] = set()
    words: list[Word] = []
    for origin, content in candidates:
        if not content:
            continue
        if isinstance(content, str):
            text = clean(without_settings(content[:_MAX_READ]))
        else:
            text = ", ".join(_new(content, keywords))
        text = text[:MAX_CAPTION].strip()
        key = text.casefold().rstrip(".")
        if key not in said and is_caption(text, names):
            said.add(key)
            words.append((origin, text))
        if len(words) == _MAX_WORDS:
            break
    return words


def of_xmp(packet: Xmp) -> Iterator[Candidate]:
    """Yields the titles, descriptions, keywords, people and places of a packet."""
    for name in _XMP_TEXTS:
        for text in packet.texts(name)[:_MAX_LANGUAGES]:
            yield f"xmp:{name}", text
    for name, separator in _XMP_KEYWORDS:
        entries = packet.texts(name)
        yield f"xmp:{name}", [word for one in entries for word in one.split(separator or ";")]
    yield "xmp:mwg-rs:RegionList", packet.people()
    yield from _place(("xmp:" + name, packet.first(name)) for name in _XMP_PLACE)


def of_iptc(records: Mapping[Dataset, Sequence[str]]) -> Iterator[Candidate]:
    """Yields the titles, captions, keywords and places of IPTC records."""
    for dataset, name in _IPTC_TEXTS:
        for text in records.get(dataset, ())[:_MAX_LANGUAGES]:
            yield f"iptc:{name}", text
    yield "iptc:Keywords", records.get(iptc.KEYWORDS, ())
    yield from _place(
        ("iptc:" + name, next(iter(records.get(dataset, ())), "")) for dataset, name in _IPTC_PLACE
    )


def of_exif(tags: Exif) -> Iterator[Candidate]:
    """Yields the descriptions and comments of EXIF, Windows' own tags first."""
    yield "exif:XPTitle", tags.wide_text(Tag.XP_TITLE)
    yield "exif:XPSubject", tags.wide_text(Tag.XP_SUBJECT)
    yield "exif:XPComment", tags.wide_text(Tag.XP_COMMENT)
    yield "exif:ImageDescription", tags.text(Tag.IMAGE_DESCRIPTION)
    yield "exif:UserComment", tags.comment()
    yield "exif:XPKeywords", tags.wide_text(Tag.XP_KEYWORDS).split(";")


def _place(parts: Iterable[Word]) -> Iterator[Candidate]:
    """Yields a place as one caption, named after its most precise part."""
    told = [(origin, clean(text)) for origin, text in parts if clean(text)]
    if told:
        yield told[0][0], ", ".join(dict.fromkeys(text for _, text in told))


def _new(entries: Sequence[str], keywords: set[str]) -> Iterator[str]:
    """Yields the keywords that were not said before, and notes them."""
    for entry in entries:
        for one in _BETWEEN_KEYWORDS.split(entry):
            keyword = clean(one)
            if keyword and keyword.casefold() not in keywords and len(keywords) < _MAX_KEYWORDS:
                keywords.add(keyword.casefold())
                yield keyword
