"""The pictures of one shard, decoded one by one, with a word on those that cannot be."""

from io import BytesIO

from PIL import Image, UnidentifiedImageError

from indexer.errors import MediaError
from indexer.media.image import decode
from indexer.types import Facts, Sample

MAX_PICTURE_BYTES = 512 * 2**20


class ShardPictures:
    """Turns bytes into samples, and counts what fails on the way."""

    def __init__(self, min_side: int, max_pixels: int) -> None:
        self._min_side = min_side
        self._max_pixels = max_pixels
        self._seen = 0
        self._failed = 0
        self._first: str | None = None

    def sample(self, data: bytes, *, position: int, member: str, name: str) -> Sample | None:
        """Returns the picture, None where it cannot be read; `name` is what people call it."""
        self._seen += 1
        try:
            stream = BytesIO(data)
            image = decode(stream, min_side=self._min_side, max_pixels=self._max_pixels)
        except MediaError as error:
            self._failed += 1
            self._first = self._first or f"{name}: {error}"
            return None
        if min(image.size) < self._min_side:
            width, height = image.size  # too small to have been decoded smaller
        else:
            width, height = _size(stream, image)
        return Sample(image, position=position, width=width, height=height, member=member)

    def refuse(self, name: str, reason: str) -> None:
        """Counts a picture that nobody tries to decode."""
        self._seen += 1
        self._failed += 1
        self._first = self._first or f"{name}: {reason}"

    def facts(self, broken: str | None = None) -> Facts:
        """Returns what was left out, to end the shard with; `broken` says where it breaks off.

        Raises:
            MediaError: not one picture could be read.
        """
        notes = [] if broken is None else [broken]
        if self._failed:
            notes.append(
                f"{self._failed:,} of {self._seen:,} pictures could not be read, "
                f"the first: {self._first}"
            )
        if self._seen == self._failed:
            raise MediaError("; ".join(notes) or "there is no picture in it")
        return Facts(note="; ".join(notes) or None)


def _size(stream: BytesIO, image: Image.Image) -> tuple[int, int]:
    """Returns width and height of the upright original of a picture that was decoded."""
    stream.seek(0)
    try:
        with Image.open(stream) as original:  # reads the header only
            width, height = original.size
    except UnidentifiedImageError:  # not of Pillow's own formats
        return image.size
    if width * height < image.width * image.height:
        return image.size  # the small picture at the head of a raw file
    if (width > height) != (image.width > image.height) and image.width != image.height:
        return height, width
    return width, height
