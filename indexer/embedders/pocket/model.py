"""The pocket architecture: a convolutional image tower and a small transformer text tower.

Files of a saved model: `config.json`, `model.safetensors` (fp16), `vocabulary.json`.
"""

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from indexer.embedders.pocket.tokenizer import PAD, Tokenizer
from indexer.errors import ConfigError

WEIGHTS = Path(__file__).with_name("weights")
FILES = ("config.json", "model.safetensors", "vocabulary.json")


@dataclass(frozen=True, slots=True)
class PocketConfig:
    """Everything that is needed to build the towers.

    `image_side` is the input side in pixels (the picture is squashed to a square), `mean` and `std`
    are those of the three channels, for pixels in [0, 1].
    """

    image_tower: str = "mobilenetv4_conv_small"
    image_side: int = 128
    mean: float = 0.5
    std: float = 0.25
    dim: int = 256
    vocabulary: int = 6000
    context_length: int = 32
    text_width: int = 256
    text_layers: int = 2
    text_heads: int = 4


class ImageTower(nn.Module):
    """A timm network whose classifier is the projection into the shared space."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        extra: dict[str, Any] = {}
        if "vit_" in config.image_tower:
            extra = {"img_size": config.image_side}
        self.trunk: Any = timm.create_model(config.image_tower, num_classes=config.dim, **extra)

    def features(self, pixels: Tensor) -> Tensor:
        """Returns the last feature map, float (n, c, h, w), of float (n, 3, side, side)."""
        features: Tensor = self.trunk.forward_features(pixels)
        if features.ndim == 3:
            tokens = features[:, self.trunk.num_prefix_tokens :]
            side = int(tokens.shape[1] ** 0.5)
            features = tokens.mT.reshape(len(tokens), -1, side, side)
        return features

    def project(self, features: Tensor) -> Tensor:
        """Returns float (n, dim), rows of unit length, of a feature map."""
        if "vit_" in self.trunk.default_cfg.get("architecture", "vit_"):
            return F.normalize(self.trunk.head(features.mean((2, 3))), dim=-1)
        return F.normalize(self.trunk.forward_head(features), dim=-1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Returns float (n, dim), rows of unit length, of float (n, 3, side, side)."""
        return self.project(self.features(pixels))


def stages(trunk: nn.Module) -> list[nn.Sequential]:
    """Returns a MobileNetV2-like timm network as a chain of pieces, each of several layers."""
    groups = trunk.get_submodule("blocks").children()
    blocks = [block for group in groups for block in group.children()]
    first = [trunk.get_submodule(name) for name in ("conv_stem", "bn1")]
    last = [trunk.get_submodule(name) for name in ("conv_head", "bn2")]
    inner = [nn.Sequential(block) for block in blocks[1:-1]]
    return [nn.Sequential(*first, blocks[0]), *inner, nn.Sequential(blocks[-1], *last)]


def fold(trunk: nn.Module) -> None:
    """Puts each norm into the convolution before it: the same outputs, about a third sooner.

    For evaluation only. Norms that follow no convolution stay.
    """
    for parent in list(trunk.modules()):
        before: tuple[str, nn.Module] | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and before is not None:
                convolution = before[1]
                if isinstance(convolution, nn.Conv2d):
                    setattr(parent, before[0], fuse_conv_bn_eval(convolution, child))
                    activation = getattr(child, "act", nn.Identity())
                    setattr(parent, name, activation)
            before = (name, child)


class FusedConvolution(nn.Module):
    """A convolution that clamps its output to [0, 6] at once; on a CPU, without gradients."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.inner = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Returns what the convolution and ReLU6 after it return."""
        one = self.inner
        clamped: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, one.weight, one.bias, one.padding, one.stride, one.dilation, one.groups,
            "hardtanh", [0.0, 6.0], "",
        )  # fmt: skip
        return clamped


def fuse(trunk: nn.Module, side: int) -> nn.Module:
    """Returns the folded network with ReLU6 inside its convolutions, about a fifth sooner.

    The operator is the one that torch's compiler uses and is no public interface: where it is
    missing, or gives other values on a picture of noise, the network is returned as it was.
    """
    fused = copy.deepcopy(trunk)
    for parent in list(fused.modules()):
        children = list(parent.named_children())
        for (name, one), (after, activation) in pairwise(children):
            if isinstance(one, nn.Conv2d) and isinstance(activation, nn.ReLU6):
                setattr(parent, name, FusedConvolution(one))
                setattr(parent, after, nn.Identity())
    noise = torch.rand(1, 3, side, side).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        try:
            if torch.allclose(fused(noise), trunk(noise), atol=1e-3):
                return fused
        except (AttributeError, RuntimeError):
            pass
    return trunk


class Block(nn.Module):
    """One pre-norm transformer block over the unpadded positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        # A new block changes nothing: words begin as the mean of their tokens, order comes later.
        for last in (self.out, self.down):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Returns float (n, length, width); `mask` is bool (n, 1, 1, length), True is a token."""
        heads = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(heads[0], heads[1], heads[2], attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        widened: Tensor = self.down(F.gelu(self.up(self.norm2(x))))
        return x + widened


class TextTower(nn.Module):
    """Token and position embeddings, transformer blocks, mean over tokens, projection."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        width = config.text_width
        self.tokens = nn.Embedding(config.vocabulary, width, padding_idx=PAD)
        self.positions = nn.Parameter(torch.empty(config.context_length, width))
        self.blocks = nn.ModuleList(
            Block(width, config.text_heads) for _ in range(config.text_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.proj = nn.Linear(width, config.dim, bias=False)
        nn.init.normal_(self.tokens.weight, std=0.02)
        nn.init.normal_(self.positions, std=0.01)
        nn.init.normal_(self.proj.weight, std=width**-0.5)

    def forward(self, ids: Tensor) -> Tensor:
        """Returns float (n, dim), rows of unit length, of int64 (n, length)."""
        mask = ids != PAD
        x = self.tokens(ids)
        if len(self.blocks):
            x = x + self.positions[: ids.shape[1]]
        for block in self.blocks:
            x = block(x, mask[:, None, None, :])
        weights = mask.to(x.dtype)[:, :, None]
        pooled = (self.norm(x) * weights).sum(1) / weights.sum(1)
        return F.normalize(self.proj(pooled), dim=-1)


class Pocket(nn.Module):
    """Both towers in one space."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        self.config = config
        self.image = ImageTower(config)
        self.text = TextTower(config)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Returns float32 (n, 3, h, w), channels last, of uint8 (n, h, w, 3)."""
        x = pixels.permute(0, 3, 1, 2).float()
        return x.div_(255).sub_(self.config.mean).div_(self.config.std)


def save(model: Pocket, tokenizer: Tokenizer, folder: Path) -> None:
    """Writes the model as fp16 with its configuration and vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(weights, folder / "model.safetensors")
    config = json.dumps(asdict(model.config), indent=1) + "\n"
    (folder / "config.json").write_text(config, encoding="utf-8")
    tokenizer.save(folder / "vocabulary.json")


def weights_in(folder: Path | None) -> Path:
    """Returns the folder if it holds a saved model; the built-in model's if it is None.

    Raises:
        ConfigError: a file is missing.
    """
    found = WEIGHTS if folder is None else folder.expanduser().resolve()
    if missing := [name for name in FILES if not (found / name).is_file()]:
        raise ConfigError(
            f"{found} is no model that atisbo train made: it lacks {', '.join(missing)}. Name the "
            "folder `model` of a run."
        )
    return found


def load(folder: Path) -> tuple[Pocket, Tokenizer]:
    """Returns the model that `save` wrote, as fp32 in evaluation mode, and its tokenizer.

    Raises:
        ConfigError: a file is damaged.
    """
    try:
        config = PocketConfig(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
        with torch.device("meta"):
            model = Pocket(config)
        weights: Mapping[str, Tensor] = load_file(folder / "model.safetensors")
        model.load_state_dict(
            {name: value.float() for name, value in weights.items()}, strict=False, assign=True
        )
        tokenizer = Tokenizer.load(folder / "vocabulary.json")
    except (ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise ConfigError(
            f"the model in {folder} is damaged or of another version: "
            f"{str(error).splitlines()[0]}. Train it again."
        ) from error
    for name, buffer in model.named_buffers():
        if name.endswith("num_batches_tracked"):
            owner, _, leaf = name.rpartition(".")
            model.get_submodule(owner)._buffers[leaf] = torch.zeros_like(buffer, device="cpu")
    return model.eval().to(memory_format=torch.channels_last), tokenizer
