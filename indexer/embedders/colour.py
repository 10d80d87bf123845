"""The demo model: three dimensions, one for each of red, green and blue.

A picture's vector points to its mean colour as seen from middle grey, a text's to the mean of the
colour words in it. Everything can be checked by hand, so tests and documentation use it; it knows
nothing of what a picture shows.
"""

import re
from collections.abc import Sequence

import numpy as np
from PIL import Image

from indexer.types import Pixels, Vectors

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 140, 0),
    "purple": (128, 0, 160),
    "violet": (128, 0, 160),
    "pink": (255, 130, 180),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
    "turquoise": (40, 210, 200),
    "brown": (110, 60, 20),
    "beige": (220, 200, 160),
    "white": (255, 255, 255),
    "grey": (150, 150, 150),
    "gray": (150, 150, 150),
    "black": (0, 0, 0),
}
_SIDE = 8


class ColourEmbedder:
    """The three-dimensional demo model; needs no weights and no torch."""

    name = "colour"
    fingerprint = "colour-1"
    dim = 3
    image_side = _SIDE
    uses_cores = False

    def preprocess(self, image: Image.Image) -> Pixels:
        """Returns float32 (3, 8, 8), each value the mean of an area, from 0 to 1."""
        small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        return np.asarray(small, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)

    def embed_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Returns float32 (n, 3), the direction from middle grey to each mean colour."""
        if not pixels:
            return np.empty((0, self.dim), np.float32)
        return _unit(np.stack([picture.mean(axis=(1, 2)) for picture in pixels]))

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns float32 (n, 3); a text without a colour word counts as white."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        return _unit(np.stack([_mean_colour(text) for text in texts]))


def _mean_colour(text: str) -> Vectors:
    found = [COLOURS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in COLOURS]
    colours = np.array(found or [COLOURS["white"]], np.float32)
    mean: Vectors = colours.mean(axis=0) / np.float32(255)
    return mean


def _unit(colours: Vectors) -> Vectors:
    centred = colours.astype(np.float32) - 0.5
    centred[np.linalg.norm(centred, axis=1) < 1e-3] = 1.0
    return np.ascontiguousarray(centred / np.linalg.norm(centred, axis=1, keepdims=True))
