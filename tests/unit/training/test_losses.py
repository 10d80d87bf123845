"""The losses against open_clip's, against finite differences, and their own promises."""

import open_clip
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.loss import SigLipLoss

from indexer.training.losses import (
    Temperature,
    affinity_distillation,
    embedding_mimicking,
    feature_mimicking,
    info_nce,
    sigmoid_loss,
)


def rows(
    count: int, dim: int = 8, *, seed: int, dtype: torch.dtype = torch.float64
) -> torch.Tensor:
    made = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return F.normalize(made, dim=-1)


def test_one_caption_per_image_is_the_loss_of_clip() -> None:
    images, texts = rows(64, seed=1, dtype=torch.float32), rows(64, seed=2, dtype=torch.float32)
    scale = torch.tensor(14.3)
    theirs = open_clip.ClipLoss()(images, texts, scale)
    groups = torch.arange(64)
    ours = info_nce(images, texts, image_groups=groups, text_groups=groups, scale=scale)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)


def test_sigmoid_loss_is_that_of_siglip() -> None:
    images, texts = rows(64, seed=1), rows(64, seed=2)
    scale, bias = torch.tensor(10.0, dtype=torch.float64), torch.tensor(-10.0, dtype=torch.float64)
    theirs = SigLipLoss()(images, texts, scale, bias)
    groups = torch.arange(64)
    ours = sigmoid_loss(
        images, texts, image_groups=groups, text_groups=groups, scale=scale, bias=bias
    )
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)


@pytest.mark.parametrize("loss", [info_nce, sigmoid_loss])
def test_gradients_agree_with_finite_differences(loss: object) -> None:
    images = rows(4, 5, seed=3).requires_grad_()
    texts = rows(6, 5, seed=4).requires_grad_()
    groups, text_groups = torch.tensor([0, 1, 2, 2]), torch.tensor([0, 0, 1, 2, 2, 7])
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    bias = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)

    def value(images: torch.Tensor, texts: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        extra = {"bias": rest[1]} if loss is sigmoid_loss else {}
        return loss(  # type: ignore[operator,no-any-return]
            images, texts, image_groups=groups, text_groups=text_groups, scale=rest[0], **extra
        )

    given = (images, texts, scale, bias) if loss is sigmoid_loss else (images, texts, scale)
    assert torch.autograd.gradcheck(value, given)


def test_mimicking_gradients_agree_with_finite_differences() -> None:
    student = rows(3, 6, seed=5).requires_grad_()
    teacher, texts = rows(3, 6, seed=6), rows(4, 6, seed=7)
    scale = torch.tensor(2.0, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: feature_mimicking(x, teacher), student)
    assert torch.autograd.gradcheck(lambda x: embedding_mimicking(x, teacher), student)
    assert torch.autograd.gradcheck(
        lambda x: affinity_distillation(x, texts, 5 * teacher @ texts.T, scale=scale), student
    )


def test_two_captions_of_one_image_are_not_negatives() -> None:
    images = rows(2, seed=8)
    scale = torch.tensor(20.0, dtype=torch.float64)
    texts = torch.cat([images[:1], images[:1], images[1:]])
    groups = torch.tensor([0, 1])
    told = info_nce(
        images, texts, image_groups=groups, text_groups=torch.tensor([0, 0, 1]), scale=scale
    )
    single = info_nce(images, images, image_groups=groups, text_groups=groups, scale=scale)
    assert told.item() < single.item() * 1.6
    apart = info_nce(
        images, texts, image_groups=groups, text_groups=torch.tensor([0, 9, 1]), scale=scale
    )
    assert apart.item() > told.item() + 0.1


def test_gradient_on_a_second_caption_never_pushes_it_away() -> None:
    images, texts = rows(3, seed=9), rows(4, seed=10).requires_grad_()
    loss = info_nce(
        images,
        texts,
        image_groups=torch.arange(3),
        text_groups=torch.tensor([0, 0, 1, 2]),
        scale=torch.tensor(5.0, dtype=torch.float64),
    )
    loss.backward()
    assert texts.grad is not None
    logits_gradient = texts.grad @ images[0]
    assert logits_gradient[0] < 0
    assert logits_gradient[1] < 0


def test_images_without_a_text_are_negatives_only() -> None:
    images, texts = rows(3, seed=11), rows(2, seed=12)
    scale = torch.tensor(5.0, dtype=torch.float64)
    loss = info_nce(
        images,
        texts,
        image_groups=torch.tensor([0, 1, -1]),
        text_groups=torch.tensor([0, 1]),
        scale=scale,
    )
    assert torch.isfinite(loss)
    nothing = info_nce(
        images,
        texts,
        image_groups=torch.tensor([5, 6, -1]),
        text_groups=torch.tensor([0, 1]),
        scale=scale,
    )
    assert nothing.item() == 0


def test_temperature_stays_in_its_bounds() -> None:
    assert Temperature(1e6).scale().item() == pytest.approx(100)
    assert Temperature(1e-3).scale().item() == pytest.approx(1)
