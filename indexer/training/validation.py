"""How well a model finds: recall both ways, and naming what a picture shows."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Recalls = dict[str, float]


def ranks(images: Tensor, texts: Tensor, image_of_text: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the places of the right answers, from 0: int64 (m,) of each text's image, int64 (n,)
    of each image's best caption.

    `images` float (n, d), `texts` float (m, d), `image_of_text` int64 (m,). Ties count against us.
    """
    scores = texts @ images.T
    own = scores[torch.arange(len(texts)), image_of_text]
    of_texts = (scores >= own[:, None]).sum(1) - 1
    best = torch.full((len(images),), -2.0).scatter_reduce(0, image_of_text, own, "amax")
    right = image_of_text[:, None] == torch.arange(len(images))[None, :]
    of_images = ((scores >= best[None, :]) & ~right).sum(0)
    return of_texts, of_images


def recalls(images: Tensor, texts: Tensor, image_of_text: Tensor) -> Recalls:
    """Returns recall at 1, 5 and 10 in per cent, `t2i@k` and `i2t@k`."""
    of_texts, of_images = ranks(images, texts, image_of_text)
    return {
        f"{way}@{k}": round(100 * (places < k).float().mean().item(), 2)
        for way, places in (("t2i", of_texts), ("i2t", of_images))
        for k in (1, 5, 10)
    }


def interval(
    hits: Sequence[NDArray[np.float64]], *, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Returns the mean and the 95 % bootstrap interval, in per cent, of hits grouped by picture.

    Pictures are drawn with replacement, each with all its hits (captions of one picture are not
    independent).
    """
    sums = np.array([group.sum() for group in hits])
    sizes = np.array([len(group) for group in hits])
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(sums), (draws, len(sums)))
    means = 100 * sums[picks].sum(1) / sizes[picks].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return 100 * float(sums.sum() / sizes.sum()), float(low), float(high)


def naming(
    images: Tensor, names: Mapping[str, Tensor], labels: Sequence[str], k: int
) -> NDArray[np.float64]:
    """Returns float64 (n,): 1 where the right name is among the k nearest, else 0.

    `images` float (n, d); `names` gives each name's embedding, float (d,).
    """
    order = list(names)
    scores = images @ torch.stack([names[name] for name in order]).T
    best = scores.topk(min(k, len(order)), dim=1).indices
    right = torch.tensor([order.index(label) for label in labels])
    return (best == right[:, None]).any(1).double().numpy()
