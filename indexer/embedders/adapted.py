"""A model with a small taught residual on top; plain numpy, so that searching needs no more.

A row v of one modality becomes v + B·gelu(A·v + a) + b, scaled to unit length. Where B and b are
zero it stays what it was.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from safetensors import SafetensorError
from safetensors.numpy import load, save

from indexer.errors import Unavailable
from indexer.types import Embedder, Modality, Pixels, Vectors

EMBEDDED = (Modality.IMAGE, Modality.TEXT)
"""The modalities that a model makes vectors of itself."""

_BLOCK = 8192
_SLOPE = np.float32(math.sqrt(2 / math.pi))
_CUBIC = np.float32(0.044715)


@dataclass(frozen=True, slots=True)
class Residual:
    """The residual of one modality.

    `inner` float32 (hidden, dim), `inner_bias` (hidden,), `outer` (dim, hidden), `bias` (dim,).
    """

    inner: NDArray[np.float32]
    inner_bias: NDArray[np.float32]
    outer: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, vectors: Vectors) -> Vectors:
        """Returns the taught rows, float32 (n, dim) of unit length."""
        taught = np.empty(vectors.shape, np.float32)
        for start in range(0, len(vectors), _BLOCK):
            rows = np.asarray(vectors[start : start + _BLOCK], np.float32)
            moved = rows + _gelu(rows @ self.inner.T + self.inner_bias) @ self.outer.T + self.bias
            taught[start : start + _BLOCK] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
        return taught


@dataclass(frozen=True, slots=True)
class Adapter:
    """The residuals of what a model embeds: pictures and texts."""

    residuals: Mapping[Modality, Residual]

    def __getitem__(self, modality: Modality) -> Residual:
        """Returns the residual for vectors of that modality; films lie where their moments do."""
        return self.residuals[Modality.IMAGE if modality is Modality.VIDEO else modality]

    @property
    def dim(self) -> int:
        return len(self.residuals[Modality.IMAGE].bias)

    def fingerprint(self, base: str) -> str:
        """Returns a digest of the weights and of the fingerprint of the model below."""
        digest = hashlib.blake2b(base.encode(), digest_size=8)
        for name, tensor in sorted(_tensors(self).items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor, "<f4").tobytes())
        return digest.hexdigest()

    def to_bytes(self) -> bytes:
        """Returns the weights as a safetensors file."""
        return save({name: np.ascontiguousarray(one) for name, one in _tensors(self).items()})

    @staticmethod
    def from_bytes(content: bytes, source: object) -> "Adapter":
        """Returns the adapter in the bytes of `source`, a file to be named in errors.

        Raises:
            Unavailable: the bytes are not an adapter.
        """
        try:
            found = load(content)
            return Adapter(
                {
                    modality: Residual(
                        *(
                            found[f"{modality}.{field}"].astype(np.float32)
                            for field in Residual.__slots__
                        )
                    )
                    for modality in EMBEDDED
                }
            )
        except (SafetensorError, KeyError) as error:
            raise Unavailable(
                f"{source} is damaged: {error}. Go back with `atisbo models use`, drop the space "
                "with `atisbo models drop`, and teach it again."
            ) from error


class AdaptedEmbedder:
    """A model whose vectors pass through an adapter; known by the model's own name."""

    def __init__(self, base: Embedder, adapter: Adapter) -> None:
        self._base = base
        self._adapter = adapter
        self.name = base.name
        self.fingerprint = adapter.fingerprint(base.fingerprint)
        self.dim = base.dim
        self.image_side = base.image_side
        self.uses_cores = base.uses_cores

    def preprocess(self, image: Image) -> Pixels:
        """Returns the picture as the model below wants it."""
        return self._base.preprocess(image)

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Returns float32 (n, dim), rows of unit length."""
        return self._adapter[Modality.IMAGE](self._base.embed_images(pixels))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns float32 (n, dim), rows of unit length."""
        return self._adapter[Modality.TEXT](self._base.embed_texts(texts))


def _tensors(adapter: Adapter) -> dict[str, NDArray[np.float32]]:
    return {
        f"{modality}.{field}": getattr(residual, field)
        for modality, residual in adapter.residuals.items()
        for field in Residual.__slots__
    }


def _gelu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the tanh form of the Gaussian error linear unit, as the trainer uses it."""
    found: NDArray[np.float32] = np.float32(0.5) * x * (1 + np.tanh(_SLOPE * (x + _CUBIC * x**3)))
    return found
