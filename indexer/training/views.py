"""Views of pictures, and of a teacher's maps of them: crops, mirror images, mixtures, tints."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """The views of one step.

    `rows` int64 (n,) into the corpus; `boxes` float32 (n, 4) as left, top, right, bottom in [0, 1];
    `flips` bool (n,); `colour` float32 (n, 3); `groups` int64 (n,), -1 without a text or where two
    pictures are mixed; `ids` int64 (m, length), `text_groups` int64 (m,) and `text_rows` int64
    (m,), into the corpus's texts; `partner` int64 (n,) and `patch` int64 (n, 4), in cells of the
    last feature map, for mixing.
    """

    rows: NDArray[np.int64]
    boxes: NDArray[np.float32]
    flips: NDArray[np.bool_]
    colour: NDArray[np.float32]
    groups: NDArray[np.int64]
    ids: NDArray[np.int64]
    text_groups: NDArray[np.int64]
    text_rows: NDArray[np.int64]
    partner: NDArray[np.int64]
    patch: NDArray[np.int64]


def draw_boxes(count: int, smallest: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Returns float32 (count, 4) crops whose area and shape vary (Szegedy et al. 2015)."""
    area = rng.uniform(smallest, 1, count)
    shape = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), count))
    width = np.minimum(np.sqrt(area * shape), 1)
    height = np.minimum(np.sqrt(area / shape), 1)
    left = rng.random(count) * (1 - width)
    top = rng.random(count) * (1 - height)
    return np.stack([left, top, left + width, top + height], 1).astype(np.float32)


def draw_patches(
    count: int, cells: int, share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Returns int64 (count, 4): left, top, right, bottom in cells; empty where nothing is mixed."""
    size = rng.integers(1, max(cells, 2), (count, 2))
    start = (rng.random((count, 2)) * (cells - size + 1)).astype(np.int64)
    patch = np.concatenate([start, start + size], 1)
    patch[rng.random(count) >= share] = 0
    return patch


def render(pixels: NDArray[np.uint8], batch: Batch, side: int, part: slice) -> Tensor:
    """Returns the views of a part of the batch, uint8 (n, side, side, 3), before mixing.

    `pixels` is uint8 (pictures, any, any, 3), the corpus's.
    """
    out = np.empty((len(batch.rows[part]), side, side, 3), np.uint8)
    full = pixels.shape[1]
    for view, row, box, flip in zip(
        out, batch.rows[part], batch.boxes[part], batch.flips[part], strict=True
    ):
        edges = tuple(float(edge) * full for edge in box)
        image = Image.fromarray(pixels[row])
        drawn = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, edges))
        view[:] = drawn[:, ::-1] if flip else drawn
    return torch.from_numpy(out)


def tint(x: Tensor, colour: Tensor) -> Tensor:
    """Returns normalised pictures with changed contrast, brightness and saturation.

    `x` is float32 (n, 3, h, w), `colour` float32 (n, 3).
    """
    contrast, brightness, saturation = (colour[:, i, None, None, None] for i in range(3))
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * (1 + contrast) + mean + brightness
    return torch.lerp(x.mean(1, keepdim=True), x, 1 + saturation)


def crop_maps(maps: Tensor, batch: Batch, cells: int, part: slice = slice(None)) -> Tensor:
    """Returns a teacher's maps under a part of the views, float32 (n, c, cells, cells), unmixed.

    `maps` is (n, c, h, w) of these views' whole pictures. Two samples per cell and axis are
    averaged.
    """
    boxes = torch.from_numpy(batch.boxes[part])
    steps = (torch.arange(2 * cells) + 0.5) / (2 * cells)
    x = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * steps
    y = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * steps
    x = torch.where(torch.from_numpy(batch.flips[part])[:, None], x.flip(1), x)
    grid = torch.stack(
        [x[:, None, :].expand(-1, 2 * cells, -1), y[:, :, None].expand(-1, -1, 2 * cells)], 3
    )
    sampled = F.grid_sample(maps.float(), grid * 2 - 1, padding_mode="border", align_corners=False)
    return F.avg_pool2d(sampled, 2)


def mix(x: Tensor, batch: Batch, cells: int) -> Tensor:
    """Replaces, in place, each view's patch by its partner's; pixels or maps, (n, c, h, w)."""
    scale = x.shape[2] // cells
    source = x.clone()
    for row, (left, top, right, bottom) in enumerate(batch.patch * scale):
        if right > left:
            x[row, :, top:bottom, left:right] = source[
                batch.partner[row], :, top:bottom, left:right
            ]
    return x


def squashed(pixels: NDArray[np.uint8], rows: range, side: int) -> Tensor:
    """Returns whole pictures, uint8 (n, side, side, 3)."""
    shape = (side, side)
    return torch.from_numpy(
        np.stack(
            [
                np.asarray(Image.fromarray(pixels[row]).resize(shape, Image.Resampling.BILINEAR))
                for row in rows
            ]
        )
    )
