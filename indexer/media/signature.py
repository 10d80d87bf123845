"""What the first bytes of a file say that it is, in words for people."""

_STARTS = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"II+\0", "a TIFF picture"),  # BigTIFF
    (b"MM\0+", "a TIFF picture"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"FUJIFILMCCD-RAW", "a Fujifilm raw picture (RAF)"),
    (b"IIU\0", "a Panasonic raw picture (RW2)"),
    (b"IIRO", "an Olympus raw picture (ORF)"),
    (b"IIRS", "an Olympus raw picture (ORF)"),
    (b"FOVb", "a Sigma raw picture (X3F)"),
    (b"8BPS", "a Photoshop document"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"PK\3\4", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the real file with: git lfs pull"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"ID3", "an MP3 sound"),
)
_PICTURES = ("JPEG ", "PNG ", "GIF ", "BMP ", "TIFF ", "JPEG 2000 ", "WebP ", "AVIF ", "HEIC ")
_BRANDS = {
    b"avif": "an AVIF picture",
    b"avis": "an AVIF picture",
    b"heic": "a HEIC picture",
    b"heix": "a HEIC picture",
    b"hevc": "a HEIC picture",
    b"mif1": "a HEIC or AVIF picture",
    b"msf1": "a HEIC or AVIF picture",
    b"crx ": "a Canon raw picture (CR3)",
}

HEAD_BYTES = 512
"""How much of a file `described` wants to see."""


def described(head: bytes) -> str | None:
    """Returns what a file that begins so is, such as "a PDF document"; None if unknown."""
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF":
        return {b"WEBP": "a WebP picture", b"AVI ": "an AVI video"}.get(head[8:12], "a RIFF file")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "an MP4 or QuickTime video")
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML)"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "an SVG drawing"
    if is_text(head):
        return "text"
    return None


def is_readable_picture(name: str) -> bool:
    """True if `described` named a kind of picture that atisbo reads when it is whole."""
    return any(kind in name for kind in _PICTURES)


def is_text(head: bytes) -> bool:
    """True if the bytes hold no control characters but those that texts have."""
    return all(byte >= 32 or byte in b"\t\n\r\f\x1b" for byte in head)
