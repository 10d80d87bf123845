"""The pages of a TIFF file; every other picture file has one."""

from collections.abc import Iterator

from PIL import Image

from indexer.errors import MediaError
from indexer.media.damage import Size, check_size, reasons
from indexer.media.opening import Opened
from indexer.media.upright import Reduction, upright_rgb
from indexer.types import Facts, Sample

MAX_PAGES = 100
_MAX_TABLES = 1_000  # directories looked at in search of pages
_MAX_TOTAL_PIXELS = 4_000_000_000
_SUBFILE, _OLD_SUBFILE = 254, 255
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType, TIFF 6.0, page 36
_OLD_REDUCED = 2


def pages(
    found: Opened, reduction: Reduction, *, max_pixels: int, only: int | None = None
) -> Iterator[Sample | Facts]:
    """Yields each page, its position counted from 0, then what was left out and why.

    Smaller copies of a page and masks are no pages. A damaged page is left out. `only` is the
    position of the one page that is wanted.

    Raises:
        MediaError: there is not one page that can be read.
    """
    image = found.image
    notes: list[str] = []
    failed: MediaError | None = None
    first: Sample | None = None
    position = pixels = 0
    for table in range(_MAX_TABLES):
        try:
            with reasons(found.head, max_pixels):
                if table and not _turned(image, table):
                    break
                is_page = _is_page(image, table, found.size)
                if is_page and position == MAX_PAGES:
                    notes.append(f"the first {MAX_PAGES} pages are read, the others left out")
                    break
        except MediaError as error:
            notes.append(f"what follows page {position} cannot be read: {error}")
            break
        if not is_page:
            continue
        if only is not None and position != only:
            position += 1
            continue
        pixels += image.width * image.height
        if pixels > _MAX_TOTAL_PIXELS and first:
            notes.append(f"read up to page {position}: the pages are very large")
            break
        try:
            page = _page(found, reduction, position, max_pixels)
        except MediaError as error:
            failed = failed or error
            notes.append(f"page {position + 1} cannot be read: {error}")
        else:
            first = first or page
            yield page
        position += 1
    if not position:  # nothing but small copies, which then are what there is
        with reasons(found.head, max_pixels):
            image.seek(0)
        first = _page(found, reduction, 0, max_pixels)
        yield first
    if first is None:
        raise failed or MediaError("there is no page in it")
    yield Facts(width=first.width, height=first.height, note="; ".join(notes) or None)


def _page(found: Opened, reduction: Reduction, position: int, max_pixels: int) -> Sample:
    with reasons(found.head, max_pixels):
        check_size(found.image.size, max_pixels)
        rgb, (width, height) = upright_rgb(found.image, reduction)
    return Sample(rgb, position=position, width=width, height=height)


def _turned(image: Image.Image, table: int) -> bool:
    try:
        image.seek(table)
    except EOFError:
        return False
    return True


def _is_page(image: Image.Image, table: int, first: Size) -> bool:
    tags = getattr(image, "tag_v2", {})
    kind = tags.get(_SUBFILE, 0)
    if isinstance(kind, int) and kind & (_REDUCED | _MASK):
        return False
    return tags.get(_OLD_SUBFILE) != _OLD_REDUCED and not _is_level(image.size, table, first)


def _is_level(size: Size, table: int, first: Size) -> bool:
    """Whether it is a level of a pyramid that does not say so: each is half the one before."""
    if not 0 < table < 16 or min(first) >> table < 1:
        return False
    return all(abs(side - (whole >> table)) <= 1 for side, whole in zip(size, first, strict=True))
