"""What people write is a caption; what cameras and programs write is none."""

from time import perf_counter

import pytest

from indexer.media.words import chosen
from tests.blocks import exif_with, opened, words


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
        "S Y 5",
        "https://photos.example.org/1234",
        "© 2010 Jane Doe",
        "Scan Filter - version 3.75.",
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
        "My cat, version 2",
        "Under the Copyright bridge",
    ],
)
def test_what_people_write_is_a_caption(text: str) -> None:
    image = opened(exif=exif_with({0x010E: text.encode()}))
    assert words(image) == [("exif:ImageDescription", text)]


@pytest.mark.parametrize(
    "text",
    [
        "aa: bb; " * 1_200 + "x",
        "aa=bb, " * 1_200 + "x",
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
