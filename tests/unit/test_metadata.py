"""Words and facts that stand in picture files: found in every block, never by decoding."""

import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, TiffImagePlugin
from pillow_heif import register_heif_opener

from indexer.errors import MediaError
from indexer.media import exif, iptc, xmp
from indexer.media.facts import photo_facts
from indexer.media.metadata import Metadata, read_metadata
from indexer.media.sidecar import sidecar_words
from indexer.media.texts import MAX_CAPTION
from indexer.media.words import chosen
from indexer.media.xmp import NotXmp
from indexer.types import TakenFrom

register_heif_opener()

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    ' xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    ' xmlns:digiKam="http://www.digikam.org/ns/1.0/"'
    ' xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/">'
)
TAIL = "</rdf:RDF></x:xmpmeta>"


def packet(inside: str) -> bytes:
    """XMP with these properties, as elements."""
    return f'{HEAD}<rdf:Description rdf:about="">{inside}</rdf:Description>{TAIL}'.encode()


def languages(name: str, *texts: tuple[str, str]) -> str:
    entries = "".join(f'<rdf:li xml:lang="{lang}">{text}</rdf:li>' for lang, text in texts)
    return f"<{name}><rdf:Alt>{entries}</rdf:Alt></{name}>"


def bag(name: str, *texts: str) -> str:
    entries = "".join(f"<rdf:li>{text}</rdf:li>" for text in texts)
    return f"<{name}><rdf:Bag>{entries}</rdf:Bag></{name}>"


def exif_with(
    main: dict[int, Any] | None = None,
    inner: dict[int, Any] | None = None,
    gps: dict[int, Any] | None = None,
) -> Image.Exif:
    block = Image.Exif()
    block.update(main or {})
    block.get_ifd(ExifTags.IFD.Exif).update(inner or {})
    block.get_ifd(ExifTags.IFD.GPSInfo).update(gps or {})
    return block


def opened(kind: str = "JPEG", **saving: Any) -> Image.Image:
    content = BytesIO()
    Image.new("RGB", (16, 16)).save(content, kind, **saving)
    return Image.open(content)


def iptc_block(*records: tuple[int, int, bytes], charset: bytes = b"") -> bytes:
    if charset:
        records = ((1, 90, charset), *records)
    return b"".join(
        struct.pack(">BBBH", 0x1C, record, number, len(value)) + value
        for record, number, value in records
    )


def with_iptc(block: bytes) -> Image.Image:
    """A JPEG with these records among Photoshop's resources."""
    content = BytesIO()
    Image.new("RGB", (16, 16)).save(content, "JPEG")
    resource = (
        b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + b"\0" * (len(block) % 2)
    )
    segment = b"Photoshop 3.0\0" + resource
    marker = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    whole = content.getvalue()
    return Image.open(BytesIO(whole[:2] + marker + whole[2:]))


def words(image: Image.Image) -> Sequence[tuple[str, str]]:
    return read_metadata(image).words


def wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


# Words in EXIF


def test_descriptions_and_windows_tags_become_captions() -> None:
    block = exif_with(
        {
            0x010E: "The harbour at dusk",
            0x9C9B: wide("Hafen"),
            0x9C9F: wide("Été à la mer"),
            0x9C9C: wide("Two boats"),
            0x9C9E: wide("boat;sea; evening"),
        }
    )
    assert words(opened(exif=block)) == [
        ("exif:XPTitle", "Hafen"),
        ("exif:XPSubject", "Été à la mer"),
        ("exif:XPComment", "Two boats"),
        ("exif:ImageDescription", "The harbour at dusk"),
        ("exif:XPKeywords", "boat, sea, evening"),
    ]


@pytest.mark.parametrize(
    "comment",
    [
        b"ASCII\0\0\0Grandma's garden",
        b"\0\0\0\0\0\0\0\0Grandma's garden\0\0\0",
        b"UNICODE\0" + "Grandma's garden".encode("utf-16-le"),
        b"UNICODE\0" + "Grandma's garden".encode("utf-16-be"),
        b"UNICODE\0" + "Grandma's garden".encode("utf-16"),
        b"UNICODE\0Grandma's garden",
        b"JIS\0\0\0\0\0Grandma's garden",
        b"Grandma's garden",
    ],
)
def test_user_comments_are_read_in_every_character_set(comment: bytes) -> None:
    image = opened(exif=exif_with(inner={0x9286: comment}))
    assert words(image) == [("exif:UserComment", "Grandma's garden")]


@pytest.mark.parametrize(
    "raw",
    [
        b"JIS\0\0\0\0\0" + "花見の写真".encode("iso2022_jp"),
        b"JIS\0\0\0\0\0" + "花見の写真".encode("shift_jis"),
        b"UNICODE\0" + "花見の写真".encode("utf-16-be"),
        b"UNICODE\0" + "花見の写真".encode("utf-16-le"),
        b"\0\0\0\0\0\0\0\0" + "花見の写真".encode(),
    ],
)
def test_japanese_user_comments_are_read(raw: bytes) -> None:
    image = opened(exif=exif_with(inner={0x9286: raw}))
    assert words(image) == [("exif:UserComment", "花見の写真")]


def test_descriptions_are_utf_8_or_western_text() -> None:
    for raw in ("Zürich im Nebel".encode(), "Zürich im Nebel".encode("cp1252")):
        image = opened(exif=exif_with({0x010E: raw}))
        assert words(image) == [("exif:ImageDescription", "Zürich im Nebel")]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "HEIF", "MPO"])
def test_exif_is_found_in_every_format_that_holds_it(kind: str) -> None:
    block = exif_with(
        {0x010E: "A quiet lane", 0x010F: "Canon", 0x0110: "Canon EOS 80D"},
        {0x9003: "2019:07:04 12:34:56"},
        {1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4)},
    )
    found = read_metadata(opened(kind, exif=block.tobytes()))
    assert found.words == [("exif:ImageDescription", "A quiet lane")]
    assert found.camera == "Canon EOS 80D"
    assert found.taken is not None
    assert found.taken[1].at == datetime(2019, 7, 4, 12, 34, 56)
    assert found.place == pytest.approx((43.467444, 11.885111), abs=1e-6)


# Words in IPTC


def test_iptc_titles_captions_keywords_and_places_become_captions() -> None:
    image = with_iptc(
        iptc_block(
            (2, 5, b"Regatta"),
            (2, 105, b"Sailors race in the bay"),
            (2, 120, b"Two yachts round the mark"),
            (2, 25, b"sea"),
            (2, 25, b"sport, boats"),
            (2, 90, b"Kiel"),
            (2, 101, b"Germany"),
            (2, 80, b"A. Photographer"),
        )
    )
    assert words(image) == [
        ("iptc:ObjectName", "Regatta"),
        ("iptc:Headline", "Sailors race in the bay"),
        ("iptc:Caption-Abstract", "Two yachts round the mark"),
        ("iptc:Keywords", "sea, sport, boats"),
        ("iptc:City", "Kiel, Germany"),
    ]


@pytest.mark.parametrize(
    ("charset", "encoding"), [(b"\x1b%G", "utf-8"), (b"", "utf-8"), (b"", "cp1252")]
)
def test_iptc_texts_are_read_in_their_character_set(charset: bytes, encoding: str) -> None:
    block = iptc_block((2, 120, "Köln bei Nacht".encode(encoding)), charset=charset)
    assert words(with_iptc(block)) == [("iptc:Caption-Abstract", "Köln bei Nacht")]


def test_a_broken_iptc_record_ends_the_reading_and_keeps_what_was_read() -> None:
    block = iptc_block((2, 5, b"Regatta")) + b"\x1c\x02\x78\x7f\xffshort"
    assert words(with_iptc(block)) == [("iptc:ObjectName", "Regatta")]


@pytest.mark.parametrize("as_numbers", [False, True])
def test_iptc_in_a_tiff_is_read(as_numbers: bool) -> None:
    block = iptc_block((2, 5, b"Regatta"))
    assert len(block) % 4 == 0
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info.tagtype[33723] = 7
    info[33723] = block
    content = BytesIO()
    Image.new("RGB", (16, 16)).save(content, "TIFF", tiffinfo=info)
    whole = content.getvalue()
    if as_numbers:
        entry = struct.pack("<HHI", 33723, 7, len(block))
        assert entry in whole
        whole = whole.replace(entry, struct.pack("<HHI", 33723, 4, len(block) // 4))
    assert words(Image.open(BytesIO(whole))) == [("iptc:ObjectName", "Regatta")]


# Words in XMP


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


# Words in text chunks and comments


def test_png_chunks_of_words_become_captions_and_others_do_not() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "Owl on a branch")
    chunks.add_itxt("Description", "Eine Eule 🦉 im Wald", lang="de")
    chunks.add_text("Comment", "seen near the old mill", zip=True)
    chunks.add_text("Software", "Some Painter 3.1")
    chunks.add_text("Author", "Nobody")
    assert words(opened("PNG", pnginfo=chunks)) == [
        ("png:Title", "Owl on a branch"),
        ("png:Description", "Eine Eule 🦉 im Wald"),
        ("png:Comment", "seen near the old mill"),
    ]


def test_of_an_image_generators_settings_only_the_prompt_stays() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(
        "parameters",
        "a castle in fog, <lora:mist:0.8> oil painting\nNegative prompt: blurry\n"
        "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1",
    )
    chunks.add_text("workflow", '{"nodes": []}')
    assert words(opened("PNG", pnginfo=chunks)) == [
        ("png:parameters", "a castle in fog, oil painting")
    ]


def test_comments_of_jpeg_and_gif_become_captions() -> None:
    jpeg = opened(comment="Räuber im Wald".encode())
    assert words(jpeg) == [("jpeg:comment", "Räuber im Wald")]
    assert words(opened("GIF", comment=b"a spinning top")) == [("gif:comment", "a spinning top")]


def test_profiles_that_imagemagick_writes_as_digits_are_read() -> None:
    block = b"Exif\0\0" + exif_with({0x010E: "A quiet lane"}).tobytes()[6:]
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    assert words(opened("PNG", pnginfo=chunks)) == [("exif:ImageDescription", "A quiet lane")]
    broken = PngImagePlugin.PngInfo()
    broken.add_text("Raw profile type exif", "\nexif\n 3\nnot digits\n")
    assert read_metadata(opened("PNG", pnginfo=broken)) == Metadata()


# What is no caption


@pytest.mark.parametrize(
    "text",
    [
        "OLYMPUS DIGITAL CAMERA         ",
        "KONICA MINOLTA DIGITAL CAMERA",
        "SONY DSC",
        "SAMSUNG",
        "DCIM\\100GOPRO",
        "Untitled",
        "untitled-1",
        "Created with GIMP",
        "Created with The GIMP",
        "File written by Adobe Photoshop\u00a8 4.0",
        "CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90",
        "LEAD Technologies Inc. V1.01",
        "ASCII",
        "charset=Ascii",
        "File source: https://commons.example.org/wiki/File:Owl.jpg",
        "Lavc58.54.100",
        "Exif_JPEG_PICTURE",
        "hw-remosaic: false; touch: (-1.0, -1.0); modeInfo: ; sceneMode: Auto; cct: 0",
        "Type=N, Mode=P, DE=None",
        '{"shape": [32, 32, 3]}',
        "<Digimax i5, Samsung #1>",
        "IMG_1234",
        "DSC01234.JPG",
        "C:\\Users\\me\\Pictures\\a.jpg",
        "4f0c2f6e-9c55-4f1c-8a57-0d6d1f5a2b11",
        "aGVsbG8gd29ybGQgMTIzNDU2Nzg5",
        "20190704",
        "-- ?! --",
        "   ",
        "ÿÀÿ§ÿÿ¢ÿÿ",
        "oznorCO",
        "My Painter 3.1",
        "Canon EOS 80D",
    ],
)
def test_what_cameras_and_programs_write_is_no_caption(text: str) -> None:
    block = exif_with(
        {
            0x010E: text.encode(),
            0x010F: "Canon",
            0x0110: "Canon EOS 80D",
            0x0131: "My Painter 3.1",
        }
    )
    assert not words(opened(exif=block))


@pytest.mark.parametrize(
    "text",
    [
        "A digital camera on a table",
        "Made by my daughter",
        "Captured in Paris",
        "Left: Anna; right: Ben",
        "Screenshot",
        "猫",
        "नमस्ते",
        "Привет из Москвы",
        "Mum & Dad @ the lake, 2019 :-)",
        "Żółw",
        "E = mc²: the blackboard",
        "2nd birthday",
    ],
)
def test_what_people_write_is_a_caption(text: str) -> None:
    image = opened(exif=exif_with({0x010E: text.encode()}))
    assert words(image) == [("exif:ImageDescription", text)]


def test_a_text_in_several_blocks_comes_once_from_the_most_specific() -> None:
    title = languages("dc:title", ("x-default", "The harbour"))
    again = languages("dc:description", ("x-default", "the harbour."))
    block = exif_with({0x010E: "The harbour", 0x9C9B: wide("The  harbour")})
    image = opened(
        xmp=packet(title + again + bag("dc:subject", "Sea", "boat")),
        exif=block,
        comment=b"The harbour",
    )
    assert words(image) == [("xmp:dc:title", "The harbour"), ("xmp:dc:subject", "Sea, boat")]


def test_captions_are_clean_and_bounded() -> None:
    image = opened(comment=b"two\nlines\x07 and a bell " + b"very long " * 2_000)
    ((_, text),) = words(image)
    assert text.startswith("two lines and a bell very long")
    assert len(text) <= MAX_CAPTION
    many = bag("dc:subject", *(f"word{n}" for n in range(2_000)))
    ((_, text),) = words(opened(xmp=packet(many)))
    assert len(text) < MAX_CAPTION


@pytest.mark.parametrize(
    "text",
    [
        "a: b; " * 3_000 + "x",
        "a=b, " * 3_000 + "x",
        " " * 150_000 + "x",
        "Steps: " * 3_000,
        "version 1 " * 2_000 + "x",
        "quality = " * 2_000,
        "A " * 8_000,
        "x" * 20_000,
        "1" * 20_000,
        "<lora:" * 4_000 + " Steps: 1, ",
    ],
)
def test_texts_made_to_be_slow_are_judged_quickly(text: str) -> None:
    start = perf_counter()
    chosen([("jpeg:comment", text)])
    assert perf_counter() - start < 1


# Damage


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


# Sidecars


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
