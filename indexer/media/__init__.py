"""What files contain; one door, `readers`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from indexer.types import Kind, MediaReader, SourceFile


@dataclass(frozen=True, slots=True)
class Limits:
    """How far files are read.

    Attributes:
        min_side: Pictures are decoded no smaller than this on their shorter side, in pixels.
        max_pixels: Larger pictures are refused.
        every_s: A long take of a film gives one moment every so many seconds.
        max_moments: So many moments are taken of one film at most.
        video_seconds: Reading one film takes no longer.
    """

    min_side: int = 0
    max_pixels: int = 180_000_000
    every_s: float = 10.0
    max_moments: int = 5000
    video_seconds: float = 900


def readers(files: Iterable[SourceFile], limits: Limits) -> Mapping[Kind, MediaReader]:
    """Returns a reader for each kind of file.

    Args:
        files: All files of the folders; captions are linked to what they describe among them.
        limits: How far files are read.
    """
    from indexer.media.captions import CaptionReader
    from indexer.media.image import THUMBNAIL_SIDE, ImageReader
    from indexer.media.pictures import PictureNames
    from indexer.media.shards import ShardReader
    from indexer.media.video import VideoReader

    side = max(limits.min_side, THUMBNAIL_SIDE)
    return {
        Kind.IMAGE: ImageReader(side, limits.max_pixels),
        Kind.VIDEO: VideoReader(
            side,
            limits.max_pixels,
            every_s=limits.every_s,
            max_moments=limits.max_moments,
            time_limit_s=limits.video_seconds,
        ),
        Kind.SHARD: ShardReader(side, limits.max_pixels),
        Kind.CAPTION: CaptionReader(PictureNames(files)),
    }
