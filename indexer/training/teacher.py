"""What is taken from a teacher: feature maps of whole pictures, and embeddings of all captions.

The maps are computed once, in the axes that matter most. A view's target is its part of the map, so
one pass of a slow teacher serves any number of crops and mirrored views.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from torch import Tensor

from indexer.training.data import Corpus
from indexer.training.sources import Entry, open_pictures, squash
from indexer.training.student import Reference


class Teacher:
    """An open_clip model in a local folder whose image tower is a timm network and a projection."""

    def __init__(self, folder: Path, side: int = 224) -> None:
        model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
        self.model = model.eval().requires_grad_(False)
        self.tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
        self.trunk: Any = model.visual.trunk.to(memory_format=torch.channels_last)
        self.projection: Tensor = model.visual.head.proj.weight
        normalise = preprocess.transforms[-1]
        self.mean = torch.tensor(normalise.mean)[:, None, None]
        self.std = torch.tensor(normalise.std)[:, None, None]
        self.side = side

    def maps(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Returns the last maps, the mean of a picture's and its mirror image's.

        float32 (n, c, h, w) of uint8 (n, side, side, 3).
        """
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        x = ((x - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            straight = self.trunk.forward_features(x)
            mirrored = self.trunk.forward_features(x.flip(3)).flip(3)
        mean: Tensor = (straight + mirrored) / 2
        return mean

    def passes(self, entries: Sequence[Entry], size: int = 32) -> Iterator[Tensor]:
        """Yields the maps of the entries, batch by batch."""
        waiting: list[NDArray[np.uint8]] = []
        with ThreadPoolExecutor() as pool:
            for pixels in pool.map(lambda image: squash(image, self.side), open_pictures(entries)):
                waiting.append(pixels)
                if len(waiting) == size:
                    yield self.maps(np.stack(waiting))
                    waiting = []
        if waiting:
            yield self.maps(np.stack(waiting))

    def texts(self, texts: Sequence[str], size: int = 256) -> Tensor:
        """Returns float32 (n, dim), rows of unit length."""
        with torch.inference_mode():
            parts = [
                self.model.encode_text(self.tokenize(texts[at : at + size]), normalize=True)
                for at in range(0, len(texts), size)
            ]
        return torch.cat(parts)


@dataclass(frozen=True, slots=True)
class Axes:
    """The principal axes of the teacher's maps: mean float32 (c,), basis (c, channels), scale."""

    mean: Tensor
    basis: Tensor
    scale: float

    def turn(self, maps: Tensor) -> Tensor:
        """Returns float32 (n, channels, h, w) of float32 (n, c, h, w)."""
        turned: Tensor = (maps.permute(0, 2, 3, 1) - self.mean) @ self.basis / self.scale
        return turned.permute(0, 3, 1, 2)


def principal_axes(teacher: Teacher, entries: Sequence[Entry], channels: int) -> Axes:
    """Returns the first axes of the maps of these entries, scaled by their common deviation."""
    count, total, squares = 0, torch.zeros(()).double(), torch.zeros(()).double()
    for maps in teacher.passes(entries):
        rows = maps.permute(0, 2, 3, 1).flatten(0, 2).double()
        count, total, squares = count + len(rows), total + rows.sum(0), squares + rows.T @ rows
    mean = total / count
    values, vectors = torch.linalg.eigh(squares / count - torch.outer(mean, mean))
    scale = values[-channels:].mean().sqrt().item()
    return Axes(mean.float(), vectors.flip(1)[:, :channels].float().contiguous(), scale)


def write_maps(teacher: Teacher, entries: Sequence[Entry], axes: Axes, file: Path) -> None:
    """Writes float16 (n, channels, h, w) to the file, which appears only when it is whole."""
    unfinished = file.with_suffix(".part")
    out: Any = None
    at = 0
    for maps in teacher.passes(entries):
        turned = axes.turn(maps).half().numpy()
        if out is None:
            shape = (len(entries), *turned.shape[1:])
            out = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.float16, shape=shape)
        out[at : at + len(turned)] = turned
        at += len(turned)
    if out is not None:
        out.flush()
        unfinished.replace(file)


def make_reference(teacher: Teacher, axes: Axes, corpus: Corpus, captioned: str) -> Reference:
    """Returns the teacher as a reference; it speaks only for the texts of the captioned source."""
    weight = teacher.projection @ axes.basis * axes.scale
    bias = teacher.projection @ axes.mean
    rows = [
        row
        for row, (source, _) in enumerate(
            (picture.source, text) for picture in corpus.pictures for text in picture.texts
        )
        if source == captioned
    ]
    texts = corpus.texts()
    known = torch.zeros(len(texts), weight.shape[0])
    known[rows] = teacher.texts([texts[row] for row in rows])
    return Reference(weight, bias, known, scale=30.0)
