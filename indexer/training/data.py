"""Pictures in memory, and what each step sees of them.

All chance is drawn from (seed, phase, epoch, step), never from a running state, so that a resumed
run sees the very same views.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from indexer.embedders.pocket.tokenizer import Tokenizer, pad
from indexer.training.views import Batch, draw_boxes, draw_patches

_SIDED = re.compile(r"\b(left|right)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Picture:
    """A training picture: what it says, and the group of pictures that say the same.

    `texts` are its captions, or the ways to name its class. `group` is -1 where it has none.
    """

    source: str
    name: str
    texts: tuple[str, ...] = ()
    group: int = -1


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pictures with their pixels, uint8 (n, side, side, 3), possibly a memory map."""

    pictures: Sequence[Picture]
    pixels: NDArray[np.uint8]

    def texts(self) -> list[str]:
        """Returns all texts, picture by picture."""
        return [text for picture in self.pictures for text in picture.texts]

    def text_starts(self) -> NDArray[np.int64]:
        """Returns int64 (n,), where each picture's texts start in `texts()`."""
        counts = [len(picture.texts) for picture in self.pictures]
        return np.cumsum([0, *counts])[:-1]


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """How far a view may be from its picture.

    `smallest` is the least share of the area a crop keeps, `cutmix` the share of views in which a
    rectangle comes from another picture, `jitter` the strength of brightness and colour changes,
    `word_dropout` the chance that a word of a caption is left out.
    """

    smallest: float = 0.4
    cutmix: float = 0.0
    jitter: float = 0.3
    word_dropout: float = 0.1
    texts_per_picture: int = 1


@dataclass(slots=True)
class Sampler:
    """Draws batches; each row once per epoch."""

    corpus: Corpus
    tokenizer: Tokenizer
    options: ViewOptions
    rows: NDArray[np.int64]
    batch: int
    cells: int
    _words: dict[str, list[list[int]]] = field(default_factory=dict)
    _starts: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._starts = self.corpus.text_starts()

    def __len__(self) -> int:
        """Steps per epoch; a last short batch is left out."""
        return len(self.rows) // self.batch

    def epoch(self, *key: int) -> Iterator[Batch]:
        """Yields the batches of the epoch that the key names."""
        order = np.random.default_rng(key).permutation(self.rows)
        for step in range(len(self)):
            rows = order[step * self.batch : (step + 1) * self.batch]
            yield self._draw(rows, np.random.default_rng((*key, step)))

    def _draw(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        count = len(rows)
        options = self.options
        boxes = draw_boxes(count, options.smallest, rng)
        flips = rng.random(count) < 0.5
        colour = rng.uniform(-options.jitter, options.jitter, (count, 3)).astype(np.float32)
        partner = rng.permutation(count)
        patch = draw_patches(count, self.cells, options.cutmix, rng)
        groups = np.array([self.corpus.pictures[row].group for row in rows])
        ids: list[list[int]] = []
        text_groups: list[int] = []
        text_rows: list[int] = []
        starts = self._starts
        for index, row in enumerate(rows):
            texts = self.corpus.pictures[row].texts
            for choice in rng.permutation(len(texts))[: options.texts_per_picture]:
                text = texts[choice]
                flips[index] &= not _SIDED.search(text)
                ids.append(self._shorten(text, rng))
                text_groups.append(int(groups[index]))
                text_rows.append(int(starts[row] + choice))
        groups[patch[:, 2] > patch[:, 0]] = -1
        # Texts of like length side by side: a shard of them is padded no further than it needs.
        by_length = np.argsort([len(text) for text in ids], kind="stable")
        return Batch(
            rows, boxes, flips, colour, groups, pad([ids[i] for i in by_length]),
            np.array(text_groups, np.int64)[by_length], np.array(text_rows, np.int64)[by_length],
            partner, patch,
        )  # fmt: skip

    def _shorten(self, text: str, rng: np.random.Generator) -> list[int]:
        spelled = self._words.get(text)
        if spelled is None:
            spelled = self._words[text] = [self.tokenizer.encode(word) for word in text.split()]
        keep = rng.random(len(spelled)) >= self.options.word_dropout
        ids = [i for word, kept in zip(spelled, keep, strict=True) if kept for i in word]
        return (ids or self.tokenizer.encode(text))[: self.tokenizer.context_length]
