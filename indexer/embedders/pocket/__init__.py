"""`pocket`, the built-in model: trained by atisbo, shipped with it, good without a network."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from indexer.embedders.device import open_device
from indexer.embedders.pocket.model import WEIGHTS, fold, fuse, load, weights_in
from indexer.embedders.pocket.tokenizer import pad
from indexer.types import Pixels, Vectors

_LEAST_TEXTS = 8

__all__ = ["WEIGHTS", "PocketEmbedder"]


class PocketEmbedder:
    """The built-in dual encoder, in fp32: half precision is no faster for towers this small."""

    def __init__(self, *, device: str = "auto", folder: Path | None = None) -> None:
        """Loads the model from `folder`, the built-in one if it is None.

        Raises:
            ConfigError: there is no model, it is damaged, or the device cannot be used.
        """
        chosen, folder = folder, weights_in(folder)
        self.name = "pocket" if chosen is None else f"pocket:{folder}"
        self._device = open_device(device)
        self.uses_cores = self._device.type == "cpu"
        model, self._tokenizer = load(folder)
        fold(model.image.trunk)
        if self._device.type == "cpu":
            model.image.trunk = fuse(model.image.trunk, model.config.image_side)
        self._model = model.to(self._device)
        self._shards = 1
        if self._device.type == "cpu":
            # Layers this small gain nothing from threads inside them: each core takes a share of
            # the batch instead, which is about twice as fast on four cores.
            self._shards = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(
            self._shards, "pocket", initializer=torch.set_num_threads, initargs=(1,)
        )
        self.dim = model.config.dim
        self.image_side = model.config.image_side
        digest = hashlib.blake2b((folder / "model.safetensors").read_bytes(), digest_size=8)
        digest.update((folder / "config.json").read_bytes())
        self.fingerprint = digest.hexdigest()

    def preprocess(self, image: Image.Image) -> Pixels:
        """Returns the picture squashed to a square, float32 (3, side, side)."""
        side = self.image_side
        small = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
        scaled = np.asarray(small, np.float32) / np.float32(255)
        config = self._model.config
        pixels = (scaled - np.float32(config.mean)) / np.float32(config.std)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Returns float32 (n, 256), rows of unit length."""
        if not pixels:
            return np.empty((0, self.dim), np.float32)
        size = -(-len(pixels) // self._shards)
        shards = [pixels[at : at + size] for at in range(0, len(pixels), size)]
        return np.concatenate(list(self._pool.map(self._embed_shard, shards)))

    def _embed_shard(self, pixels: Sequence[Pixels]) -> Vectors:
        batch = torch.from_numpy(np.stack(pixels)).to(self._device)
        with torch.inference_mode():
            found = self._model.image(batch.contiguous(memory_format=torch.channels_last))
        return np.ascontiguousarray(found.cpu().numpy())

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns float32 (n, 256), rows of unit length."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        rows = [self._tokenizer.encode(text) for text in texts]
        # Of like length, so that little is spent on padding.
        order = np.argsort([len(row) for row in rows], kind="stable")
        size = max(_LEAST_TEXTS, -(-len(rows) // self._shards))
        shards = [[rows[i] for i in order[at : at + size]] for at in range(0, len(rows), size)]
        found = np.empty((len(rows), self.dim), np.float32)
        found[order] = np.concatenate(list(self._pool.map(self._embed_text_shard, shards)))
        return found

    def _embed_text_shard(self, rows: Sequence[Sequence[int]]) -> Vectors:
        ids = torch.from_numpy(pad(rows)).to(self._device)
        with torch.inference_mode():
            found: Vectors = self._model.text(ids).cpu().numpy()
        return found
