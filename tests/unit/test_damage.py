"""Files of several pictures and raw files with random damage: samples or a reason, nothing else."""

import random
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from indexer.errors import MediaError
from indexer.media.image import ImageReader
from indexer.types import Facts, Kind, Sample, SourceFile
from tests import raws


def several(suffix: str, **options: object) -> bytes:
    """Returns a file of five pictures."""
    frames = [Image.effect_noise((64, 48), 20 * n + 20).convert("RGB") for n in range(5)]
    content = BytesIO()
    frames[0].save(content, suffix, save_all=True, append_images=frames[1:], **options)
    return content.getvalue()


FILES = {
    "a.gif": several("GIF", duration=600),
    "a.webp": several("WEBP", duration=600),
    "a.png": several("PNG", duration=600),
    "a.avif": several("AVIF", duration=600),
    "a.tif": several("TIFF", compression="tiff_adobe_deflate"),
    "b.tif": several("TIFF", compression="jpeg"),
    "a.nef": raws.nef(raws.jpeg((640, 520)), orientation=6),
    "a.cr3": raws.cr3(raws.jpeg((640, 520)), orientation=6),
    "a.dng": raws.dng((96, 64)),
    "a.jxl": b"\xff\x0a\x7f@$\x08\x06\x01\0\x14\0K\x12$a\0",
}


@pytest.mark.parametrize("name", FILES)
def test_random_damage_gives_samples_or_a_reason(tmp_path: Path, name: str) -> None:
    rng = random.Random(name)
    source = SourceFile(tmp_path.as_posix(), name, Kind.IMAGE, 1, 1)
    reader = ImageReader(448, max_pixels=1_000_000)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(60):
        content = bytearray(FILES[name])
        for _ in range(rng.choice([0, 1, 2, 8])):
            at = rng.choice([rng.randrange(len(content)), rng.randrange(min(300, len(content)))])
            content[at] = rng.choice([0, 255, content[at] ^ 1 << rng.randrange(8)])
        if rng.random() < 0.4:
            del content[rng.randrange(len(content)) :]
        source.location.write_bytes(content)
        try:
            *samples, facts = reader.read(source)
        except MediaError:
            outcomes["refused"] += 1
            continue
        assert isinstance(facts, Facts)
        positions = [one.position for one in samples if isinstance(one, Sample)]
        assert len(set(positions)) == len(samples) > 0
        outcomes["read"] += 1
    assert outcomes["refused"] > 2
