"""XMP, in pictures and beside them: its words are found, its traps are refused."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import PngImagePlugin, TiffImagePlugin

from indexer.errors import MediaError
from indexer.media import xmp
from indexer.media.metadata import read_metadata
from indexer.media.sidecar import sidecar_words
from indexer.media.xmp import NotXmp
from indexer.types import TakenFrom
from tests.blocks import HEAD, TAIL, bag, languages, opened, packet, words


def test_xmp_titles_descriptions_keywords_places_and_people_become_captions() -> None:
    regions = (
        "<mwg-rs:Regions><rdf:Description><mwg-rs:RegionList><rdf:Bag>"
        '<rdf:li><rdf:Description mwg-rs:Name="Anna" mwg-rs:Type="Face"/></rdf:li>'
        "<rdf:li rdf:parseType='Resource'><mwg-rs:Name>Rex</mwg-rs:Name>"
        "<mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>"
        '<rdf:li><rdf:Description mwg-rs:Name="middle" mwg-rs:Type="Focus"/></rdf:li>'
        "</rdf:Bag></mwg-rs:RegionList></rdf:Description></mwg-rs:Regions>"
    )
    inside = (
        languages("dc:title", ("x-default", "Picnic"))
        + languages("dc:description", ("de", "Im Park"), ("x-default", "In the park"))
        + bag("dc:subject", "family", "park")
        + bag("lr:hierarchicalSubject", "Places|France|Paris", "family")
        + bag("digiKam:TagsList", "Places/France", "season/summer")
        + regions
        + bag("Iptc4xmpExt:PersonInImage", "Anna", "Ben")
        + "<photoshop:Headline>Lunch outside</photoshop:Headline>"
        + "<photoshop:City>Paris</photoshop:City><photoshop:Country>France</photoshop:Country>"
        + languages("Iptc4xmpCore:AltTextAccessibility", ("x-default", "A blanket on grass"))
    )
    assert words(opened(xmp=packet(inside))) == [
        ("xmp:dc:title", "Picnic"),
        ("xmp:photoshop:Headline", "Lunch outside"),
        ("xmp:dc:description", "In the park"),
        ("xmp:dc:description", "Im Park"),
        ("xmp:Iptc4xmpCore:AltTextAccessibility", "A blanket on grass"),
        ("xmp:dc:subject", "family, park"),
        ("xmp:lr:hierarchicalSubject", "Places, France, Paris"),
        ("xmp:digiKam:TagsList", "season, summer"),
        ("xmp:mwg-rs:RegionList", "Anna, Rex, Ben"),
        ("xmp:photoshop:City", "Paris, France"),
    ]


def test_xmp_properties_written_as_attributes_are_read() -> None:
    block = (
        f'{HEAD}<rdf:Description photoshop:Headline="Lunch outside"'
        f' exif:DateTimeOriginal="2018-10-27T13:27:23.53" tiff:Make="SONY" tiff:Model="ILCE-7M3"'
        f' exif:GPSLatitude="49,17.5N" exif:GPSLongitude="8,30E"/>{TAIL}'
    )
    found = read_metadata(opened(xmp=block.encode()))
    assert found.words == [("xmp:photoshop:Headline", "Lunch outside")]
    assert found.camera == "SONY ILCE-7M3"
    assert found.place == pytest.approx((49 + 17.5 / 60, 8.5))
    assert found.taken is not None
    source, moment = found.taken
    assert source is TakenFrom.XMP
    assert moment.at == datetime(2018, 10, 27, 13, 27, 23, 530_000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_xmp_is_found_in_every_format_that_holds_it(kind: str) -> None:
    block = packet(languages("dc:title", ("x-default", "Zürich")))
    saving: dict[str, Any] = {"xmp": block}
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", block.decode())
        saving = {"pnginfo": chunks}
    if kind == "TIFF":
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info.tagtype[700] = 1
        info[700] = block
        saving = {"tiffinfo": info}
    assert words(opened(kind, **saving)) == [("xmp:dc:title", "Zürich")]


def test_xmp_of_the_files_inside_a_composition_is_not_its_own() -> None:
    inner = '<rdf:li><rdf:Description photoshop:Headline="Another picture"/></rdf:li>'
    block = packet(f"<photoshop:Pantry><rdf:Bag>{inner}</rdf:Bag></photoshop:Pantry>")
    assert not words(opened(xmp=block))


def test_xmp_that_defines_entities_is_refused() -> None:
    bomb = (
        b'<!DOCTYPE x [<!ENTITY a "boom"><!ENTITY b "&a;&a;&a;">]>'
        + HEAD.encode()
        + b"<rdf:Description><dc:title>&b;</dc:title></rdf:Description>"
        + TAIL.encode()
    )
    with pytest.raises(NotXmp, match="entities"):
        xmp.parsed(bomb)
    with pytest.raises(NotXmp, match="entities"):
        xmp.parsed(bomb.decode().encode("utf-16"))
    assert not words(opened(xmp=bomb))


def test_xmp_too_long_or_nested_without_end_does_no_harm() -> None:
    with pytest.raises(NotXmp, match="longer"):
        xmp.parsed(b"<" + b" " * xmp.MAX_BYTES)
    depth = 90_000
    deep = HEAD + "<rdf:Description><dc:title>" + "<dc:a>" * depth + "</dc:a>" * depth
    found = xmp.parsed(f"{deep}</dc:title></rdf:Description>{TAIL}")
    assert found.texts("dc:title") == [""]
    assert not found.people()


def test_a_sidecar_gives_its_words(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg.xmp"
    path.write_bytes(packet(languages("dc:title", ("x-default", "Picnic"))))
    assert sidecar_words(path) == [("xmp:dc:title", "Picnic")]
    path.write_bytes(b'<?xml version="1.0" encoding="UTF-8"?>\n' + packet(""))
    assert not sidecar_words(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\xff\xd8\xff not xml", "no XML"),
        (b"<html><body>hello</body></html>", "no RDF"),
        (packet("")[:-20], "broken XML"),
        (b"<!DOCTYPE html><html></html>", "document type"),
        (b"<" + b"x" * xmp.MAX_BYTES, "longer than"),
    ],
)
def test_a_file_that_is_no_xmp_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=reason):
        sidecar_words(path)


def test_a_sidecar_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        sidecar_words(tmp_path / "a.xmp")
