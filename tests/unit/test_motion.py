"""Motion Photos: the film behind the still is found without reading either."""

import random
import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from indexer.media.image import ImageReader
from indexer.media.motion import embedded_film
from indexer.types import Kind, Sample, SourceFile

FILM = struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0) + b"film" * 500
ADOBE = b"http://ns.adobe.com/xap/1.0/\0"


def still(xmp: str = "") -> bytes:
    content = BytesIO()
    noise = Image.effect_noise((300, 200), 80).convert("RGB")
    noise.save(content, "JPEG", quality=95, xmp=xmp.encode())
    return content.getvalue()


def packet(attributes: str = "", items: str = "") -> str:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description '
        f"{attributes}>{items}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def micro_video() -> bytes:
    xmp = packet(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(FILM)}"')
    return still(xmp) + FILM


def container(attributes: bool = True) -> bytes:
    def item(semantic: str, length: int) -> str:
        if attributes:
            return (
                '<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="x/y" '
                f'Item:Semantic="{semantic}" Item:Length="{length}"/></rdf:li>'
            )
        return (
            f"<rdf:li><Item:Semantic>{semantic}</Item:Semantic>"
            f"<Item:Length>{length}</Item:Length></rdf:li>"
        )

    gain = b"\xff\xd8" + bytes(700) + b"\xff\xd9"
    items = item("Primary", 0) + item("GainMap", len(gain)) + item("MotionPhoto", len(FILM))
    return still(packet('GCamera:MotionPhoto="1"', items)) + gain + FILM


def samsung() -> bytes:
    blocks = [(0x0A01, b"Image_UTC_Data", b"1600000000000"), (0x0A30, b"MotionPhoto_Data", FILM)]
    body, places = b"", []
    for kind, name, data in blocks:
        block = struct.pack("<HHI", 0, kind, len(name)) + name + data
        places.append((kind, len(body), len(block)))
        body += block
    table = b"SEFH" + struct.pack("<II", 107, len(places))
    for kind, at, length in places:
        table += struct.pack("<HHII", 0, kind, len(body) - at, length)
    return still() + body + table + struct.pack("<I4s", len(table), b"SEFT")


def heic() -> bytes:
    head = struct.pack(">I4s4sI", 16, b"ftyp", b"heic", 0)
    picture = struct.pack(">I4s", 5008, b"mdat") + bytes(5000)
    return head + picture + struct.pack(">I4s", 8 + len(FILM), b"mpvd") + FILM


MAKERS = {
    "google, first form": micro_video(),
    "google": container(),
    "google, as elements": container(attributes=False),
    "samsung": samsung(),
    "heic": heic(),
}


@pytest.mark.parametrize("maker", MAKERS)
def test_the_film_is_found_where_each_maker_puts_it(tmp_path: Path, maker: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(MAKERS[maker])
    place = embedded_film(path)
    assert place is not None
    offset, length = place
    assert MAKERS[maker][offset : offset + length] == FILM


@pytest.mark.parametrize("maker", ["google", "samsung"])
def test_the_still_is_read_as_ever(tmp_path: Path, maker: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(MAKERS[maker])
    source = SourceFile(tmp_path.as_posix(), "a.jpg", Kind.IMAGE, 1, 1)
    sample, _ = ImageReader(64).read(source)
    assert isinstance(sample, Sample)
    assert (sample.width, sample.height) == (300, 200)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        still(),
        container()[: -len(FILM)],  # an editor cut the film off and left the words
        still(packet('GCamera:MicroVideoOffset="99999999999"')),
        still() + struct.pack("<I4s", 0xFFFFFFFF, b"SEFT"),
        FILM,
    ],
)
def test_a_still_has_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert embedded_film(path) is None
    assert embedded_film(tmp_path / "gone.jpg") is None


def test_damage_never_raises(tmp_path: Path) -> None:
    rng = random.Random(3)
    path = tmp_path / "a.jpg"
    for _ in range(300):
        content = bytearray(rng.choice(list(MAKERS.values())))
        for _ in range(rng.randint(1, 8)):
            at = rng.choice(
                [rng.randrange(400), rng.randrange(len(content)), -rng.randrange(1, 60)]
            )
            content[at] = rng.randrange(256)
        path.write_bytes(content[: rng.choice([len(content), rng.randrange(len(content))])])
        place = embedded_film(path)
        assert place is None or place[0] > 0
