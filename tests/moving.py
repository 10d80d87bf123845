"""Pictures with a moving part, made in code: a Motion Photo is one file, a Live Photo two."""

from io import BytesIO
from pathlib import Path

from tests.films import make_film, scene

_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description GCamera:MicroVideo="1" '
    'GCamera:MicroVideoOffset="{length}"/></rdf:RDF></x:xmpmeta>'
)


def make_moving_part(
    path: Path, colour: str, *, codec: str = "libx264", seconds: float = 1.2
) -> Path:
    """Writes a short film of one colour, as long as such films are or shorter."""
    return make_film(path, [(scene(colour), seconds)], codec=codec)


def motion_photo(film: bytes, colour: str) -> bytes:
    """Returns a JPEG picture of that colour with the film behind it."""
    content = BytesIO()
    xmp = _XMP.format(length=len(film)).encode()
    scene(colour).save(content, "JPEG", quality=90, xmp=xmp)
    return content.getvalue() + film


def make_motion_photo(path: Path, colour: str, film_colour: str, *, codec: str = "libx264") -> Path:
    """Writes a picture of one colour that has a film of another colour behind it."""
    film = make_moving_part(path.with_suffix(".part.mp4"), film_colour, codec=codec)
    path.write_bytes(motion_photo(film.read_bytes(), colour))
    film.unlink()
    return path


def make_live_photo(path: Path, colour: str, film_colour: str) -> Path:
    """Writes a picture of one colour, and beside it a film of another one; returns the film."""
    scene(colour).save(path)
    return make_moving_part(path.with_suffix(".mov"), film_colour)
