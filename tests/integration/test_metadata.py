"""Metadata of real cameras and programs: a few known truths, and no harm from any file."""

from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from indexer.media.facts import photo_facts
from indexer.media.metadata import Metadata, read_metadata
from indexer.types import Facts, TakenFrom

register_heif_opener()
pytestmark = pytest.mark.filterwarnings("ignore::Warning:PIL")


def told(path: Path) -> tuple[Metadata, Facts]:
    with Image.open(path) as image:
        metadata = read_metadata(image)
    return metadata, photo_facts(metadata, name=path.name, mtime_ns=path.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def samples(shared_data: Path) -> Path:
    return shared_data / "awkward" / "exif-samples"


@pytest.mark.parametrize(
    ("name", "camera", "taken_at"),
    [
        ("jpg/Nikon_D70.jpg", "NIKON D70", datetime(2008, 3, 15, 9, 52, 1)),
        ("jpg/Pentax_K10D.jpg", "PENTAX K10D", datetime(2008, 5, 4, 16, 47, 24)),
        ("jpg/Olympus_C8080WZ.jpg", "OLYMPUS C8080WZ", datetime(2006, 10, 22, 15, 44, 29)),
        ("jpg/exif-org/canon-ixus.jpg", "Canon DIGITAL IXUS", datetime(2001, 6, 9, 15, 17, 32)),
        ("jpg/gps/DSCN0010.jpg", "NIKON COOLPIX P6000", datetime(2008, 10, 22, 16, 28, 39)),
    ],
)
def test_cameras_tell_what_they_are_and_when(
    samples: Path, name: str, camera: str, taken_at: datetime
) -> None:
    _, facts = told(samples / name)
    assert (facts.camera, facts.taken_at, facts.taken_within_s) == (camera, taken_at, 1)
    assert facts.taken_from is TakenFrom.EXIF


def test_pictures_of_a_walk_through_arezzo_are_all_there(samples: Path) -> None:
    found = [told(path)[1] for path in sorted((samples / "jpg" / "gps").glob("*.jpg"))]
    assert len(found) == 5
    for facts in found:
        assert facts.latitude == pytest.approx(43.467, abs=0.002)
        assert facts.longitude == pytest.approx(11.882, abs=0.004)


def test_words_of_people_are_found_and_those_of_cameras_are_not(samples: Path) -> None:
    assert told(samples / "jpg/exif-org/kodak-dc210.jpg")[0].words == [
        ("jpeg:comment", "Lovely smoke effect here, of which I'm secretly very proud.")
    ]
    film, *_ = told(samples / "jpg/xmp/no_exif.jpg")
    assert [origin for origin, _ in film.words] == [
        "xmp:dc:title",
        "xmp:dc:subject",
        "exif:XPSubject",
        "exif:XPComment",
    ]
    for camera in ("Olympus_C8080WZ", "Konica_Minolta_DiMAGE_Z3", "exif-org/sanyo-vpcg250"):
        assert not told(samples / f"jpg/{camera}.jpg")[0].words


def test_words_in_heic_are_found(shared_data: Path) -> None:
    folder = shared_data / "awkward/pillow_heif/tests/images/heif_other"
    painting = told(folder / "L_xmp_latin1.heic")[0]
    ((origin, text),) = painting.words
    assert origin == "xmp:dc:description"
    assert text.startswith("Jules Adolphe Aimé Louis Breton")
    assert ("iptc:City", "Budapest, Hungary") in told(folder / "L_exif_xmp_iptc.heic")[0].words


def test_no_awkward_file_does_harm_and_all_they_tell_is_plausible(shared_data: Path) -> None:
    opened = 0
    for path in sorted((shared_data / "awkward").rglob("*")):
        try:
            metadata, facts = told(path)
        except (OSError, ValueError, SyntaxError, RuntimeError, EOFError):
            continue  # Pillow cannot open it
        except Image.DecompressionBombError:
            continue
        opened += 1
        assert facts.taken_at is not None
        assert 1990 < facts.taken_at.year <= datetime.now().year
        assert all(origin and text for origin, text in metadata.words)
    assert opened > 400
