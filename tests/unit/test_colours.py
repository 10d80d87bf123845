"""Colours: whatever space a file is in, thumbnails show what the photographer saw."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from indexer.media import colours
from indexer.media.image import decode, preview

# What they are in sRGB, and as Display P3 writes the same colours (CSS Color 4, color(display-p3)).
SRGB = [(255, 255, 255), (128, 128, 128), (200, 100, 50), (30, 120, 200), (90, 160, 60)]


def swatches(colours_: list[tuple[int, int, int]], mode: str = "RGB") -> Image.Image:
    image = Image.new(mode, (40 * len(colours_), 40))
    for n, colour in enumerate(colours_):
        image.paste(colour, (40 * n, 0, 40 * n + 40, 40))
    return image


def converted(profile: bytes) -> Image.Image:
    """The swatches as a camera that works in this space writes them."""
    there = ImageCms.ImageCmsProfile(BytesIO(profile))
    image = ImageCms.profileToProfile(swatches(SRGB), ImageCms.createProfile("sRGB"), there)
    assert image is not None
    image.info.clear()
    return image


def seen(content: bytes) -> np.ndarray:
    """The swatches' middles as they come out."""
    return np.asarray(decode(BytesIO(content)))[20, 20::40].astype(int)


def encoded(image: Image.Image, suffix: str, **options: object) -> bytes:
    content = BytesIO()
    image.save(content, suffix, **options)
    return content.getvalue()


@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("space", ["Display P3", "Adobe RGB"])
def test_wide_gamut_photos_keep_their_colours(suffix: str, space: str) -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    profile = colours.display_p3() if space == "Display P3" else colours.adobe_rgb()
    image = converted(profile)
    assert np.abs(np.asarray(image)[20, 100].astype(int) - SRGB[2]).max() > 8, "numbers differ"
    found = seen(encoded(image, suffix, icc_profile=profile, quality=95))
    assert np.abs(found - SRGB).max() <= 8


def test_our_display_p3_agrees_with_the_published_numbers() -> None:
    there = ImageCms.ImageCmsProfile(BytesIO(colours.display_p3()))
    image = swatches([(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)])
    found = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), there)
    # CSS Color 4: sRGB red, green, blue in display-p3.
    expected = np.multiply(
        [(0.9175, 0.2003, 0.1386), (0.4584, 0.9853, 0.2983), (0, 0, 0.9596), (0.502,) * 3], 255
    )
    assert np.abs(np.asarray(found)[20, 20::40] - expected).max() <= 2


def test_a_preview_keeps_them_too(tmp_path: Path) -> None:
    profile = colours.display_p3()
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(converted(profile), "JPEG", icc_profile=profile, quality=98))
    found = np.asarray(Image.open(BytesIO(preview(path, 200))).convert("RGB"))[20, 20::40]
    assert np.abs(found.astype(int) - SRGB).max() <= 14


def test_a_camera_that_names_adobe_rgb_by_exif_alone_is_believed() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    image = converted(colours.adobe_rgb())
    assert np.abs(seen(encoded(image, "JPEG", quality=95, exif=exif)) - SRGB).max() <= 8
    exif.get_ifd(0x8769)[0xA005] = {1: "R98"}
    assert np.abs(seen(encoded(image, "JPEG", quality=95, exif=exif)) - SRGB).max() > 8


@pytest.mark.parametrize("suffix", ["AVIF", "HEIF"])
@pytest.mark.parametrize(
    ("primaries", "transfer", "expected"),
    [
        (12, 13, None),  # Display P3
        (1, 13, (200, 100, 50)),
        (2, 2, (200, 100, 50)),
    ],
)
def test_colours_named_by_number_are_understood(
    suffix: str, primaries: int, transfer: int, expected: tuple[int, int, int] | None
) -> None:
    image = converted(colours.display_p3()) if expected is None else swatches(SRGB)
    assert np.abs(seen(numbered(image, suffix, primaries, transfer)) - SRGB).max() <= 8


def numbered(image: Image.Image, suffix: str, primaries: int, transfer: int) -> bytes:
    """Returns a file of these pixels that names its colours by these numbers."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    content = bytearray(encoded(image, suffix, quality=95))
    at = content.index(b"nclx") + 4
    content[at : at + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(content)


@pytest.mark.parametrize(
    ("transfer", "white", "grey"),
    [
        (16, 0.5807, 0.44),  # PQ: 203 cd/m2 and a fifth of it
        (18, 0.75, 0.40),  # HLG: the same
    ],
)
def test_high_dynamic_range_is_neither_dark_nor_washed_out(
    transfer: int, white: float, grey: float
) -> None:
    signals = [(round(255 * level),) * 3 for level in (0.0, grey, white, 0.95)]
    black, middle, bright, brighter = seen(numbered(swatches(signals), "AVIF", 9, transfer))[:, 0]
    assert black < 6
    assert 80 < middle < 150
    assert 200 < bright < 245
    assert bright < brighter


def grey_profile(gamma: float) -> bytes:
    """Returns an ICC profile of greys that are brighter or darker than sRGB's."""
    text = b"grey\0"
    tags = {
        b"desc": struct.pack(">4s4xI", b"desc", len(text)) + text + bytes(79),
        b"wtpt": struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061),
        b"kTRC": struct.pack(">4s4xIH2x", b"curv", 1, round(gamma * 256)),
    }
    table, data = struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        table += struct.pack(">4sII", key, 132 + 12 * len(tags) + len(data), len(value))
        data += value
    size = 132 + 12 * len(tags) + len(data)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x3i", size, 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"acsp",
        63190, 65536, 54061,
    )  # fmt: skip
    return header.ljust(128, b"\0") + table + data


@pytest.mark.parametrize("suffix", ["JPEG", "PNG", "TIFF"])
def test_grey_photos_follow_their_profile(suffix: str) -> None:
    grey = Image.new("L", (40, 40), 128)
    linear = seen(encoded(grey, suffix, icc_profile=grey_profile(1.0)))[0]
    usual = seen(encoded(grey, suffix, icc_profile=grey_profile(2.2)))[0]
    assert np.abs(linear - 188).max() <= 2
    assert np.abs(usual - 128).max() <= 2


def cmyk_profile() -> bytes:
    """Returns an ICC profile of inks: cyan is read as a strong blue, the others as usual."""
    text = b"inks\0"
    points = np.array(np.meshgrid(*[[0, 1]] * 4, indexing="ij")).reshape(4, -1).T
    light = np.clip(100 - 25 * points[:, :3].sum(1) - 90 * points[:, 3], 0, 100)
    a = 128 + np.rint(60 * (points[:, 1] - points[:, 0] * 0.2))
    b = 128 + np.rint(60 * (points[:, 2] - points[:, 0]))
    nodes = np.stack([np.rint(light * 2.55), np.clip(a, 0, 255), np.clip(b, 0, 255)], 1)
    ramp = bytes(range(256))
    lut = struct.pack(">4s4xBBBx9i", b"mft1", 4, 3, 2, *[65536, 0, 0, 0, 65536, 0, 0, 0, 65536])
    lut += ramp * 4 + nodes.astype(np.uint8).tobytes() + ramp * 3
    tags = {
        b"desc": struct.pack(">4s4xI", b"desc", len(text)) + text + bytes(79),
        b"wtpt": struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061),
        b"A2B0": lut,
    }
    table, data = struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        table += struct.pack(">4sII", key, 132 + 12 * len(tags) + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    size = 132 + 12 * len(tags) + len(data)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x3i", size, 0x02100000, b"prtr", b"CMYK", b"Lab ", b"acsp",
        63190, 65536, 54061,
    )  # fmt: skip
    return header.ljust(128, b"\0") + table + data


@pytest.mark.parametrize("suffix", ["JPEG", "TIFF"])
def test_inks_follow_their_profile(suffix: str) -> None:
    image = Image.new("CMYK", (40, 40), (255, 0, 0, 0))
    plain = seen(encoded(image, suffix))[0]
    profiled = seen(encoded(image, suffix, icc_profile=cmyk_profile()))[0]
    assert plain[1] > 150, "cyan without a profile"
    assert profiled[2] > profiled[1] > profiled[0] - 40
    assert np.abs(plain - profiled).max() > 40
    paper = Image.new("CMYK", (40, 40), (0, 0, 0, 0))
    white = seen(encoded(paper, suffix, icc_profile=cmyk_profile()))[0]
    assert white.min() > 250
