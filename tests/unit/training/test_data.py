"""Views stay true: to the words, and to the teacher's maps under them."""

from collections.abc import Iterator

import numpy as np
import torch

from indexer.embedders.pocket.tokenizer import Tokenizer
from indexer.training.data import Corpus, Picture, Sampler, ViewOptions
from indexer.training.views import Batch, crop_maps, mix, render


def batches(texts: tuple[str, ...], **options: float) -> Iterator[Batch]:
    pictures = [Picture("drawn", str(row), texts, row) for row in range(64)]
    corpus = Corpus(pictures, np.zeros((64, 8, 8, 3), np.uint8))
    tokenizer = Tokenizer([], context_length=64)
    views = ViewOptions(**options)  # type: ignore[arg-type]
    return Sampler(corpus, tokenizer, views, np.arange(64), 32, cells=4).epoch(0, 0)


def test_no_view_is_mirrored_under_a_caption_with_left_or_right() -> None:
    for batch in batches(("a man on the LEFT", "he turns right")):
        assert not batch.flips.any()
    assert any(batch.flips.any() for batch in batches(("a man",)))


def test_word_dropout_never_leaves_a_caption_empty() -> None:
    for batch in batches(("a dog runs",), word_dropout=1.0):
        assert (batch.ids != 0).any(1).all()


def test_mixed_views_have_no_caption_of_their_own() -> None:
    for batch in batches(("a dog",), cutmix=1.0):
        assert (batch.groups == -1).all()


def test_same_key_draws_the_same_batches() -> None:
    one, other = (list(batches(("a dog", "a cat"), cutmix=0.5)) for _ in range(2))
    for mine, theirs in zip(one, other, strict=True):
        for name in Batch.__slots__:
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_teacher_maps_are_cropped_and_mirrored_like_the_pixels() -> None:
    ramp = np.tile(np.linspace(0, 240, 64, dtype=np.uint8)[None, :, None], (64, 1, 3))
    corpus = Corpus([Picture("drawn", "ramp", ("a ramp",), 0)] * 32, np.stack([ramp] * 32))
    tokenizer = Tokenizer([])
    sampler = Sampler(
        corpus, tokenizer, ViewOptions(smallest=0.3, cutmix=0.5), np.arange(32), 32, cells=4
    )
    batch = next(sampler.epoch(0, 1))
    maps = torch.from_numpy(ramp[None, :, :, 0].repeat(32, 0)).float()[:, None]
    cropped = mix(crop_maps(maps, batch, 4), batch, 4)
    pixels = render(corpus.pixels, batch, 32, slice(0, 32)).permute(0, 3, 1, 2)[:, :1].float()
    pooled = torch.nn.functional.avg_pool2d(mix(pixels, batch, 4), 8)
    assert (cropped - pooled).abs().max() < 6
