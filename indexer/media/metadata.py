"""What a picture file tells besides its pixels: the words people wrote, and the facts.

Blocks are read as Pillow finds them when it opens a file, so no pixel is decoded. A broken block
gives what is whole in it, never an error.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from indexer.media import blocks, iptc, places, taken, words, xmp
from indexer.media.cameras import camera
from indexer.media.exif import Exif, Tag
from indexer.media.iptc import Dataset
from indexer.media.places import Place
from indexer.media.taken import Moment
from indexer.media.texts import decoded
from indexer.media.words import Candidate, Word
from indexer.media.xmp import NotXmp, Xmp
from indexer.types import TakenFrom

_MAX_COMMENT = 100_000

# The text chunks of PNG that hold words about the picture, in lower case; "parameters" is the
# prompt of an image generator. The others name authors, licences, programs.
_PNG_WORDS = (
    "title",
    "headline",
    "description",
    "caption",
    "subject",
    "comment",
    "label",
    "parameters",
    "keywords",
)
_COMMENTED = {"JPEG": "jpeg", "MPO": "jpeg", "GIF": "gif", "JPEG2000": "jpeg2000"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a picture file tells besides its pixels.

    Attributes:
        words: Captions, most specific first, and where each stands: ("xmp:dc:title", "Lake").
        taken: When it was taken, and what told it.
        modified: When it was last changed, by its own word: not before it was taken.
        camera: Maker and model, each once.
        place: Where it was taken.
    """

    words: Sequence[Word] = ()
    taken: tuple[TakenFrom, Moment] | None = None
    modified: Moment | None = None
    camera: str | None = None
    place: Place | None = None


def read_metadata(image: Image.Image) -> Metadata:
    """Returns what the file of an opened picture tells; decodes no pixels.

    A PNG may hold blocks behind its pixels, which are there once it is loaded; those of JPEG 2000
    are there until it is.
    """
    tags = blocks.exif_of(image)
    packet = _xmp(blocks.xmp_of(image))
    records = iptc.parsed(blocks.iptc_of(image))
    beside = (*_chunks(image), *_comment(image))
    if not (tags.tags or tags.gps or packet.properties or records):
        return Metadata(words=words.chosen(beside) if beside else ())
    maker, model = tags.text(Tag.MAKE), tags.text(Tag.MODEL)
    named = camera(maker, model)
    candidates = (
        *words.of_xmp(packet),
        *words.of_iptc(records),
        *words.of_exif(tags),
        *beside,
    )
    return Metadata(
        words=words.chosen(candidates, (maker, model, named or "", tags.text(Tag.SOFTWARE))),
        taken=_taken(tags, packet, records),
        modified=_time(tags, Tag.DATE_TIME, Tag.SUB_SEC_TIME, Tag.OFFSET_TIME),
        camera=named or camera(packet.first("tiff:Make"), packet.first("tiff:Model")),
        place=_gps(tags)
        or places.of_xmp(packet.first("exif:GPSLatitude"), packet.first("exif:GPSLongitude")),
    )


def _xmp(packet: bytes | str) -> Xmp:
    try:
        return xmp.parsed(packet) if packet else Xmp()
    except NotXmp:
        return Xmp()


def _chunks(image: Image.Image) -> Iterator[Candidate]:
    """Yields the words of PNG's text chunks."""
    if image.format != "PNG":
        return
    chunks = {
        key.lower(): (key, value)
        for key, value in image.info.items()
        if isinstance(key, str) and isinstance(value, str)
    }
    for name in _PNG_WORDS:
        if name in chunks:
            key, value = chunks[name]
            text = _repaired(value[:_MAX_COMMENT])
            yield f"png:{key}", text.split(";") if name == "keywords" else text


def _repaired(text: str) -> str:
    """Returns the text of a chunk, which is Latin-1 by the standard and UTF-8 in many files."""
    try:
        return str(text).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return str(text)


def _comment(image: Image.Image) -> Iterator[Candidate]:
    """Yields the comment of JPEG, JPEG 2000 and GIF."""
    comment = image.info.get("comment")
    if image.format in _COMMENTED and isinstance(comment, bytes):
        yield f"{_COMMENTED[image.format]}:comment", decoded(comment[:_MAX_COMMENT].strip(b"\0 "))


def _taken(
    tags: Exif, packet: Xmp, records: Mapping[Dataset, Sequence[str]]
) -> tuple[TakenFrom, Moment] | None:
    """Returns the most trustworthy of the times that tell when the picture was taken."""
    told = (
        (
            TakenFrom.EXIF,
            _time(
                tags,
                Tag.DATE_TIME_ORIGINAL,
                Tag.SUB_SEC_TIME_ORIGINAL,
                Tag.OFFSET_TIME_ORIGINAL,
            ),
        ),
        (
            TakenFrom.EXIF,
            _time(
                tags,
                Tag.DATE_TIME_DIGITIZED,
                Tag.SUB_SEC_TIME_DIGITIZED,
                Tag.OFFSET_TIME_DIGITIZED,
            ),
        ),
        (TakenFrom.XMP, taken.parsed(packet.first("exif:DateTimeOriginal"))),
        (TakenFrom.XMP, taken.parsed(packet.first("photoshop:DateCreated"))),
        (TakenFrom.XMP, taken.parsed(packet.first("xmp:CreateDate"))),
        (
            TakenFrom.IPTC,
            taken.of_iptc(_first(records, iptc.DATE_CREATED), _first(records, iptc.TIME_CREATED)),
        ),
    )
    return next(((source, moment) for source, moment in told if moment is not None), None)


def _first(records: Mapping[Dataset, Sequence[str]], dataset: Dataset) -> str:
    return next(iter(records.get(dataset, ())), "")


def _time(tags: Exif, time: Tag, part: Tag, offset: Tag) -> Moment | None:
    return taken.parsed(tags.text(time), part=tags.text(part), offset=tags.text(offset))


def _gps(tags: Exif) -> Place | None:
    return places.place(
        places.degrees(tags.numbers(Tag.GPS_LATITUDE), tags.gps_text(Tag.GPS_LATITUDE_REF)),
        places.degrees(tags.numbers(Tag.GPS_LONGITUDE), tags.gps_text(Tag.GPS_LONGITUDE_REF)),
    )
