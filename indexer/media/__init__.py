"""What files contain; one door, `readers`."""

from collections.abc import Iterable, Mapping

from indexer.types import Kind, MediaReader, SourceFile


def readers(
    files: Iterable[SourceFile], *, min_side: int, max_pixels: int
) -> Mapping[Kind, MediaReader]:
    """Returns a reader for each kind of file.

    Args:
        files: All files of the folders; captions are linked to the pictures among them.
        min_side: Pictures are decoded no smaller than this on their shorter side, in pixels.
        max_pixels: Larger pictures are refused.
    """
    from indexer.media.captions import CaptionReader
    from indexer.media.image import THUMBNAIL_SIDE, ImageReader
    from indexer.media.pictures import PictureNames

    return {
        Kind.IMAGE: ImageReader(max(min_side, THUMBNAIL_SIDE), max_pixels),
        Kind.CAPTION: CaptionReader(PictureNames(files)),
    }
