"""What pulls matching pairs together: losses on embeddings of unit length.

Everywhere `images` is float (n, d), `texts` float (m, d), rows of unit length, and the groups are
int64 (n,) and (m,): an image and a text of one group say the same, so the two captions of a photo,
or two photos of one class, are never negatives of each other.
"""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

MAX_SCALE = 100.0
"""Ceiling of the inverse temperature (Radford et al. 2021, section 2.5)."""

SIGMOID_START = 10.0, -10.0
"""Inverse temperature and bias that the sigmoid loss starts with (Zhai et al. 2023, section 3)."""


class Temperature(nn.Module):
    """A learned inverse temperature, kept in [1, MAX_SCALE], and a bias for the sigmoid loss."""

    def __init__(self, scale: float = 1 / 0.07, bias: float = 0.0) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.bias = nn.Parameter(torch.tensor(bias))

    def scale(self) -> Tensor:
        """Returns the inverse temperature, a scalar."""
        return self.log_scale.clamp(0.0, math.log(MAX_SCALE)).exp()


def info_nce(
    images: Tensor,
    texts: Tensor,
    *,
    image_groups: Tensor,
    text_groups: Tensor,
    scale: Tensor,
) -> Tensor:
    """Returns the symmetric InfoNCE loss over all matching (image, text) pairs, a scalar.

    In each direction a pair competes with the negatives of its anchor alone; further positives of
    the anchor are left out of the sum. With one text per image and distinct groups this is
    open_clip's `ClipLoss`. Images or texts without a partner in the batch serve as negatives only.
    """
    logits = scale * images @ texts.T
    positive = image_groups[:, None] == text_groups[None, :]
    rows, columns = positive.nonzero(as_tuple=True)
    if not len(rows):
        return logits.sum() * 0.0
    negatives = logits.masked_fill(positive, torch.finfo(logits.dtype).min / 2)
    matched = logits[rows, columns]
    to_text = torch.logaddexp(negatives.logsumexp(1)[rows], matched) - matched
    to_image = torch.logaddexp(negatives.logsumexp(0)[columns], matched) - matched
    # A photo with five captions counts as much as a photo with one.
    per_row = positive.sum(1)[rows].to(logits.dtype)
    per_column = positive.sum(0)[columns].to(logits.dtype)
    return (
        (to_text / per_row).sum() / positive.any(1).sum()
        + (to_image / per_column).sum() / positive.any(0).sum()
    ) / 2


def sigmoid_loss(
    images: Tensor,
    texts: Tensor,
    *,
    image_groups: Tensor,
    text_groups: Tensor,
    scale: Tensor,
    bias: Tensor,
) -> Tensor:
    """Returns the pairwise sigmoid loss per image, a scalar (Zhai et al. 2023, SigLIP)."""
    logits = scale * images @ texts.T + bias
    positive = image_groups[:, None] == text_groups[None, :]
    signs = positive.to(logits.dtype) * 2 - 1
    return -F.logsigmoid(signs * logits).sum() / len(images)


def feature_mimicking(student: Tensor, teacher: Tensor) -> Tensor:
    """Returns the mean squared error per position, relative to the teacher's variance, a scalar.

    Both are float (n, c, ...) or (n, c); 1 means no better than the mean of the batch.
    """
    variance = (teacher - teacher.mean(0, keepdim=True)).square().mean()
    return (student - teacher).square().mean() / variance.clamp_min(1e-6)


def embedding_mimicking(student: Tensor, teacher: Tensor) -> Tensor:
    """Returns one minus the mean cosine of matching rows, a scalar; float (n, d) both."""
    return 1 - F.cosine_similarity(student, teacher, dim=-1).mean()


def affinity_distillation(
    images: Tensor, texts: Tensor, teacher_logits: Tensor, *, scale: Tensor
) -> Tensor:
    """Returns KL(teacher || student) of each image's distribution over the texts, a scalar.

    `teacher_logits` is float (n, m), already scaled (Wu et al. 2023, TinyCLIP, affinity mimicking).
    """
    student = F.log_softmax(scale * images @ texts.T, dim=1)
    teacher = F.log_softmax(teacher_logits, dim=1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True)
