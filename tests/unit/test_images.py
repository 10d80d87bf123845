"""Reading pictures: every mode becomes upright RGB, every damage a reason."""

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from indexer.errors import MediaError
from indexer.media.image import ImageReader, decode, preview, thumbnail
from indexer.types import Facts, Kind, Sample, SourceFile

RED, BLUE = (255, 0, 0), (0, 0, 255)


def source(path: Path) -> SourceFile:
    return SourceFile(path.parent.as_posix(), path.name, Kind.IMAGE, 1, 1)


def read(path: Path, min_side: int = 64, **options: int) -> Sample:
    sample, facts = ImageReader(min_side, **options).read(source(path))
    assert isinstance(sample, Sample)
    assert isinstance(facts, Facts)
    return sample


def pixels(sample: Sample) -> np.ndarray:
    assert isinstance(sample.content, Image.Image)
    assert sample.content.mode == "RGB"
    return np.asarray(sample.content).astype(int)


def half_and_half(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


FORMATS = ["jpg", "png", "webp", "gif", "bmp", "tiff", "avif", "heic", "ppm", "tga", "jp2"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_read_in_its_colours(tmp_path: Path, suffix: str) -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    path = tmp_path / f"a.{suffix}"
    half_and_half().save(path)
    sample = read(path)
    assert (sample.width, sample.height) == (60, 40)
    found = pixels(sample)
    assert np.abs(found[20, 10] - RED).max() < 40
    assert np.abs(found[20, 50] - BLUE).max() < 40


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("CMYK", "jpg"),
        ("CMYK", "tiff"),
        ("P", "png"),
        ("P", "gif"),
        ("YCbCr", "jpg"),
        ("LAB", "tiff"),
    ],
)
def test_other_colour_modes_become_true_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    image = half_and_half()
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(
            image, ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
        )
    else:
        image = image.convert(mode)
    path = tmp_path / f"a.{suffix}"
    image.save(path)
    found = pixels(read(path))
    assert np.abs(found[20, 10] - RED).max() < 50
    assert np.abs(found[20, 50] - BLUE).max() < 50


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (20, 0, 40, 40))
    path = tmp_path / "a.png"
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    image.save(path)
    found = pixels(read(path))
    assert found[20, 5].tolist() == [255, 255, 255]
    assert found[20, 35].tolist() == [0, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bit_grey_keeps_its_shades(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (32, 1))
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(ramp).save(path)
    found = pixels(read(path))[16, :, 0]
    assert np.abs(found - np.arange(256)).max() <= 1


def test_black_and_white_is_read(tmp_path: Path) -> None:
    image = Image.new("1", (40, 40), 0)
    image.paste(1, (20, 0, 40, 40))
    image.save(tmp_path / "a.png")
    found = pixels(read(tmp_path / "a.png"))
    assert found[5, 5].tolist() == [0, 0, 0]
    assert found[5, 35].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
def test_pictures_come_upright_with_their_upright_size(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    upright = Image.new("RGB", (64, 48), "white")
    upright.paste(RED, (0, 0, 24, 16))
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = upright if undo is None else upright.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a.{suffix}"
    stored.save(path, exif=exif)
    sample = read(path)
    assert (sample.width, sample.height) == (64, 48)
    found = pixels(sample)
    assert found.shape == (48, 64, 3)
    assert np.abs(found[6, 10] - RED).max() < 40
    assert found[40, 10].min() > 200
    assert found[6, 55].min() > 200


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE, "white")]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    assert np.abs(pixels(read(path))[20, 20] - RED).max() < 20


def test_wide_gamut_colours_are_turned_into_srgb(tmp_path: Path) -> None:
    # A profile whose green primary is far out: the same numbers mean a stronger colour in sRGB.
    xyz = ImageCms.createProfile("XYZ")
    image = Image.new("RGB", (32, 32), (128, 128, 128))
    image.save(tmp_path / "plain.png")
    image.save(tmp_path / "broken.png", icc_profile=b"not a profile")
    image.save(tmp_path / "xyz.png", icc_profile=ImageCms.ImageCmsProfile(xyz).tobytes())
    plain = pixels(read(tmp_path / "plain.png"))
    for name in ("broken.png", "xyz.png"):
        assert (pixels(read(tmp_path / name)) == plain).all(), "not a profile for RGB: left aside"


def test_a_large_photo_is_decoded_small_but_never_too_small(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    half_and_half((4000, 3000)).save(path)
    sample = read(path, min_side=448)
    assert isinstance(sample.content, Image.Image)
    assert 448 <= min(sample.content.size) < 900
    assert (sample.width, sample.height) == (4000, 3000)


def test_a_small_picture_is_not_enlarged(tmp_path: Path) -> None:
    half_and_half((20, 10)).save(tmp_path / "a.png")
    sample = read(tmp_path / "a.png", min_side=448)
    assert isinstance(sample.content, Image.Image)
    assert sample.content.size == (20, 10)


def test_a_lying_suffix_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    half_and_half().save(path, format="PNG")
    assert read(path).width == 60


def jpeg(size: tuple[int, int] = (200, 100)) -> bytes:
    content = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(content, "JPEG")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (jpeg()[:2000], "truncated"),
        (b"%PDF-1.7 and so on", "PDF"),
        (b"<html><body>", "web page"),
        (b"\x00" * 500, "zero bytes"),
        (bytes(range(256)) * 4, "not a picture"),
    ],
)
def test_a_bad_file_gives_a_true_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=reason):
        read(path)


def test_a_file_that_is_gone_or_a_folder_gives_a_reason(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="gone"):
        read(tmp_path / "gone.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(MediaError, match="folder"):
        read(tmp_path / "folder.jpg")


def test_too_many_pixels_are_refused_with_the_limit_and_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (3000, 2000)).save(path)
    with pytest.raises(MediaError, match=r"3000 x 2000 .*5 megapixels.*--max-megapixels"):
        read(path, max_pixels=5_000_000)
    assert read(path, max_pixels=6_000_000).width == 3000


def test_a_size_that_the_codec_itself_refuses_is_named(tmp_path: Path) -> None:
    content = BytesIO()
    half_and_half().save(content, "AVIF")
    large = bytearray(content.getvalue())
    at = large.index(b"ispe") + 8
    large[at : at + 8] = (40_000).to_bytes(4, "big") * 2
    path = tmp_path / "a.avif"
    path.write_bytes(large)
    with pytest.raises(MediaError, match="40000 x 40000 pixels is above the limit"):
        read(path)


def test_what_no_codec_here_can_do_is_not_called_damage(tmp_path: Path) -> None:
    content = BytesIO()
    half_and_half().save(content, "BMP")
    unusual = bytearray(content.getvalue())
    unusual[30] = 6  # its compression
    path = tmp_path / "a.bmp"
    path.write_bytes(unusual)
    with pytest.raises(MediaError, match=r"^unusual or damaged: a BMP picture of a sort"):
        read(path)


def test_random_damage_never_gives_anything_but_a_picture_or_a_reason() -> None:
    rng = random.Random(0)
    samples = []
    for suffix in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        content = BytesIO()
        half_and_half((48, 32)).save(content, suffix)
        samples.append(content.getvalue())
    outcomes = {"read": 0, "refused": 0}
    for _ in range(400):
        content = bytearray(rng.choice(samples))
        for _ in range(rng.randint(0, 4)):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.5:
            del content[rng.randrange(len(content)) :]
        try:
            picture = decode(BytesIO(bytes(content)), max_pixels=1_000_000)
        except MediaError:
            outcomes["refused"] += 1
        else:
            assert picture.mode == "RGB"
            outcomes["read"] += 1
    assert min(outcomes.values()) > 20


@pytest.mark.parametrize("size", [(4000, 1000), (100, 2000), (10, 10), (1, 5000)])
def test_a_thumbnail_fits_and_keeps_its_shape(size: tuple[int, int]) -> None:
    small = Image.open(BytesIO(thumbnail(Image.new("RGB", size, RED), 512)))
    assert small.format == "WEBP"
    assert max(small.size) == min(512, max(size))
    assert small.width / small.height == pytest.approx(size[0] / size[1], rel=0.2, abs=1)


def test_a_preview_is_made_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    half_and_half((3000, 1000)).save(path)
    large = Image.open(BytesIO(preview(path, 2048)))
    assert large.size == (2048, 683)
    with pytest.raises(MediaError):
        preview(tmp_path / "gone.jpg", 100)


def test_of_several_pictures_in_a_heic_only_the_main_one_counts(tmp_path: Path) -> None:
    import pillow_heif

    file = pillow_heif.HeifFile()
    for colour in ("white", RED, BLUE):
        file.add_from_pillow(Image.new("RGB", (64, 64), colour))
    path = tmp_path / "burst.heic"
    file.save(path, primary_index=1)
    assert np.abs(pixels(read(path))[20, 20] - RED).max() < 20


def test_of_several_pictures_in_an_mpo_only_the_first_counts(tmp_path: Path) -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (32, 32), BLUE)
    first.save(tmp_path / "a.mpo", save_all=True, append_images=[second])
    sample = read(tmp_path / "a.mpo")
    assert np.abs(pixels(sample)[20, 20] - RED).max() < 20
