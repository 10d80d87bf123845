"""The peer: what clip-retrieval's reader and mapper do (clip_inference/reader.py, mapper.py).

A torch DataLoader whose worker processes open and transform, and one loop that encodes.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image

from indexer.types import SourceFile, Vectors

PEER_WORKERS = 4
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Photos(torch.utils.data.Dataset[torch.Tensor]):
    """The peer's way to a picture: open, convert and transform, in a worker process."""

    def __init__(self, paths: Sequence[Path], transform: Callable[[Image.Image], Any]) -> None:
        self._paths = paths
        self._transform = transform

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        with Image.open(self._paths[row]) as image:
            pixels: torch.Tensor = self._transform(image)
        return pixels


def plain_loop(
    name: str, files: Sequence[SourceFile], batch_size: int, device: str, precision: str
) -> tuple[float, Vectors]:
    """Embeds as a plain open_clip script does; returns photos per second and the vectors."""
    spec = name.removeprefix("open_clip:")
    architecture, pretrained = spec, None
    if not spec.startswith(("local-dir:", "hf-hub:")):
        head, _, checkpoint = spec.partition("@")
        architecture, _, tag = head.partition("/")
        pretrained = checkpoint or tag
    model, _, transform = open_clip.create_model_and_transforms(architecture, pretrained=pretrained)
    model = model.eval().to(device, DTYPES[precision])
    loader = torch.utils.data.DataLoader(
        Photos([file.location for file in files], transform), batch_size, num_workers=PEER_WORKERS
    )
    parts = []
    with torch.inference_mode():
        size = transform.transforms[0].size
        side = size if isinstance(size, tuple | list) else (size, size)
        warm = torch.zeros((batch_size, 3, *side), device=device, dtype=DTYPES[precision])
        model.encode_image(warm)
        start = time.perf_counter()
        for batch in loader:
            features = model.encode_image(batch.to(device, DTYPES[precision]))
            parts.append(torch.nn.functional.normalize(features.float(), dim=-1).cpu().numpy())
        seconds = time.perf_counter() - start
    return len(files) / seconds, np.concatenate(parts)
