"""The architecture: sizes, folding, and what a padded text gives."""

from pathlib import Path

import pytest
import torch

from indexer.embedders.pocket.model import (
    FusedConvolution,
    Pocket,
    PocketConfig,
    fold,
    fuse,
    load,
    save,
)
from indexer.embedders.pocket.tokenizer import Tokenizer

CONFIG = PocketConfig(image_tower="mobilenetv2_035", image_side=64, text_layers=1)


def unsettled(config: PocketConfig) -> Pocket:
    """Returns a model whose norms have statistics of their own."""
    torch.manual_seed(0)
    model = Pocket(config)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model.image(torch.randn(4, 3, 64, 64) * 2 + 1)
    return model.eval()


def test_folded_tower_gives_the_same_vectors() -> None:
    model = unsettled(CONFIG)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        before = model.image(pixels)
        fold(model.image.trunk)
        after = model.image(pixels)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in model.modules())
    torch.testing.assert_close(before, after, atol=1e-5, rtol=1e-4)


def test_fused_tower_gives_the_same_vectors() -> None:
    model = unsettled(CONFIG)
    fold(model.image.trunk)
    fused = fuse(model.image.trunk, 64)
    assert any(isinstance(part, FusedConvolution) for part in fused.modules())
    assert not any(isinstance(part, torch.nn.ReLU6) for part in fused.modules())
    pixels = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(fused(pixels), model.image.trunk(pixels), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("operator", ["missing", "wrong"])
def test_a_torch_whose_operator_is_another_keeps_the_plain_tower(
    operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: FusedConvolution, x: torch.Tensor) -> torch.Tensor:
        if operator == "missing":
            raise AttributeError("no such operator")
        return self.inner(x)

    model = unsettled(CONFIG)
    fold(model.image.trunk)
    monkeypatch.setattr(FusedConvolution, "forward", forward)
    assert fuse(model.image.trunk, 64) is model.image.trunk


def test_padding_changes_no_vector() -> None:
    model = unsettled(CONFIG)
    tokenizer = Tokenizer([], context_length=32)
    short, long = "a dog", "a dog runs in the snow"
    with torch.inference_mode():
        alone = model.text(torch.from_numpy(tokenizer.batch([short])))
        beside = model.text(torch.from_numpy(tokenizer.batch([short, long])))
    torch.testing.assert_close(alone[0], beside[0], atol=1e-6, rtol=1e-5)


def test_default_model_is_small_enough(tmp_path: Path) -> None:
    config = PocketConfig(image_tower="mobilenetv2_100", image_side=144, text_layers=0)
    model = Pocket(config)
    assert sum(parameter.numel() for parameter in model.parameters()) < 15e6
    save(model, Tokenizer([]), tmp_path)
    assert (tmp_path / "model.safetensors").stat().st_size <= 25e6
    loaded, _ = load(tmp_path)
    assert not any(value.is_meta for value in loaded.state_dict().values())
