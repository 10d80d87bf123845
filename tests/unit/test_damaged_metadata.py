"""Damaged blocks give what is whole in them; no pixel is decoded for any."""

import struct
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile

from indexer.media import exif, iptc, xmp
from indexer.media.facts import photo_facts
from indexer.media.metadata import Metadata, read_metadata
from indexer.media.xmp import NotXmp
from tests.blocks import (
    HEAD,
    TAIL,
    exif_with,
    languages,
    opened,
    packet,
    wide,
    words,
)


@given(st.binary(max_size=400))
def test_any_bytes_are_metadata_or_nothing(noise: bytes) -> None:
    for block in (noise, b"II*\0\x08\0\0\0" + noise, b"Exif\0\0MM\0*\0\0\0\x08" + noise):
        found = exif.parsed(block)
        assert found.comment() is not None
        assert found.text(exif.Tag.IMAGE_DESCRIPTION) is not None
    assert iptc.parsed(noise) is not None
    assert iptc.parsed(b"\x1c\x02" + noise) is not None
    assert iptc.among_resources(b"8BIM\x04\x04" + noise) is not None
    image = Image.new("RGB", (1, 1))
    image.info.update(exif=noise, xmp=noise, photoshop={iptc.RESOURCE: noise}, comment=noise)
    assert isinstance(read_metadata(image), Metadata)


@given(st.data())
def test_any_damage_to_a_block_of_exif_does_no_harm(data: st.DataObject) -> None:
    block = bytearray(
        exif_with(
            {0x010E: "A quiet lane", 0x010F: "Canon"},
            {0x9003: "2019:07:04 12:34:56", 0x9286: b"UNICODE\0" + wide("lane")},
            {1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4)},
        ).tobytes()
    )
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(6, len(block) - 1))] = data.draw(st.integers(0, 255))
    image = Image.new("RGB", (1, 1))
    image.info["exif"] = bytes(block[: data.draw(st.integers(6, len(block)))])
    facts = photo_facts(read_metadata(image), name="a.jpg", mtime_ns=0)
    assert facts.latitude is None or abs(facts.latitude) <= 90


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_in_xmp_comes_back_or_is_no_caption(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    try:
        found = xmp.parsed(packet(languages("dc:title", ("x-default", escaped))))
    except NotXmp:
        return  # characters that XML does not allow
    assert found.first("dc:title") == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=200))
def test_any_bytes_in_a_packet_are_xmp_or_refused(noise: bytes) -> None:
    for block in (noise, packet("")[:-40] + noise, HEAD.encode() + noise + TAIL.encode()):
        with suppress(NotXmp):
            assert xmp.parsed(block).people() is not None


def test_one_broken_tag_does_not_spoil_the_others() -> None:
    block = exif_with({0x010E: "A quiet lane by the mill", 0x010F: "Canon"}).tobytes()
    at = block.index(struct.pack(">H", 0x010E) + struct.pack(">H", 2), 6)
    broken = block[: at + 8] + b"\xff\xff\xff\x00" + block[at + 12 :]
    image = Image.new("RGB", (1, 1))
    image.info["exif"] = broken
    found = read_metadata(image)
    assert not found.words
    assert found.camera == "Canon"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Pillow, about the damage
def test_a_damaged_tiff_directory_does_no_harm() -> None:
    content = BytesIO()
    info = exif_with({0x010E: "A quiet lane"}, {0x9003: "2019:07:04 12:34:56"})
    Image.new("RGB", (16, 16)).save(content, "TIFF", exif=info.tobytes())
    whole = content.getvalue()
    pointer = struct.pack("<HHI", 0x8769, 4, 1)
    at = whole.index(pointer) + len(pointer)
    for target in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x03\0\0\0"):
        image = Image.open(BytesIO(whole[:at] + target + whole[at + 4 :]))
        assert words(image) == [("exif:ImageDescription", "A quiet lane")]


def test_no_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: ImageFile.ImageFile) -> None:
        raise AssertionError("decoded")

    pictures = [
        opened(kind, exif=exif_with({0x010E: "A quiet lane"}).tobytes())
        for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
    ]
    for picture in pictures:
        monkeypatch.setattr(type(picture), "load", load)
        assert words(picture) == [("exif:ImageDescription", "A quiet lane")]


def test_a_picture_without_metadata_tells_nothing() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "BMP", "GIF", "JPEG2000"):
        assert read_metadata(opened(kind)).words in ((), [])
