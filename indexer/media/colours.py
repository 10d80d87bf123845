"""Colour spaces that files name by a number instead of bringing an ICC profile.

HEIC and AVIF do so by ITU-T H.273 (a `colr` box of type nclx), cameras' JPEGs by DCF's "R03". Each
is made into the ICC profile that says the same. High dynamic range becomes standard range: up to
half of reference white (203 cd/m2, ITU-R BT.2408) stays as it is, what is brighter is compressed.
"""

import struct
from functools import lru_cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.media.boxes import content, properties
from indexer.media.damage import DAMAGE

Curve = NDArray[np.float64]
"""float64 (n,), linear light from 0 to 1 for n signals from 0 to 1."""

_STEPS = 1024
_SIGNAL = np.linspace(0.0, 1.0, _STEPS)
_D65 = (0.3127, 0.3290)
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_ADOBE = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
_PRIMARIES = {1: _BT709, 9: _BT2020, 12: _P3}  # H.273, table 2
_LINEAR, _PQ, _HLG = 8, 16, 18  # H.273, table 3
_WHITE_NITS, _KNEE = 203.0, 0.5

# Bradford's cone responses, by which ICC profiles go over to their own white, D50.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50 = np.array([0.9642, 1.0, 0.8249])

_EXIF, _INTEROP, _INDEX = 0x8769, 0xA005, 1


def named_by_number(stream: BinaryIO) -> bytes | None:
    """Returns an ICC profile for the colours that a HEIC or AVIF file names.

    None where it names none, or those that everything has anyway.
    """
    for box in properties(stream):
        colours = content(stream, box, 8) if box.kind == b"colr" else b""
        if colours[:4] == b"nclx" and len(colours) == 8:
            return by_number(*struct.unpack_from(">HH", colours, 4))
    return None


def of_camera(image: Image.Image) -> bytes | None:
    """Returns an ICC profile of Adobe RGB if the picture's EXIF says that it has its colours."""
    try:
        exif = image.getexif()
        if _INTEROP not in exif.get_ifd(_EXIF):
            return None
        index = exif.get_ifd(_INTEROP).get(_INDEX)
    except DAMAGE:
        return None
    return adobe_rgb() if isinstance(index, str) and index.startswith("R03") else None


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes:
    """Returns an ICC profile of Adobe RGB (1998)."""
    return profile("as Adobe RGB", _ADOBE, _SIGNAL ** (563 / 256))


@lru_cache(maxsize=1)
def display_p3() -> bytes:
    """Returns an ICC profile of Display P3."""
    return profile("as Display P3", _P3, _srgb_curve())


def profile(name: str, primaries: tuple[tuple[float, float], ...], curve: Curve) -> bytes:
    """Returns an ICC profile (version 2) of an RGB space with a white of D65.

    Args:
        name: In ASCII.
        primaries: x and y of red, green and blue.
        curve: From signal to light, the same for all three.
    """
    white = _xyz(_D65)
    colours = np.stack([_xyz(one) for one in primaries], axis=1)
    colours = colours * np.linalg.solve(colours, white)
    cones = _BRADFORD @ _D50 / (_BRADFORD @ white)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ colours
    text = name.encode("ascii") + b"\0"
    shape = struct.pack(">4s4xI", b"curv", len(curve))
    shape += np.rint(curve * 65535).astype(">u2").tobytes()
    tags = {
        b"desc": struct.pack(">4s4xI", b"desc", len(text)) + text + bytes(78),
        b"wtpt": _xyz_tag(_D50),
        b"rXYZ": _xyz_tag(adapted[:, 0]),
        b"gXYZ": _xyz_tag(adapted[:, 1]),
        b"bXYZ": _xyz_tag(adapted[:, 2]),
        b"rTRC": shape,
        b"gTRC": shape,
        b"bTRC": shape,
    }
    table, data = struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        table += struct.pack(">4sII", key, 132 + 12 * len(tags) + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    header = struct.pack(">I4xI4s4s4s", 132 + 12 * len(tags) + len(data), 0x02100000,
                         b"mntr", b"RGB ", b"XYZ ")  # fmt: skip
    header += bytes(12) + b"acsp" + bytes(28) + _xyz_tag(_D50)[8:]
    return header.ljust(128, b"\0") + table + data


@lru_cache(maxsize=32)
def by_number(primaries: int, transfer: int) -> bytes | None:
    """Returns an ICC profile for the colours of these numbers of H.273; None for usual ones."""
    if primaries not in _PRIMARIES:
        return None
    if transfer == _LINEAR:
        curve = _SIGNAL
    elif transfer == _PQ:
        curve = _standard_range(_pq_nits())
    elif transfer == _HLG:
        curve = _standard_range(_hlg_nits())
    elif primaries != 1:
        curve = _srgb_curve()
    else:
        return None
    return profile(f"as H.273 {primaries}-{transfer}", _PRIMARIES[primaries], curve)


def _srgb_curve() -> Curve:
    return np.where(_SIGNAL <= 0.04045, _SIGNAL / 12.92, ((_SIGNAL + 0.055) / 1.055) ** 2.4)


def _pq_nits() -> Curve:
    """The perceptual quantizer, SMPTE ST 2084."""
    root = _SIGNAL ** (1 / 78.84375)
    return 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
        1 / 0.1593017578125
    )


def _hlg_nits() -> Curve:
    """Hybrid log-gamma as a display of 1,000 cd/m2 shows it, ITU-R BT.2100."""
    low = _SIGNAL**2 / 3
    high = (np.exp((_SIGNAL - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return 1_000 * np.where(_SIGNAL <= 0.5, low, high) ** 1.2


def _standard_range(nits: Curve) -> Curve:
    light = nits / _WHITE_NITS
    rest = 1 - _KNEE
    return np.where(light <= _KNEE, light, 1 - rest * np.exp((_KNEE - light) / rest))


def _xyz(chromaticity: tuple[float, float]) -> NDArray[np.float64]:
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _xyz_tag(xyz: NDArray[np.float64]) -> bytes:
    return struct.pack(">4s4x3i", b"XYZ ", *(round(float(value) * 65536) for value in xyz))
