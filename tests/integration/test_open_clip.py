"""Models through open_clip: the same vectors as its own, and clear errors instead of traces."""

import socket
import time
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from indexer.embedders import open_embedder
from indexer.errors import ConfigError
from indexer.types import Embedder

SENTENCES = ["a dog runs over the grass", "zwei Kinder spielen", "", "🐕" * 200]


def pictures(shared_data: Path, count: int = 12) -> list[Image.Image]:
    files = sorted((shared_data / "flickr8k" / "images").glob("*.jpg"))[:count]
    drawn = [Image.linear_gradient("L").convert("RGB").resize((900, 300))]
    return [Image.open(file).convert("RGB") for file in files] + drawn


def own_vectors(
    model: torch.nn.Module, transform: object, tokenizer: object, images: list[Image.Image]
) -> tuple[np.ndarray, np.ndarray]:
    with torch.inference_mode():
        pixels = torch.stack([transform(image) for image in images])
        return (
            model.encode_image(pixels, normalize=True).numpy(),
            model.encode_text(tokenizer(SENTENCES), normalize=True).numpy(),
        )


def check_same(embedder: Embedder, images: np.ndarray, texts: np.ndarray, raw: list) -> None:
    found = embedder.embed_images([embedder.preprocess(image) for image in raw])
    assert np.abs(found - images).max() < 1e-5
    assert np.abs(embedder.embed_texts(SENTENCES) - texts).max() < 1e-5
    assert found.dtype == np.float32
    assert found.shape[1] == embedder.dim


def test_vectors_equal_open_clips_own_for_a_local_folder(shared_data: Path, teacher: str) -> None:
    folder = teacher.removeprefix("open_clip:")
    model, _, transform = open_clip.create_model_and_transforms(folder)
    raw = pictures(shared_data)
    images, texts = own_vectors(model.eval(), transform, open_clip.get_tokenizer(folder), raw)
    check_same(open_embedder(teacher, device="cpu", precision="fp32"), images, texts, raw)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT-B-32 checkpoint with weights drawn at random, as a user's own training leaves one."""
    torch.manual_seed(0)
    model = open_clip.create_model("ViT-B-32", pretrained=None, load_weights=False)
    path = tmp_path_factory.mktemp("weights") / "epoch_1.pt"
    torch.save({"state_dict": model.state_dict()}, path)
    return path


@pytest.fixture(autouse=True)
def _quiet_random_weights(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")


def test_vectors_equal_open_clips_own_for_a_local_checkpoint(checkpoint: Path) -> None:
    model, _, transform = open_clip.create_model_and_transforms(
        "ViT-B-32", pretrained=str(checkpoint)
    )
    raw = [Image.effect_noise((300, 200), 80).convert("RGB"), Image.new("RGB", (50, 90), "teal")]
    images, texts = own_vectors(model.eval(), transform, open_clip.get_tokenizer("ViT-B-32"), raw)
    embedder = open_embedder(f"open_clip:ViT-B-32@{checkpoint}", device="cpu", precision="fp32")
    assert embedder.dim == 512
    assert embedder.image_side == 224
    check_same(embedder, images, texts, raw)


def test_half_precision_is_taken_only_where_the_vectors_stay_the_same(
    checkpoint: Path, teacher: str
) -> None:
    for name in (f"open_clip:ViT-B-32@{checkpoint}", teacher):
        full = open_embedder(name, device="cpu", precision="fp32")
        chosen = open_embedder(name, device="cpu", precision="auto")
        assert full.fingerprint == chosen.fingerprint
        pixels = [
            full.preprocess(Image.effect_noise((224, 224), 60 + n).convert("RGB")) for n in (1, 2)
        ]
        same = (full.embed_images(pixels) * chosen.embed_images(pixels)).sum(axis=1)
        assert same.min() > 0.998


def test_the_fingerprint_tells_weights_apart(checkpoint: Path, tmp_path: Path) -> None:
    name = f"open_clip:ViT-B-32@{checkpoint}"
    first = open_embedder(name, device="cpu", precision="fp32").fingerprint
    assert open_embedder(name, device="cpu", precision="fp32").fingerprint == first
    state = torch.load(checkpoint)["state_dict"]
    trained = tmp_path / "epoch_2.pt"
    torch.save({key: value * 1.001 for key, value in state.items()}, trained)
    other = open_embedder(f"open_clip:ViT-B-32@{trained}", device="cpu", precision="fp32")
    assert other.fingerprint != first


def test_a_checkpoint_gets_the_preprocessing_of_its_published_weights(tmp_path: Path) -> None:
    from indexer.embedders.open_clip import _Name, _preprocessing_of_tags

    siglip = _preprocessing_of_tags(_Name("ViT-B-16-SigLIP", "", "/some/file"))
    assert siglip["mean"] == (0.5, 0.5, 0.5)
    assert siglip["resize_mode"] == "squash"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    "name", ["open_clip:ViT-B-32/laion2b_s34b_b79k", "open_clip:hf-hub:some/model"]
)
def test_without_network_and_weights_three_ways_out_are_named_within_seconds(name: str) -> None:
    started = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        open_embedder(name, device="cpu")
    assert time.monotonic() - started < 10
    message = str(caught.value)
    assert name in message
    for way_out in ("--model colour", "@/path/to/checkpoint", "HF_HOME"):
        assert way_out in message


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("open_clip:ViT-B-32", "names no weights"),
        ("open_clip:No-Such-Net/openai", "no architecture 'No-Such-Net'"),
        ("open_clip:ViT-B-32/no_such_tag", "laion2b_s34b_b79k"),
        ("open_clip:ViT-B-32@/no/such/file.pt", "there is no file /no/such/file.pt"),
        ("open_clip:local-dir:/no/such/folder", "/no/such/folder"),
    ],
)
def test_a_wrong_name_says_what_is_wrong(name: str, fact: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_embedder(name, device="cpu")
    assert fact in str(caught.value)


def test_weights_of_another_architecture_and_broken_files_are_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pt"
    broken.write_bytes(checkpoint.read_bytes()[:10_000])
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"not weights")
    for name in (f"RN50@{checkpoint}", f"ViT-B-32@{broken}", f"ViT-B-32@{junk}"):
        with pytest.raises(ConfigError, match="do not load"):
            open_embedder(f"open_clip:{name}", device="cpu")


def test_a_folder_without_weights_is_never_filled_with_random_ones(
    shared_data: Path, tmp_path: Path
) -> None:
    config = shared_data / "teacher" / "open_clip_config.json"
    (tmp_path / config.name).write_text(config.read_text())
    with pytest.raises(ConfigError, match="do not load"):
        open_embedder(f"open_clip:local-dir:{tmp_path}", device="cpu")


def test_a_device_that_is_not_there_is_named(teacher: str) -> None:
    with pytest.raises(ConfigError, match="quantum"):
        open_embedder(teacher, device="quantum")
