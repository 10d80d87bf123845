"""Words and facts that stand in picture files: found in every block, never by decoding."""

import struct
from datetime import datetime
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from indexer.media.metadata import Metadata, read_metadata
from indexer.media.texts import MAX_CAPTION
from tests.blocks import (
    bag,
    exif_with,
    iptc_block,
    languages,
    opened,
    packet,
    wide,
    with_iptc,
    words,
)


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


def test_a_makers_own_data_in_the_user_comment_is_no_text() -> None:
    raw = b"\0\0\0\0\0\0\0\0" + b"AF\x01\x02 centre\x1f\x03"
    assert not words(opened(exif=exif_with(inner={0x9286: raw})))


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_descriptions_are_utf_8_or_western_text(kind: str, encoding: str) -> None:
    raw = "Zürich im Nebel".encode(encoding)
    plain = b"?" * len(raw)  # Pillow writes no other letters into a TIFF
    content = BytesIO()
    block = exif_with({0x010E: plain}).tobytes()
    Image.new("RGB", (16, 16)).save(content, kind, exif=block)
    image = Image.open(BytesIO(content.getvalue().replace(plain, raw)))
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


def test_png_chunks_of_words_become_captions_and_others_do_not() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "Owl on a branch")
    chunks.add_itxt("Description", "Eine Eule 🦉 im Wald", lang="de")
    chunks.add_text("Comment", "gesehen bei der Mühle".encode().decode("latin-1"), zip=True)
    chunks.add_text("Software", "Some Painter 3.1")
    chunks.add_text("Author", "Nobody")
    assert words(opened("PNG", pnginfo=chunks)) == [
        ("png:Title", "Owl on a branch"),
        ("png:Description", "Eine Eule 🦉 im Wald"),
        ("png:Comment", "gesehen bei der Mühle"),
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


def test_boxes_of_jpeg_2000_are_read_until_it_is_loaded() -> None:
    content = BytesIO()
    Image.new("RGB", (16, 16)).save(content, "JPEG2000", no_jp2=False)
    for name, block in (
        ("be7acfcb97a942e89c71999491e3afac", packet(bag("dc:subject", "lake"))),
        ("33c7a4d2b81d4723a0baf1a3e097ad38", iptc_block((2, 5, b"Regatta"))),
        (b"JpgTiffExif->JP2".hex(), exif_with({0x010E: "A quiet lane"}).tobytes()[6:]),
    ):
        box = b"uuid" + bytes.fromhex(name) + block
        content.write(struct.pack(">I", len(box) + 4) + box)
    image = Image.open(content)
    before = content.tell()
    assert words(image) == [
        ("xmp:dc:subject", "lake"),
        ("iptc:ObjectName", "Regatta"),
        ("exif:ImageDescription", "A quiet lane"),
    ]
    assert content.tell() == before
    image.load()
    assert not words(image)


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
