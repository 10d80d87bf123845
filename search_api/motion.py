"""The moving part of a picture: the film beside a Live Photo, or inside a Motion Photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer.errors import NotFound
from indexer.types import Item, Modality, Place
from search_api.content_types import content_type
from search_api.originals import Original, confined, digest, file_name, located, readable, state

FILM_ENDINGS = {"video/mp4": ".mp4", "video/quicktime": ".mov"}
"""What such films are, and what a name ends with that one gets."""

MOST_FILM_BYTES = 256 * 2**20
"""The longest film inside a picture's file that is sent: it is held in memory meanwhile."""


@dataclass(frozen=True, slots=True)
class Film:
    """Where in a picture's file a film lies, in bytes; its type is one of `FILM_ENDINGS`."""

    offset: int
    length: int
    content_type: str


FilmIn = Callable[[Path], Film | None]
"""Returns where in a picture file its film lies; None if it has none or is gone."""


def moves(item: Item, companions: Sequence[Place], film_in: FilmIn) -> bool:
    """Whether the picture has a moving part, as far as its file tells without being decoded."""
    return _beside(item, companions) is not None or _inside(item, film_in) is not None


def motion(item: Item, companions: Sequence[Place], film_in: FilmIn) -> Original:
    """Returns the picture's moving part.

    Raises:
        NotFound: it has none, or that is gone, or leads out of the indexed folder.
    """
    beside = _beside(item, companions)
    if beside is not None:
        path = beside.path
        return Original(confined(beside.root, path), file_name(path), content_type(path))
    inside = _inside(item, film_in)
    if inside is None:
        located(item)  # A caption, or what is gone, has a reason of its own.
        raise NotFound(f"{item.path} has no moving part: it is no Live Photo and no Motion Photo.")
    place, film = inside
    with readable(item), place.open("rb") as stream:
        stream.seek(film.offset)
        content = stream.read(film.length)
        tag = digest(f"{state(place, item)}\0{film.offset}\0{film.length}".encode())
    name = file_name(item.path) + FILM_ENDINGS[film.content_type]
    return Original(content, name, film.content_type, tag)


def _beside(item: Item, companions: Sequence[Place]) -> Place | None:
    """Returns the one of the companions that is a film: another may be a raw file."""
    films = (one for one in companions if content_type(one.path) in FILM_ENDINGS)
    return next(films, None) if _is_still(item) else None


def _inside(item: Item, film_in: FilmIn) -> tuple[Path, Film] | None:
    """Returns the film in the picture's own file, and where that really lies."""
    if not _is_still(item):
        return None
    try:
        place = confined(item.root, item.path)
    except NotFound:
        return None
    film = film_in(place)
    return None if film is None or film.length > MOST_FILM_BYTES else (place, film)


def _is_still(item: Item) -> bool:
    """Whether it is a file's picture: no caption, no moment, no further page, no shard's entry."""
    whole = item.member is None and item.position == 0
    return whole and item.modality is Modality.IMAGE and item.span is None
