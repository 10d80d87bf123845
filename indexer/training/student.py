"""What is trained: the two towers, and the parts that only learning needs."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from indexer.embedders.pocket.model import Pocket, PocketConfig
from indexer.training.losses import Temperature


class Student(nn.Module):
    """The pocket model with a neck that imitates a teacher's feature maps.

    `head` is the linear way from the teacher's pooled features into the shared space: trained
    first, against the captions, it tells the image tower later where each view belongs.
    """

    def __init__(self, config: PocketConfig, teacher_channels: int = 1) -> None:
        super().__init__()
        self.pocket = Pocket(config)
        side = config.image_side
        with torch.no_grad():
            self.pocket.image.eval()
            blank = torch.zeros(1, 3, side, side)
            channels = self.pocket.image.features(blank).shape[1]
            self.pocket.image.train()
        self.neck = nn.Conv2d(channels, teacher_channels, 1)
        self.head = nn.Linear(teacher_channels, config.dim)
        self.temperature = Temperature()

    def embed_maps(self, maps: Tensor) -> Tensor:
        """Returns float (n, dim), rows of unit length, of a teacher's maps (n, c, h, w)."""
        return F.normalize(self.head(maps.mean((2, 3))), dim=-1)


@dataclass(frozen=True, slots=True)
class Reference:
    """A finished dual encoder to learn affinities from.

    `weight` float32 (dim, channels) and `bias` (dim,) lead from the teacher's pooled maps to its
    embeddings; `texts` float32 (m, dim) are the rows of unit length of all texts of the corpus; a
    text that it does not know is a row of zeros. Its dimensions need not be the student's where
    only affinities are learned.
    """

    weight: Tensor
    bias: Tensor
    texts: Tensor
    scale: float

    def state(self) -> dict[str, Tensor | float]:
        """Returns the fields, to be stored and given to the constructor again."""
        return {
            "weight": self.weight,
            "bias": self.bias,
            "texts": self.texts,
            "scale": self.scale,
        }

    def to(self, device: torch.device) -> "Reference":
        """Returns the reference on the device."""
        return Reference(
            self.weight.to(device), self.bias.to(device), self.texts.to(device), self.scale
        )

    def embed_maps(self, maps: Tensor) -> Tensor:
        """Returns float32 (n, dim), rows of unit length, of maps (n, c, h, w)."""
        return F.normalize(F.linear(maps.mean((2, 3)), self.weight, self.bias), dim=-1)
