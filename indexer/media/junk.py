"""What cameras and programs write where people may write a caption, and how it is told apart.

A wrong caption costs more than a missing one: a thousand photos of one camera that all say
"OLYMPUS DIGITAL CAMERA" answer every search for a camera.
"""

import re
from collections.abc import Collection

_NOT_LETTERS = re.compile(r"[\W\d_]+")
_TWO_LETTERS = re.compile(r"[^\W\d_]{2}")
_SHORT_WORDS = "\u0900"  # from here on one letter may be a word: India, China, Japan

# The whole text, in lower case and letters alone.
_STOCK = frozenset(
    {
        # defaults of programs for a title, a comment, a description
        "untitled",
        "ascii",
        "unicode",
        "default",
        "null",
        "none",
        "undefined",
        "unknown",
        "image",
        "picture",
        "photo",
        "title",
        "comment",
        "comments",
        "description",
        "imagedescription",
        "nodescription",
        "usercomment",
        "caption",
        "pictureimage",
        "newimage",
        "backgroundlayer",
        "applemark",
        # of cameras and their phones' modes (Huawei writes the mode into the description)
        "digitalimage",
        "digitalcamera",
        "digitalstillcamera",
        "exifjpegpicture",
        "jpegpicture",
        "samsung",
        "ricoh",
        "jenoptik",
        "dsc",
        "img",
        "sonydsc",
        "minoltadsc",
        "konicaminolta",
        "cof",
        "edf",
        "sdr",
        "dav",
        "hdr",
        "rhdr",
        "hdrpl",
        "mde",
        "nor",
        "oznor",
        "oznorco",
        "ptr",
        "ptrmono",
        "btr",
        "bty",
        "fbt",
        "tel",
        "ozedf",
        "smartcapture",
        # of scanners
        "scannedimage",
        "scannedphoto",
        "scan",
    }
)

_PROGRAMS = (
    "adobe|photoshop|lightroom|gimp|inkscape|imagemagick|graphicsmagick|paint|paint\\.net|ms paint|"
    "ezgif|ajaxload|picasa|snapseed|vsco|canva|irfanview|xnview|corel|krita|blender|matplotlib|"
    "aviary|polarr|ffmpeg|lavc|acdsee|ulead|jasc|macromedia|fireworks|flash|gd-jpeg|jpegmini|libjpeg"
)

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"[A-Z][A-Z0-9 .,&-]* DIGITAL (STILL )?CAMERA",  # "OLYMPUS DIGITAL CAMERA"
        r"[A-Z]+ (DSC|CSC|DSLR)",  # "SONY DSC"
        r"DCIM\b.*",  # the camera's folder: "DCIM\100GOPRO"
        # names of files, and what cameras name them
        r"(?i)\S+\.(jpe?g|png|tiff?|gif|bmp|heic|webp|psd|xcf|svg|raw|nef|cr2|arw|dng|mp4|mov|avi)",
        r"(?i)(img|image|dscn?|dscf?|dsc|pict?|photo|picture|mvimg|pxl|pano|vid|scan|screenshot)"
        r"[ _-]?\d[\d _-]*",
        r"(?i)untitled\b.{0,12}",
        r"[A-Za-z]:\\.*|/(home|Users|mnt|tmp|var)/.*",  # paths
        # what a program says of itself
        rf"(?i)((comment|image|file|picture) )?(created|made|generated|processed|edited|produced|"
        rf"optimi[sz]ed|encoded|compressed|written|saved|converted|resized) (with|by|using|in) "
        rf"(the |an? )?({_PROGRAMS})\b.*",
        r"(?i)file written by .*|.*\bversion \d+\.[\d.]+|creator(_id)?:.*|"
        r"file source:.*|software:.*|(copyright|\(c\)|©) ?(\(c\)|©|\d{4}|by\b).*|https?://\S+",
        r"(?i).*\b(using IJG JPEG|JPEG Library|JPEG Encoder|jpeg-recompress|JPEGmini|"
        r"quality ?= ?\d).*",
        r"(?i)(lead technologies|acd ?systems|handmade software|xv version|gif smartsaver|"
        r"lav[cf]\d|kakadu|lt_jp2|openjpeg|imagemagick|picasa|paint\.net|adobe photoshop)"
        r"[\w .,:/()®-]*",
        # settings: "charset=Ascii", "Type=N, Mode=P, DE=None", "hdr: off; touch: (-1, -1);"
        r"(?i)charset ?=.*",
        r"(\w+=[^,;&]*([,;&]|$) ?)+",
        r"([\w -]+:[^;]*;){3,}([\w -]+:[^;]*| *)",
        r"Maker:\S+,Date:.*",
        # numbers: identifiers, digests, packed data
        r"[0-9A-Fa-f{}-]{12,}",
        r"(?=\S*\d)[A-Za-z0-9+/_=]{20,}",
        r"(?s)[{\[<].*[}\]>]",  # JSON, XML, "<Digimax i5>"
    )
)

# What image generators keep: the prompt, which are words, and then the settings.
_SETTINGS = re.compile(r"(?s)(\bNegative prompt:|\bSteps: ?\d+, ).*")
_WEIGHTS = re.compile(r"<lora:[^>]*>")


def without_settings(text: str) -> str:
    """Returns the text as far as the settings of an image generator begin."""
    if not _SETTINGS.search(text):
        return text
    return _WEIGHTS.sub("", _SETTINGS.sub("", text))


def is_caption(text: str, names: Collection[str] = ()) -> bool:
    """Whether a clean text is likely a person's words about the picture.

    Args:
        text: As `texts.clean` returns it.
        names: What the file's camera and software call themselves.
    """
    letters = _NOT_LETTERS.sub("", text).lower()
    if not _TWO_LETTERS.search(text) and not any(one >= _SHORT_WORDS for one in letters):
        return False  # blank, digits and punctuation, scraps of damage
    if letters in _STOCK or any(text.lower() == name.lower() for name in names if name):
        return False
    if not _is_legible(text):
        return False
    return not any(pattern.fullmatch(text) for pattern in _PATTERNS)


def _is_legible(text: str) -> bool:
    """Whether it is unlike opaque bytes read as western text: more than signs and "ÿÀ"."""
    odd = sum("\x80" <= one <= "\xff" or (one < "\x80" and not one.isalnum()) for one in text)
    odd += text.count("\ufffd") * 5 - text.count(" ")
    return odd * 2 <= len(text)
