"""A folder of files that break picture readers: everything is read or has a reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import MediaError
from indexer.media import Limits, readers
from indexer.scan import scan
from indexer.types import Kind, Sample, SourceFile

MIN_SIDE = 448


@pytest.fixture(scope="module")
def files(shared_data: Path) -> list[SourceFile]:
    return [one for one in scan(shared_data / "awkward") if isinstance(one, SourceFile)]


def test_every_awkward_file_is_read_or_has_a_reason(files: list[SourceFile]) -> None:
    reading = readers(files, Limits(MIN_SIDE))
    read, reasons = 0, {}
    for file in files:
        try:
            *samples, last = reading[file.kind].read(file)
            samples += [last] if file.kind is Kind.CAPTION else []
            positions = [sample.position for sample in samples if isinstance(sample, Sample)]
            assert len(set(positions)) == len(samples) > 0
            for sample in samples:
                read += 1
                if isinstance(sample, Sample) and isinstance(sample.content, Image.Image):
                    assert sample.content.mode == "RGB"
                    assert sample.width
                    assert sample.height
        except MediaError as error:
            reasons[file.path] = str(error)
    assert all(reasons.values())
    assert read > 400
    assert len(reasons) < 60
    assert any("decompression_bomb" in path for path in reasons)


@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
def test_all_orientations_show_the_same_picture(shared_data: Path, shape: str) -> None:
    folder = shared_data / "awkward" / "exif-orientation-examples"
    pictures = [SourceFile(str(folder), f"{shape}_{n}.jpg", Kind.IMAGE, 1, 1) for n in range(9)]
    reader = readers(pictures, Limits(64, 10**8))[Kind.IMAGE]
    seen = []
    for picture in pictures:
        sample, _ = reader.read(picture)
        assert isinstance(sample, Sample)
        assert isinstance(sample.content, Image.Image)
        seen.append(np.asarray(sample.content.resize((32, 32))).astype(float))
    for other in seen[1:]:
        assert np.abs(other - seen[0]).mean() < 8
