"""Every dual encoder that open_clip can load: hub names, local checkpoints, local folders."""

import hashlib
import json
import logging
import os
import socket
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import huggingface_hub.constants
import numpy as np
import open_clip
import torch
from PIL.Image import Image
from safetensors import SafetensorError

from indexer.embedders.device import open_device
from indexer.errors import ConfigError
from indexer.types import Pixels, Vectors

_REACH_TIMEOUT_S = 3.0
_SAME_VECTOR_COSINE = 0.999


class _Name(NamedTuple):
    """`model` is what open_clip calls model_name; tag and checkpoint are empty where not given."""

    model: str
    tag: str
    checkpoint: str

    @classmethod
    def parse(cls, text: str) -> "_Name":
        if text.startswith((open_clip.factory.HF_HUB_PREFIX, open_clip.factory.LOCAL_DIR_PREFIX)):
            return cls(text, "", "")
        head, _, checkpoint = text.partition("@")
        model, _, tag = head.partition("/")
        if not model or not (tag or checkpoint):
            raise ConfigError(
                f"model 'open_clip:{text}' names no weights. Add a tag "
                f"(open_clip:{model or 'MODEL'}/PRETRAINED) or a file "
                f"(open_clip:{model or 'MODEL'}@/path/to/checkpoint)."
            )
        return cls(model, tag, checkpoint)


class OpenClipEmbedder:
    """A dual encoder loaded by open_clip, with its own preprocessing and tokenizer."""

    def __init__(self, spec: str, *, device: str = "auto", precision: str = "auto") -> None:
        """Loads the model.

        Args:
            spec: What follows `open_clip:` in the model's name.
            device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
            precision: `auto`, `fp32`, `bf16` or `fp16`.

        Raises:
            ConfigError: no such model, tag, file or device, or the weights cannot be had.
        """
        self.name = f"open_clip:{spec}"
        name = _Name.parse(spec)
        self.device = open_device(device)
        self.uses_cores = self.device.type == "cpu"
        model, self._transform, self._tokenizer = _load(name, self.name)
        model = model.eval().to(self.device)
        if any(isinstance(module, torch.nn.Conv2d) for module in model.modules()):
            model = model.to(memory_format=torch.channels_last)
        self.fingerprint = _fingerprint(model)
        self._model, self.precision = _with_precision(model, self.device, precision)
        self._dtype = next(self._model.parameters()).dtype
        size = model.visual.image_size
        self.image_side = int(max(size) if isinstance(size, tuple | list) else size)
        self.dim = int(self.embed_texts(["a photo"]).shape[1])

    def preprocess(self, image: Image) -> Pixels:
        """Returns the picture through the model's own transform, float32 (3, side, side)."""
        pixels: Pixels = self._transform(image).numpy()
        return pixels

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Returns float32 (n, dim), rows of unit length."""
        if not pixels:
            return np.empty((0, self.dim), np.float32)
        batch = torch.from_numpy(np.stack(pixels))
        return _encode_images(self._model, batch.to(self.device, self._dtype))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns float32 (n, dim), rows of unit length."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        tokens = self._tokenizer(list(texts)).to(self.device)
        with torch.inference_mode():
            return _unit_rows(self._model.encode_text(tokens))


def _load(name: _Name, shown: str) -> tuple[Any, Any, Any]:
    if name.checkpoint and not Path(name.checkpoint).is_file():
        raise ConfigError(f"model {shown!r}: there is no file {name.checkpoint}")
    if name.tag and not open_clip.get_pretrained_cfg(name.model, name.tag):
        raise ConfigError(f"model {shown!r}: {_known(name.model)}")
    if not name.checkpoint and not name.model.startswith(open_clip.factory.LOCAL_DIR_PREFIX):
        _go_offline_if_unreachable()
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            model = open_clip.create_model(
                name.model,
                pretrained=name.checkpoint or name.tag or None,
                force_preprocess_cfg=_preprocessing_of_tags(name) if name.checkpoint else None,
                require_pretrained=True,
            )
            preprocessing = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
            transform = open_clip.transform.image_transform_v2(preprocessing, is_train=False)
            return model, transform, open_clip.get_tokenizer(name.model)
    except (
        RuntimeError,
        OSError,
        ValueError,
        KeyError,
        AssertionError,
        UnpicklingError,
        SafetensorError,
    ) as error:
        raise ConfigError(_why_not(name, shown, error)) from error


def _why_not(name: _Name, shown: str, error: Exception) -> str:
    fact = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    if name.checkpoint or name.model.startswith(open_clip.factory.LOCAL_DIR_PREFIX):
        return (
            f"model {shown!r}: the weights do not load ({fact}). Check that the file is whole and "
            "belongs to this architecture."
        )
    if name.tag == "" and not name.model.startswith(open_clip.factory.HF_HUB_PREFIX):
        return f"model {shown!r}: {_known(name.model)}"
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        fact = "the model hub is out of reach"
    return (
        f"model {shown!r}: its weights are not on this machine and could not be fetched ({fact}). "
        "Three ways out: take another model (--model colour needs no weights); use a local file "
        "(--model open_clip:MODEL@/path/to/checkpoint or open_clip:local-dir:/path/to/folder); or "
        "point HF_HOME at a cache folder in which the weights were fetched before."
    )


def _known(model: str) -> str:
    if model not in open_clip.list_models():
        return f"open_clip has no architecture {model!r}; see open_clip.list_models()"
    tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
    return f"open_clip knows these weights for {model}: {tags}"


def _preprocessing_of_tags(name: _Name) -> dict[str, Any]:
    """Returns the preprocessing a local checkpoint was trained with, as far as open_clip knows it.

    That of the named tag, else the one that all published weights of the architecture share (the
    SigLIP family, say, differs from open_clip's default); nothing where they disagree.
    """
    keys = ("mean", "std", "interpolation", "resize_mode")
    tags = [name.tag] if name.tag else open_clip.list_pretrained_tags_by_model(name.model)
    configs = [open_clip.get_pretrained_cfg(name.model, tag) for tag in tags]
    wanted = [{key: config[key] for key in keys if config.get(key)} for config in configs]
    return wanted[0] if wanted and all(other == wanted[0] for other in wanted) else {}


def _go_offline_if_unreachable() -> None:
    """Spares the user the hub client's retries (about 45 s) on a machine without a network."""
    if huggingface_hub.constants.HF_HUB_OFFLINE or any(
        os.environ.get(proxy) for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    ):
        return
    endpoint = urlsplit(huggingface_hub.constants.ENDPOINT)
    port = endpoint.port or (80 if endpoint.scheme == "http" else 443)
    try:
        socket.create_connection((endpoint.hostname or "", port), _REACH_TIMEOUT_S).close()
    except OSError:
        huggingface_hub.constants.HF_HUB_OFFLINE = True


class _quiet:  # noqa: N801 - reads as a verb in `with`
    """Keeps open_clip's messages to the root logger off the user's screen; errors are raised."""

    def __enter__(self) -> None:
        self._before = logging.root.manager.disable
        logging.disable(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        logging.disable(self._before)


def _with_precision(model: Any, device: torch.device, wanted: str) -> tuple[Any, str]:
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if wanted in dtypes:
        return model.to(dtypes[wanted]), wanted
    if wanted != "auto":
        raise ConfigError(f"precision {wanted!r} is unknown. Use auto, fp32, bf16 or fp16.")
    match device.type:
        case "cuda":
            candidate = "fp16"
        case "cpu" if torch.cpu._is_avx512_bf16_supported():
            candidate = "bf16"
        case _:
            return model, "fp32"
    generator = torch.Generator().manual_seed(0)
    size = model.visual.image_size
    shape = tuple(size) if isinstance(size, tuple | list) else (size, size)
    noise = torch.rand((4, 3, 8, 8), generator=generator) * 4 - 2
    probe = torch.nn.functional.interpolate(noise, size=shape, mode="bicubic").to(device)
    before, full_s = _timed(model, probe)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    half = model.to(dtypes[candidate])
    after, half_s = _timed(half, probe.to(dtypes[candidate]))
    same = float((before * after).sum(axis=1).min()) >= _SAME_VECTOR_COSINE
    # Timed, because having the instructions does not tell how much they gain.
    if same and half_s < full_s:
        return half, candidate
    full = model.to(torch.float32)
    full.load_state_dict(state)
    return full, "fp32"


def _timed(model: Any, batch: torch.Tensor) -> tuple[Vectors, float]:
    vectors = _encode_images(model, batch)  # also warms up
    started = perf_counter()
    _encode_images(model, batch)
    return vectors, perf_counter() - started


def _encode_images(model: Any, batch: torch.Tensor) -> Vectors:
    with torch.inference_mode():
        return _unit_rows(model.encode_image(batch.contiguous(memory_format=torch.channels_last)))


def _unit_rows(features: torch.Tensor) -> Vectors:
    rows = torch.nn.functional.normalize(features.float(), dim=-1)
    return np.ascontiguousarray(rows.cpu().numpy())


def _fingerprint(model: Any) -> str:
    """Returns a name for weights and preprocessing that changes when either does.

    Each tensor enters with its name, shape and up to 1,024 values evenly spread: training moves
    all values of a tensor, so that is enough to tell models apart, and quick for the largest.
    """
    digest = hashlib.blake2b(digest_size=8)
    for key, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().flatten()
        step = max(1, flat.numel() // 1024)
        digest.update(f"{key}{tuple(tensor.shape)}".encode())
        digest.update(flat[::step].float().cpu().numpy().tobytes())
    preprocessing = asdict(open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg))
    digest.update(json.dumps(preprocessing, sort_keys=True).encode())
    return digest.hexdigest()
