"""Which files are films, by name and, where others have such names too, by their first bytes."""

from pathlib import Path

from indexer.media.signature import HEAD_BYTES, described

VIDEO_SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .m1v .m2t .m2ts .m2v .m4v .mkv .mov .mp .mp4 .mpe "
    ".mpeg .mpg .mts .mv .mxf .ogm .ogv .qt .rm .rmvb .ts .vob .webm .wmv .wtv .y4m".split()
)
"""`.mp` and `.mv` are the films of Pixel phones' Motion Photos."""

_SHARED_SUFFIXES = frozenset({".ts", ".mts", ".mp", ".mv", ".rm", ".qt"})


def is_film(path: Path) -> bool:
    """Whether a file named like a film may be one: TypeScript is named `.ts` as well.

    Raises:
        OSError: it cannot be read.
    """
    if path.suffix.lower() not in _SHARED_SUFFIXES:
        return True
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    # A transport stream has packets of 188 bytes, of 192 where each begins with a time.
    packets = ((0, 188), (4, 192))
    stream = any(head[at : at + step + 1 : step] == b"GG" for at, step in packets)
    return stream or "video" in (described(head) or "")
