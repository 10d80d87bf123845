"""What a benchmark runs on: machine, versions, photos, weights."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image

from indexer.errors import MediaError
from indexer.media.image import IMAGE_SUFFIXES, THUMBNAIL_SIDE, ImageReader
from indexer.types import Kind, SourceFile


def photos_in(folder: Path, n: int) -> Sequence[SourceFile]:
    """Returns the first n readable pictures below the folder, by path."""
    root = folder.resolve()
    files: list[SourceFile] = []
    for path in sorted(root.rglob("*")):
        if len(files) == n:
            break
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            inside, stat = path.relative_to(root).as_posix(), path.stat()
            file = SourceFile(str(root), inside, Kind.IMAGE, stat.st_size, stat.st_mtime_ns)
            if opens(file):
                files.append(file)
    if not files:
        raise SystemExit(f"{folder} holds no pictures. Name another folder with --photos.")
    return files


def opens(file: SourceFile) -> bool:
    """Whether both the pipeline and plain Pillow, hence the peer, can decode the picture."""
    try:
        next(ImageReader(THUMBNAIL_SIDE).read(file))
        with Image.open(file.location) as image:
            image.load()
    except (MediaError, OSError, ValueError, SyntaxError):
        return False
    return True


def draw_photos(folder: Path, n: int) -> Path:
    """Returns the folder with n JPEGs of 1600 x 1200: smooth colours and grain, like photos."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for row in range(n):
        coarse = Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((1600, 1200), Image.Resampling.BICUBIC), np.int16)
        grain = random.integers(-6, 7, (1200, 1600, 1), dtype=np.int16)
        picture = Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))
        picture.save(folder / f"{row:05d}.jpg", quality=88)
    return folder


def random_checkpoint(name: str, scratch: Path) -> str:
    """Returns the model's name; for `random:ARCHITECTURE`, that of a checkpoint made for it."""
    if not name.startswith("random:"):
        return name
    architecture = name.removeprefix("random:")
    torch.manual_seed(0)
    path = scratch / f"{architecture}.pt"
    torch.save(open_clip.create_model(architecture).state_dict(), path)
    return f"open_clip:{architecture}@{path}"


def hardware(device: str, cores: int) -> str:
    """Returns the processor, its cores, and the accelerator where one is used."""
    cpu = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.is_file():
        lines = about.read_text(encoding="utf-8").splitlines()
        cpu = next((one.partition(":")[2].strip() for one in lines if "model name" in one), cpu)
    gpu = f" · {torch.cuda.get_device_name(device)}" if device.startswith("cuda") else ""
    return f"{cpu}, {cores} cores{gpu}"


def versions() -> str:
    """Returns Python and the packages that decide the speed."""
    packages = ("torch", "open_clip_torch", "pillow", "faiss-cpu", "sqlalchemy", "numpy")
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)]
    )
