"""Teaching a small residual on top of stored vectors: no picture is looked at again.

The loss is symmetric InfoNCE. A batch holds one caption of each picture, another in each epoch, so
two captions of one picture are never negatives of each other; nor are two equal captions.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own name for it
from torch import Tensor, nn

from indexer.embedders.adapted import Adapter, Residual
from indexer.evaluation.pairs import Numbers, Pairs
from indexer.training.losses import Temperature, info_nce
from indexer.types import Modality


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an adapter is taught."""

    hidden: int = 256
    epochs: int = 200
    patience: int = 15
    batch: int = 1024
    learning_rate: float = 1e-4
    weight_decay: float = 1.0
    noise: float = 1.0
    scale: float = 20.0


def teach(
    train: Pairs,
    stop: Pairs,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Adapter:
    """Returns the adapter with the least loss on `stop`; the same seed gives the same one.

    `progress` is called with the epoch and the most there can be, after each.
    """
    recipe = recipe or Recipe()
    with torch.random.fork_rng(devices=[]), _few_threads():
        torch.manual_seed(seed)
        images = _Residual(train.images.shape[1], recipe.hidden)
        texts = _Residual(train.texts.shape[1], recipe.hidden)
        return _Lesson(recipe, images, texts, np.random.default_rng(seed)).run(
            train, stop, progress
        )


@contextmanager
def _few_threads() -> Iterator[None]:
    """Two at most: more gain nothing on layers this small, and lose tenfold on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(2, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Residual(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(dim, hidden)
        self.outer = nn.Linear(hidden, dim)
        # An inner row of unit length sees a unit vector at the scale of its cosine: make it count.
        nn.init.normal_(self.inner.weight, std=1.0)
        nn.init.zeros_(self.inner.bias)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        moved = self.outer(F.gelu(self.inner(vectors), approximate="tanh"))
        return F.normalize(vectors + moved, dim=-1)

    def numbers(self) -> Residual:
        return Residual(
            *(
                parameter.detach().numpy().copy()
                for parameter in (
                    self.inner.weight,
                    self.inner.bias,
                    self.outer.weight,
                    self.outer.bias,
                )
            )
        )


class _Lesson:
    """One course of teaching."""

    def __init__(
        self,
        recipe: Recipe,
        images: _Residual,
        texts: _Residual,
        generator: np.random.Generator,
    ) -> None:
        self._recipe = recipe
        self._temperature = Temperature(scale=recipe.scale)
        self._images, self._texts = images, texts
        self._model = nn.ModuleList([images, texts])
        self._generator = generator
        self._optimizer = torch.optim.AdamW(
            [
                {"params": list(self._model.parameters()), "weight_decay": recipe.weight_decay},
                {"params": [self._temperature.log_scale], "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
        )

    def run(self, train: Pairs, stop: Pairs, progress: Callable[[int, int], None]) -> Adapter:
        recipe = self._recipe
        captions = _captions_of(train)
        drawn = np.random.default_rng(0)
        watched = [_batch(stop, rows) for rows in _draws(_captions_of(stop), drawn, recipe.batch)]
        least, best, waited = float("inf"), copy.deepcopy(self._model.state_dict()), 0
        for epoch in range(1, recipe.epochs + 1):
            for rows in _draws(captions, self._generator, recipe.batch):
                self._step(*_batch(train, rows))
            with torch.no_grad():
                loss = float(np.mean([float(self._loss(*one)) for one in watched]))
            progress(epoch, recipe.epochs)
            waited += 1
            if loss < least:
                least, best, waited = loss, copy.deepcopy(self._model.state_dict()), 0
            if waited >= recipe.patience:
                break
        self._model.load_state_dict(best)
        return Adapter(
            {
                Modality.IMAGE: self._images.numbers(),
                Modality.TEXT: self._texts.numbers(),
            }
        )

    def _step(self, images: Tensor, texts: Tensor, groups: Tensor) -> None:
        loss = self._loss(self._noisy(images), self._noisy(texts), groups)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no annotation for it
        self._optimizer.step()

    def _loss(self, images: Tensor, texts: Tensor, groups: Tensor) -> Tensor:
        return info_nce(
            self._images(images),
            self._texts(texts),
            image_groups=groups,
            text_groups=groups,
            scale=self._temperature.scale(),
        )

    def _noisy(self, vectors: Tensor) -> Tensor:
        """Returns the rows shaken by about `noise` of their length: none is learned by heart."""
        shaken = torch.randn_like(vectors) * (self._recipe.noise / vectors.shape[1] ** 0.5)
        return F.normalize(vectors + shaken, dim=-1)


def _captions_of(pairs: Pairs) -> tuple[Numbers, Numbers, Numbers]:
    """Returns captions in order of their picture, where each picture's begin, and how many."""
    order = np.argsort(pairs.about, kind="stable")
    counts = np.bincount(pairs.about, minlength=len(pairs.images))
    return order, np.cumsum(counts) - counts, counts


def _draws(
    captions: tuple[Numbers, Numbers, Numbers], generator: np.random.Generator, size: int
) -> list[Numbers]:
    """Returns rows of captions in batches: one for each picture, pictures in random order."""
    order, starts, counts = captions
    chosen = order[starts + generator.integers(0, counts)]
    batches = -(-len(chosen) // size)
    return np.array_split(generator.permutation(chosen), batches)


def _batch(pairs: Pairs, rows: Numbers) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(pairs.images[pairs.about[rows]]),
        torch.from_numpy(pairs.texts[rows]),
        torch.from_numpy(pairs.words[rows]),
    )
